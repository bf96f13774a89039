//! Inputs for the plain server, without the preload, over real TCP, one after the other: what happens there happens to
//! the server's users.

use std::process::{Command, ExitStatus};
use std::time::{Duration, Instant};

use anyhow::Result;

use crate::server::listening;
use crate::server::plain_server::PlainServer;
use crate::server::sanitizers;
use crate::server::single_run::{EXIT_TIMEOUT, RunConfig};
use crate::server::tcp_client::TcpAnswers;
use crate::util::interrupt;

/// Interval between two looks at the server's output.
const CHECK_INTERVAL: Duration = Duration::from_millis(50);

/// Time in which a server accepts a connection. As in the loop (dead_accept), with time for a busy machine.
const ACCEPT_TIMEOUT: Duration = Duration::from_secs(1);

/// Effect of inputs on the plain server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PlainEnd {
    /// It still serves.
    Serves,
    /// It ended.
    Ended(ExitStatus),
    /// It caught a Rust panic.
    Panicked,
    /// A sanitizer reported an error, after which it went on.
    Reported,
    /// It did not answer in time.
    TimedOut,
}

/// Result of inputs on the plain server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlainRun {
    /// Their effect.
    pub end: PlainEnd,
    /// Whether it ended or accepts further connections.
    pub accepts: bool,
    /// What the server has written to stdout and stderr.
    pub output: Vec<u8>,
    /// TCP ports at which it listened, that of the oldest listener first.
    pub ports: Vec<u16>,
    /// Its answers: for each input that was sent, those on each connection.
    pub answers: Vec<TcpAnswers>,
}

/// Sends inputs to a fresh server as its user starts it.
///
/// # Errors
/// When the server never listens, or the user interrupts.
pub fn run(config: &RunConfig<'_>, inputs: &[Vec<u8>]) -> Result<PlainRun> {
    run_by(config, config.server.command(), inputs)
}

/// Sends inputs to a fresh server whose panics and sanitizer reports show the whole stack and end it.
///
/// # Errors
/// When the server never listens, or the user interrupts.
pub fn run_with_backtraces(config: &RunConfig<'_>, inputs: &[Vec<u8>]) -> Result<PlainRun> {
    let mut command = config.server.command();
    command.env("RUST_BACKTRACE", "full").envs(sanitizers::options());
    run_by(config, command, inputs)
}

/// Sends inputs to a fresh server that a command starts, such as one that runs it under a tracer.
///
/// # Errors
/// When the server never listens, or the user interrupts.
pub fn run_by(config: &RunConfig<'_>, command: Command, inputs: &[Vec<u8>]) -> Result<PlainRun> {
    let mut server = PlainServer::start_by(command, config.server, &config.options.parsed(), config.timeout)?;
    let mut answers = Vec::new();
    let ports = listening::ports();
    let timed_out = send(&mut server, config, inputs, |received| answers.push(received))?;
    // A thread may crash a little later, and a panic may abort the server.
    let deadline = Instant::now() + EXIT_TIMEOUT;
    let mut end = None;
    while end.is_none() && Instant::now() < deadline {
        end = server.end_within(CHECK_INTERVAL)?;
        // A message is followed by the end, or not.
        if end.is_none() && describe_output(&server.output()?).is_some() {
            end = server.end_within(CHECK_INTERVAL)?;
            break;
        }
    }
    let output = server.output()?;
    let end = match (end, describe_output(&output)) {
        (Some(status), _) => PlainEnd::Ended(status),
        (None, Some(end)) => end,
        (None, None) if timed_out => PlainEnd::TimedOut,
        (None, None) => PlainEnd::Serves,
    };
    let accepts = matches!(end, PlainEnd::Ended(_)) || server.accepts(ACCEPT_TIMEOUT)?;
    Ok(PlainRun { end, accepts, output, ports, answers })
}

/// Sends the inputs, and returns whether the server did not answer one in time. A server that ends gets no more inputs.
/// `on_answers` gets the answers to each input.
///
/// # Errors
/// When the user interrupts.
pub(super) fn send(
    server: &mut PlainServer,
    config: &RunConfig<'_>,
    inputs: &[Vec<u8>],
    mut on_answers: impl FnMut(TcpAnswers),
) -> Result<bool> {
    let options = config.options.parsed();
    let timeouts = config.tcp_timeouts();
    for input in inputs {
        interrupt::check()?;
        match server.play(input, options.input, timeouts, None) {
            Ok(answers) => {
                let timed_out = answers.timed_out;
                on_answers(answers);
                if timed_out {
                    return Ok(true);
                }
            }
            Err(_) => return Ok(false),
        }
    }
    Ok(false)
}

/// Returns the effect that the server's output shows.
fn describe_output(output: &[u8]) -> Option<PlainEnd> {
    if sanitizers::has_rust_panic(output) {
        Some(PlainEnd::Panicked)
    } else {
        sanitizers::is_report(output).then_some(PlainEnd::Reported)
    }
}
