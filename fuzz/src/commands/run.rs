//! `sockfuzz run`: sends stdin to the server over one connection, and prints its answer.

use std::time::{Duration, Instant};

use anyhow::Result;
use clap::Args;
use sockfuzz_protocol::{Phase, SandboxMode, specs};

use crate::commands::server_setup::SetupArguments;
use crate::options::{self, PreloadArguments, ServerArguments};
use crate::sandbox::Sandbox;
use crate::server::diagnose::{Diagnosis, ThreadStates, describe_exit, shell_status};
use crate::server::running::{RunningProcess, WaitOutcome};
use crate::server::single_run::EXIT_TIMEOUT;
use crate::server::status_file::StatusFile;
use crate::server::{inspect, process_tree};
use crate::util::exit_code;
use crate::util::preload;

/// Shown below the help text.
pub const EXAMPLES: &str = "\
Example:
  printf 'GET / HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n' | sockfuzz run -- nginx -g 'daemon off; master_process off;'

Answers are printed in the order in which the server sends them; those on several connections of a \
session are interleaved. sockfuzz replay shows the answer on each connection separately.

Exit status: 0 when the answer is complete; the server's own (128+N for signal N) when the server \
ends before that; see sockfuzz --help for a server that never serves.";

/// Arguments of `run`.
#[derive(Debug, Args)]
pub struct RunArguments {
    /// Time limit until the server waits for connections, in seconds
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = options::seconds)]
    pub timeout: Duration,
    /// What the server needs before it starts.
    #[command(flatten)]
    pub setup: SetupArguments,
    /// The preload and its options.
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
pub fn run(arguments: RunArguments) -> Result<u8> {
    let server = arguments.setup.server(&arguments.server.server)?;
    inspect::inspect(&server)?;
    let library = preload::locate(arguments.preload.preload.as_deref())?;
    // As in a pipe, the server runs without a sandbox by default.
    let options = arguments.preload.options.with_default(&specs::SANDBOX, &SandboxMode::Off.to_string());
    let sandbox = Sandbox::prepare(&options, &library)?;
    let status = StatusFile::in_memory()?;
    let command = server.preloaded(&library, sandbox.options(), &status);
    let mut running = RunningProcess::start(command)?;

    let started = Instant::now() + arguments.timeout;
    let mut waited = running.wait(Some(started), || status.phase() >= Phase::Accepting)?;
    if waited == WaitOutcome::Done {
        let finished = || status.phase() == Phase::Finished;
        waited = running.wait(None, finished)?;
        if waited == WaitOutcome::Done {
            // The process that served exits by itself. Its master or other workers may not.
            waited = running.wait(Some(Instant::now() + EXIT_TIMEOUT), || false)?;
        }
        if waited == WaitOutcome::TimedOut {
            return Ok(exit_code::OK);
        }
    }
    let diagnosis = Diagnosis { server: &server, phase: status.phase(), output: b"" };
    let WaitOutcome::Ended(end) = waited else {
        return Err(diagnosis.stuck(&ThreadStates::capture(), arguments.timeout).into());
    };
    if status.phase() == Phase::Finished {
        return Ok(shell_status(end));
    }
    let left = process_tree::own_descendants();
    if end.success() && !left.is_empty() {
        return Err(diagnosis.daemonized(end, &left).into());
    }
    if end.success() {
        return Err(diagnosis.exited(end).into());
    }
    eprintln!("sockfuzz: the server ended before its answer was complete: {}", describe_exit(end));
    Ok(match shell_status(end) {
        exit_code::OK => exit_code::EXITS,
        other => other,
    })
}
