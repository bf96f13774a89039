//! What the sandbox can do on this machine, found out by wearing it: the preload tells afl-fuzz's
//! server nothing that anybody would read, so it is asked before.

use std::env;
use std::path::Path;
use std::process::Stdio;

use anyhow::{Context, Result};
use sockfuzz_protocol::{SandboxGaps, SandboxMode, specs};

use crate::cli::PreloadOptions;
use crate::problem::Problem;
use crate::server::Server;
use crate::status_file::StatusFile;

/// Runs this program, which does nothing but print its version, in the sandbox.
pub(super) fn gaps(options: &PreloadOptions, library: &Path) -> Result<SandboxGaps> {
    let status = StatusFile::in_memory()?;
    let probe = Server::new(env::current_exe()?, vec!["--version".into()]);
    let output = probe
        .preloaded(library, options, &status)
        .env(specs::SANDBOX.variable, SandboxMode::Auto.to_string())
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("cannot start {}", probe.shown()))?;
    status.sandbox_gaps().ok_or_else(|| {
        let said = String::from_utf8_lossy(&output.stderr);
        Problem::failed(
            format!("the sandbox cannot be set up: {}", said.trim()),
            "give --sandbox off, if you trust the server with your files",
        )
        .into()
    })
}
