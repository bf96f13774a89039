//! `sockfuzz run`: stdin to the server over one connection, its answer to stdout.

use std::time::{Duration, Instant};

use anyhow::Result;
use clap::Args;
use sockfuzz_protocol::{Phase, SandboxMode, specs};

use crate::cli::{self, PreloadArguments, ServerArguments};
use crate::preload;
use crate::problem::exit;
use crate::sandbox::Sandbox;
use crate::server::diagnose::{Evidence, Stops, ending, shell_status};
use crate::server::running::{Running, Waited};
use crate::server::single_run::GRACE;
use crate::server::{Server, inspect, process_tree};
use crate::status_file::StatusFile;

/// Shown below the help text.
pub const EXAMPLES: &str = "\
Example:
  printf 'GET / HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n' | sockfuzz run -- nginx -g 'daemon off; master_process off;'

Answers come out in the order in which the server gives them, those on several connections of a
session mixed; sockfuzz replay shows each connection's on its own.

Exit status: 0 when the answer is complete; when the server ends before that, its own (128+N for
signal N); when it never serves, see sockfuzz --help.";

/// Arguments of `run`.
#[derive(Debug, Args)]
pub struct Arguments {
    /// How long the server may take until it waits for connections, in seconds
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = cli::seconds)]
    pub timeout: Duration,
    /// What the preload is told.
    #[command(flatten)]
    pub preload: PreloadArguments,
    /// The server.
    #[command(flatten)]
    pub server: ServerArguments,
}

/// Runs the server once.
///
/// # Errors
/// A server that cannot be run, or never serves.
pub fn run(arguments: Arguments) -> Result<u8> {
    let server = Server::resolve(&arguments.server.server)?;
    inspect::inspect(&server)?;
    let library = preload::locate(arguments.preload.preload.as_deref())?;
    // A pipe, unless it is asked for more.
    let options = arguments.preload.options.with_default(&specs::SANDBOX, &SandboxMode::Off.to_string());
    let sandbox = Sandbox::prepare(&options, &library)?;
    let status = StatusFile::in_memory()?;
    let command = server.preloaded(&library, sandbox.options(), &status);
    let mut running = Running::start(command)?;

    let started = Instant::now() + arguments.timeout;
    let mut waited = running.wait(Some(started), || status.phase() >= Phase::Accepting)?;
    if waited == Waited::Done {
        let finished = || status.phase() == Phase::Finished;
        waited = running.wait(None, finished)?;
        if waited == Waited::Done {
            // The process that served ends by itself; a master or its other workers may not.
            waited = running.wait(Some(Instant::now() + GRACE), || false)?;
        }
        if waited == Waited::TimedOut {
            return Ok(exit::OK);
        }
    }
    let evidence = Evidence { server: &server, phase: status.phase(), words: b"" };
    let Waited::Ended(end) = waited else {
        return Err(evidence.stuck(&Stops::look(), arguments.timeout).into());
    };
    if status.phase() == Phase::Finished {
        return Ok(shell_status(end));
    }
    let left = process_tree::own_descendants();
    if end.success() && !left.is_empty() {
        return Err(evidence.daemonized(end, &left).into());
    }
    if end.success() {
        return Err(evidence.exited(end).into());
    }
    eprintln!("sockfuzz: the server ended before its answer was complete: {}", ending(end));
    Ok(match shell_status(end) {
        exit::OK => exit::EXITS,
        other => other,
    })
}
