//! Bundled server: its concurrency models, its programs, and their build.

use std::ffi::OsString;
use std::path::PathBuf;

use anyhow::Result;
use clap::ValueEnum;

use super::cargo_afl::CargoAfl;
use crate::note;
use crate::server::Server;
use crate::util::problem::Problem;
use crate::util::workspace::{self, Workspace};

/// Target directory of the bundled programs, below the one of the workspace.
const TARGET: &str = "afl";

/// A concurrency model of the bundled server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "kebab-case")]
pub enum ConcurrencyModel {
    /// Several threads in accept
    AcceptThreads,
    /// A new thread for each connection
    ThreadPerConnection,
    /// A fixed pool of threads
    Pool,
    /// One thread and poll
    Poll,
    /// One thread and epoll
    Epoll,
    /// hyper on a multi-threaded tokio
    Tokio,
}

impl ConcurrencyModel {
    /// Returns the name of the model on command lines.
    ///
    /// # Panics
    /// Never: no model is hidden.
    #[must_use]
    pub fn name(self) -> String {
        self.to_possible_value().expect("no model is hidden").get_name().to_owned()
    }

    /// Returns the name of the program with this model, or of its variant with planted bugs.
    #[must_use]
    pub const fn program(self, planted: bool) -> &'static str {
        match (self, planted) {
            (Self::Tokio, false) => "sockfuzz-tokio",
            (Self::Tokio, true) => "sockfuzz-planted-tokio",
            (_, false) => "sockfuzz-server",
            (_, true) => "sockfuzz-planted",
        }
    }

    /// Returns the arguments of the program.
    #[must_use]
    pub fn arguments(self) -> Vec<OsString> {
        ["--model", &self.name(), "--listen", "127.0.0.1:8080"].map(OsString::from).to_vec()
    }
}

/// Returns the path of a bundled program, which may not be built yet.
#[must_use]
pub fn program(workspace: &Workspace, name: &str) -> PathBuf {
    workspace.target(TARGET).join("release").join(name)
}

/// Returns the bundled server, which may not be built yet.
///
/// # Errors
/// When the workspace is missing.
pub fn server(model: ConcurrencyModel, planted: bool) -> Result<Server> {
    let workspace = Workspace::find_or_unpack()?.ok_or_else(|| {
        Problem::failed(
            "the source tree with the bundled server is missing",
            "give a server after --, or rebuild sockfuzz in its source tree",
        )
    })?;
    let program = program(&workspace, model.program(planted));
    Ok(Server::new(program, model.arguments()))
}

/// Builds the bundled servers with instrumentation, or the targets that `selection` (options of cargo)
/// selects. Does nothing without a workspace.
///
/// # Errors
/// When the build fails.
pub fn build(cargo_afl: &CargoAfl, what: &str, selection: &[&str]) -> Result<()> {
    let Some(workspace) = Workspace::find_or_unpack()? else {
        return Ok(());
    };
    let target = workspace.target(TARGET);
    note!("building {what} into {} …", target.display());
    let mut command = cargo_afl.cargo()?;
    command
        .args(["build", "--release"])
        .args(workspace::cargo_verbosity())
        .arg("--manifest-path")
        .arg(workspace.path("harness/Cargo.toml"))
        .arg("--target-dir")
        .arg(&target)
        .args(selection);
    workspace.build(command, what)
}
