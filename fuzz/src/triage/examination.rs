//! Examination of a witness: reduces it, and looks for the class, place and stack of its failure on the plain server.

use std::time::Instant;

use anyhow::Result;

use super::cause::Cause;
use super::confirmation::is_confirmed;
use super::failure::FailureReport;
use super::job;
use super::reduction;
use super::witness::Witness;
use crate::server::debugger;
use crate::server::loop_run::ProcessRunner;
use crate::server::plain_run;
use crate::server::single_run::RunConfig;

/// Result of the examination of a witness.
#[derive(Debug, Default)]
pub(super) struct Examination {
    /// Class, place and stack, if they could be found.
    pub(super) report: Option<FailureReport>,
    /// Whether the plain server failed, too.
    pub(super) on_plain: bool,
}

/// Sends the inputs to the plain server, and looks for a report: there, otherwise in what the server wrote in the loop, or recorded of
/// its crash.
///
/// # Errors
/// When the server never listens, or the user interrupts.
pub(super) fn examine(config: &RunConfig<'_>, witness: &Witness) -> Result<Examination> {
    let in_loop = FailureReport::in_output(&witness.end.output);
    match witness.end.cause {
        Cause::Hang(_) => {
            let report = FailureReport::of_hang(&debugger::stacks_of_hang(config, &witness.inputs)?);
            let on_plain = report.is_some() || fails_on_plain(config, &witness.end.cause, &witness.inputs)?;
            Ok(Examination { report, on_plain })
        }
        Cause::Crash(_) | Cause::CrashSomewhere(_) if in_loop.is_none() => {
            let state = debugger::crash_state(config, &witness.inputs)?;
            let on_plain = state.is_some() || fails_on_plain(config, &witness.end.cause, &witness.inputs)?;
            let report = match state {
                Some(state) => Some(FailureReport::of_crash(&state)),
                None => recorded_crash(config, &witness.inputs)?,
            };
            let report = FailureReport::with_failed_allocation(report, &witness.end.output);
            Ok(Examination { report, on_plain })
        }
        _ => {
            let run = plain_run::run_with_backtraces(config, &witness.inputs)?;
            let on_plain = is_confirmed(&witness.end.cause, &run);
            let report = FailureReport::in_output(&run.output).filter(|_| on_plain).or(in_loop);
            Ok(Examination { report, on_plain })
        }
    }
}

/// Returns a report of the crash from the stack that the process itself records, under the preload. gdb shows more, but
/// may be missing, or the crash does not happen on the plain server.
fn recorded_crash(config: &RunConfig<'_>, inputs: &[Vec<u8>]) -> Result<Option<FailureReport>> {
    let crash = config.recorded_crash(inputs)?;
    Ok(crash.map(|crash| FailureReport::of_recorded_crash(&crash.stack())))
}

/// Reduction of one witness, until a deadline.
#[derive(Debug)]
pub(super) struct WitnessReduction<'a, 'b> {
    pub(super) config: &'a RunConfig<'a>,
    pub(super) runner: &'a mut ProcessRunner<'b>,
    pub(super) deadline: Instant,
}

impl WitnessReduction<'_, '_> {
    /// Leaves out inputs that the failure does not need.
    ///
    /// # Errors
    /// When the server cannot be started, or the user interrupts.
    pub(super) fn needed_inputs(&mut self, witness: Witness) -> Result<Witness> {
        let needed = job::needed_inputs(self.runner, witness.inputs.clone(), &witness.end, self.deadline)?;
        Ok(match needed {
            Some((inputs, end)) => Witness { inputs, end, ..witness },
            None => witness,
        })
    }

    /// Leaves out steps and bytes that the failure does not need. `on_plain` tells whether the plain server fails with the
    /// witness; then it also fails with the returned one.
    ///
    /// # Errors
    /// When the server cannot be started, or the user interrupts.
    pub(super) fn needed_bytes(&mut self, witness: Witness, on_plain: bool) -> Result<Witness> {
        let format = self.config.options.parsed().input;
        let end = &witness.end;
        let fails = |inputs: &[Vec<u8>]| Ok(job::ends_so(self.runner, inputs, end)?.is_some());
        let inputs = reduction::needed_bytes(witness.inputs.clone(), format, self.deadline, fails)?;
        let smallest = match job::ends_so(self.runner, &inputs, end)? {
            Some(end) => Witness { inputs, end, ..witness.clone() },
            None => witness.clone(),
        };
        self.runner.stop();
        if !on_plain || fails_on_plain(self.config, &end.cause, &smallest.inputs)? {
            return Ok(smallest);
        }
        // The loop fails earlier, for example at its memory limit. What counts is the plain server.
        let fails = |inputs: &[Vec<u8>]| fails_on_plain(self.config, &end.cause, inputs);
        let inputs = reduction::needed_bytes(witness.inputs.clone(), format, self.deadline, fails)?;
        Ok(Witness { inputs, ..witness })
    }
}

fn fails_on_plain(config: &RunConfig<'_>, cause: &Cause, inputs: &[Vec<u8>]) -> Result<bool> {
    Ok(is_confirmed(cause, &plain_run::run(config, inputs)?))
}

/// Returns what findings of the same bug have in common: the place of the failure, otherwise the end of the process.
pub(super) fn key(cause: &Cause, report: Option<&FailureReport>) -> String {
    match (report.and_then(FailureReport::key), cause) {
        (Some(key), _) => key,
        // Hangs whose place is unknown cannot be told apart.
        (None, Cause::Hang(_)) => "hang".to_owned(),
        (None, cause) => cause.to_string(),
    }
}
