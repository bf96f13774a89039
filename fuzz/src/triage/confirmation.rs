//! Confirmation on the plain server: without the preload, over real TCP, several times.

use anyhow::Result;
use sockfuzz_protocol::specs::{self, OptionSpec};

use super::cause::Cause;
use super::failure::FailureReport;
use super::finding::Confirmation;
use super::job;
use super::witness::Witness;
use crate::options::PreloadOptions;
use crate::server::diagnose::describe_exit;
use crate::server::loop_run::ProcessRunner;
use crate::server::plain_run::{self, PlainEnd, PlainRun};
use crate::server::single_run::RunConfig;
use crate::server::tcp_client::TcpAnswers;

/// Sends the inputs to a fresh plain server `attempts` times, and counts the attempts in which the server fails as in
/// `report`. Also returns the server's answers in the last attempt that failed, or in the last attempt if none did.
///
/// # Errors
/// When the server never listens, or the user interrupts.
pub fn confirm(
    config: &RunConfig<'_>,
    cause: &Cause,
    report: Option<&FailureReport>,
    inputs: &[Vec<u8>],
    attempts: u32,
) -> Result<(Confirmation, Vec<TcpAnswers>)> {
    let mut confirmation = Confirmation { attempts, happened: 0, end: None, reason: None };
    let mut answers = Vec::new();
    for _ in 0..attempts {
        let run = plain_run::run(config, inputs)?;
        if is_confirmed(cause, &run) && !is_another_failure(report, &run.output) {
            confirmation.happened += 1;
            confirmation.end = Some(match cause {
                Cause::StoppedAccepting => "it accepts no more connections".to_owned(),
                _ => describe(run.end),
            });
            answers = run.answers;
        } else if confirmation.happened == 0 {
            answers = run.answers;
        }
    }
    Ok((confirmation, answers))
}

/// Whether the plain server ended as the one in the loop.
#[must_use]
pub fn is_confirmed(cause: &Cause, run: &PlainRun) -> bool {
    match cause {
        Cause::Crash(_) | Cause::CrashSomewhere(_) => match run.end {
            PlainEnd::Panicked | PlainEnd::Reported => true,
            PlainEnd::Ended(status) => !status.success(),
            PlainEnd::Serves | PlainEnd::TimedOut => false,
        },
        Cause::StoppedAccepting => !run.accepts,
        Cause::Exit(_) => matches!(run.end, PlainEnd::Ended(_)),
        Cause::Hang(_) => run.end == PlainEnd::TimedOut,
        // They are confirmed by their judge.
        Cause::WrongAnswer(_) | Cause::InternalError => false,
    }
}

/// Whether the server's output reports a failure at another place than the known one.
fn is_another_failure(known: Option<&FailureReport>, output: &[u8]) -> bool {
    let place = |report: &FailureReport| report.location.clone();
    match (known.and_then(place), FailureReport::in_output(output).as_ref().and_then(place)) {
        // Without a backtrace, a panic in the standard library does not show its caller.
        (Some(known), Some(seen)) => known.file == seen.file && known.line != seen.line,
        _ => false,
    }
}

fn describe(end: PlainEnd) -> String {
    match end {
        PlainEnd::Serves => "it still serves".to_owned(),
        PlainEnd::Ended(status) => describe_exit(status),
        PlainEnd::Panicked => "a Rust panic, which the server caught".to_owned(),
        PlainEnd::Reported => "a sanitizer's report, after which the server went on".to_owned(),
        PlainEnd::TimedOut => "no answer in time".to_owned(),
    }
}

/// Properties of the loop, with the option that gives each of them up, and the value for that.
const PROPERTIES: &[(&OptionSpec, &str, &str)] = &[
    (&specs::CLOCK, "real", "the virtual clock: time limits pass at once"),
    (&specs::RANDOMNESS, "real", "the fixed random numbers"),
    (&specs::ADVANCE_CLOCK, "off", "the advance of the clock between inputs"),
    (&specs::TRANSPORT, "tcp", "the connection inside of the process"),
    (&specs::MEMORY, "1048576", "the memory limit of the loop"),
];

/// Finds the reason why a witness ends the server only under sockfuzz: plays it with one property of the loop at a time
/// as it is on the plain server.
///
/// # Errors
/// When the server cannot be started in the loop, or the user interrupts.
pub fn reason(config: &RunConfig<'_>, witness: &Witness) -> Result<String> {
    if witness.end.cause == Cause::InternalError {
        return Ok("sockfuzz itself failed; please report it".to_owned());
    }
    if !happens_in_loop(config, config.options, witness)? {
        return Ok(
            "it does not always happen there either: it depends on the time or on the order of threads"
                .to_owned(),
        );
    }
    let named = config.options.named();
    let mut needed = Vec::new();
    for (spec, value, what) in PROPERTIES {
        // What is not set cannot be the reason.
        let is_set = spec.default != "off" || named.contains_key(spec.flag);
        let options = config.options.with(spec.variable, (*value).to_owned());
        if is_set && !happens_in_loop(config, &options, witness)? {
            needed.push(*what);
        }
    }
    Ok(match needed[..] {
        [] => "not known; it may depend on the time, on the order of threads, or on the sandbox".to_owned(),
        _ => format!("it needs {}", needed.join(", and ")),
    })
}

fn happens_in_loop(config: &RunConfig<'_>, options: &PreloadOptions, witness: &Witness) -> Result<bool> {
    let mut runner = ProcessRunner::new(RunConfig { options, ..*config })?;
    Ok(job::ends_so(&mut runner, &witness.inputs, &witness.end)?.is_some())
}
