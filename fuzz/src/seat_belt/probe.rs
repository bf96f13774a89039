//! What the seat belt can do on this machine, found out by wearing it: the preload tells afl-fuzz's
//! server nothing that anybody would read, so it is asked before.

use std::env;
use std::path::Path;
use std::process::Stdio;

use anyhow::{Context, Result};
use sockfuzz_contract::{Gaps, SeatBelt, specs};

use crate::cli::PreloadOptions;
use crate::problem::Problem;
use crate::server::Server;
use crate::status_file::StatusFile;

/// Runs this program, which does nothing but print its version, with the belt on.
pub(super) fn gaps(options: &PreloadOptions, library: &Path) -> Result<Gaps> {
    let status = StatusFile::in_memory()?;
    let wearer = Server::new(env::current_exe()?, vec!["--version".into()]);
    let output = wearer
        .preloaded(library, options, &status)
        .env(specs::SEAT_BELT.variable, SeatBelt::Auto.to_string())
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("cannot start {}", wearer.shown()))?;
    status.seat_belt().ok_or_else(|| {
        let said = String::from_utf8_lossy(&output.stderr);
        Problem::failed(
            format!("the seat belt cannot be fastened: {}", said.trim()),
            "give --seat-belt off, if you trust the server with your files",
        )
        .into()
    })
}
