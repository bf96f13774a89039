//! Probe of the sandbox on this machine: sockfuzz runs itself in the sandbox once, before afl-fuzz starts,
//! because users do not see what the preload reports under afl-fuzz.

use std::env;
use std::path::Path;
use std::process::Stdio;

use anyhow::{Context, Result};
use sockfuzz_protocol::{SandboxGaps, SandboxMode, specs};

use crate::options::PreloadOptions;
use crate::server::Server;
use crate::server::status_file::StatusFile;
use crate::util::problem::Problem;

/// Runs `sockfuzz --version` in the sandbox, and returns the gaps that the preload reports.
pub(super) fn gaps(options: &PreloadOptions, library: &Path) -> Result<SandboxGaps> {
    let status = StatusFile::in_memory()?;
    let probe = Server::new(env::current_exe()?, vec!["--version".into()]);
    let output = probe
        .preloaded(library, options, &status)
        .env(specs::SANDBOX.variable, SandboxMode::Auto.to_string())
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("cannot start {}", probe.command_line()))?;
    status.sandbox_gaps().ok_or_else(|| {
        let stderr = String::from_utf8_lossy(&output.stderr);
        Problem::failed(
            format!("the sandbox cannot be set up: {}", stderr.trim()),
            "give --sandbox off, if you trust the server with your files",
        )
        .into()
    })
}
