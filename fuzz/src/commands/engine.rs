//! `sockfuzz engine-fuzz`: afl-fuzz as ClusterFuzz runs it. The launcher of a bundle starts it.

use std::ffi::OsString;

use anyhow::Result;
use clap::Args;

use crate::fuzz_target::afl_engine;
use crate::util::notice::{self, Verbosity};

/// Arguments of `engine-fuzz`.
#[derive(Debug, Args)]
pub struct EngineArguments {
    /// Arguments of afl-fuzz
    #[arg(last = true, value_name = "ARGS")]
    pub words: Vec<OsString>,
}

/// Runs afl-fuzz, and leaves one crash with its report.
///
/// # Errors
/// When afl-fuzz cannot be started.
pub fn run(arguments: EngineArguments) -> Result<u8> {
    notice::set(Verbosity::Quiet);
    afl_engine::run(arguments.words)
}
