//! Playback of one input in a fresh process, and the verdict for the engine that asked for it.

use std::os::unix::process::ExitStatusExt;
use std::time::Duration;

use anyhow::Result;
use sockfuzz_protocol::Exits;

use crate::fuzz_target::crash_report::{self, Failing};
use crate::fuzz_target::target_server::TargetServer;
use crate::server::single_run::{RunConfig, RunEnd, SingleRun};

/// Effect of an input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Playback {
    /// How the input fails; `None` if the server answered.
    pub failing: Option<Failing>,
    /// Report of the failure.
    pub report: String,
}

impl Playback {
    /// Whether the input crashes the server.
    #[must_use]
    pub fn is_crash(&self) -> bool {
        matches!(self.failing, Some(Failing::Signal(_) | Failing::Exit))
    }
}

/// Plays an input in a fresh process.
///
/// # Errors
/// When the server cannot be used, or the user interrupts.
pub fn play(target: &TargetServer, input: &[u8], timeout: Duration) -> Result<Playback> {
    let config = target.config(timeout);
    let run = config.run(input)?;
    if let Some(problem) = config.server_problem(&run)? {
        return Err(problem.into());
    }
    of_run(&config, input, &run)
}

fn of_run(config: &RunConfig<'_>, input: &[u8], run: &SingleRun) -> Result<Playback> {
    let failing = failing(run, config.options.parsed().exits, config.timeout);
    let report = match failing {
        Some(failing) => crash_report::report(config, input, failing, &run.output, Some(run))?,
        None => String::new(),
    };
    Ok(Playback { failing, report })
}

fn failing(run: &SingleRun, exits: Exits, timeout: Duration) -> Option<Failing> {
    let exit = Some(Failing::Exit).filter(|_| exits == Exits::Crash);
    match &run.end {
        // A fault of sockfuzz is no finding in the server.
        _ if run.internal_error => None,
        RunEnd::Finished if run.exited => exit,
        RunEnd::Finished | RunEnd::Background(..) => None,
        RunEnd::TimedOut(_) => Some(Failing::Timeout(timeout)),
        RunEnd::Ended(status) => match status.signal() {
            Some(signal) => Some(Failing::Signal(signal)),
            // A sanitizer may end the process by an exit.
            None if crash_report::has_sanitizer_report(&run.output) => Some(Failing::Exit),
            None => exit,
        },
    }
}
