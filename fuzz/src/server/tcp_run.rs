//! Runs over real TCP, against the server without the preload. Answers through the preload are compared with
//! the answers of these runs.

use std::process::ExitStatus;
use std::time::Duration;

use anyhow::{Context, Result};

use crate::input::compare::difference;
use crate::server::batch_run::{Answers, MAX_LINGER, answer_in_turn};
use crate::server::plain_server::PlainServer;
use crate::server::single_run::{EXIT_TIMEOUT, RunConfig};
use crate::server::tcp_client::{TcpAnswers, TcpTimeouts};
use crate::util::interrupt;

/// Result of a run over TCP.
#[derive(Debug)]
pub struct TcpRun {
    /// Answers of the server.
    pub answers: TcpAnswers,
    /// Exit status of the server, if it ended.
    pub end: Option<ExitStatus>,
}

impl TcpRun {
    /// Returns the answers of all connections, concatenated in the order of the connections' numbers.
    #[must_use]
    pub fn answer(&self) -> Vec<u8> {
        self.answers.bytes.concat()
    }

    /// Whether resets have truncated these answers, which otherwise equal `others`.
    #[must_use]
    pub fn is_cut_from(&self, others: &[Vec<u8>]) -> bool {
        let TcpAnswers { bytes, reset, .. } = &self.answers;
        let is_cut = |((own, other), reset): ((&Vec<u8>, &Vec<u8>), &bool)| {
            let other = if *reset { &other[..other.len().min(own.len())] } else { other };
            difference(own, other).is_none()
        };
        reset.contains(&true) && bytes.iter().zip(others).zip(reset).all(is_cut)
    }
}

/// Runs an input over TCP against a fresh server without the preload. With `expects_end`, or when the connection
/// failed, waits up to [`EXIT_TIMEOUT`] for the server to end.
///
/// # Errors
/// When the server never listens, or the connection fails.
pub fn over_tcp(config: &RunConfig<'_>, input: &[u8], expects_end: bool) -> Result<TcpRun> {
    let options = config.options.parsed();
    let timeouts = config.tcp_timeouts();
    let mut server = PlainServer::start(config.server, &options, config.timeout)?;
    let played = server.play(input, options.input, timeouts, None);
    let patience = if expects_end || played.is_err() { EXIT_TIMEOUT } else { Duration::ZERO };
    let end = server.end_within(patience)?;
    let answers = match played {
        // The connection failed because the server has ended.
        Err(_) if end.is_some() => TcpAnswers::default(),
        other => other.context("cannot talk to the server")?,
    };
    Ok(TcpRun { answers, end })
}

/// Runs inputs one after the other against one server without the preload, like [`RunConfig::run_batch`]. Each input
/// comes with its expected answers: the client does not wait for more than these.
///
/// # Errors
/// When the server never listens, or the user interrupts.
pub fn batch_over_tcp(
    config: &RunConfig<'_>,
    inputs: &[(&[u8], &Answers)],
    on_answer: &dyn Fn(),
) -> Result<Vec<Option<TcpAnswers>>> {
    let options = config.options.parsed();
    let timeouts = config.tcp_timeouts();
    let timeouts = TcpTimeouts { linger: timeouts.linger.min(MAX_LINGER), ..timeouts };
    answer_in_turn(inputs.len(), |begin| {
        let mut server = PlainServer::start(config.server, &options, config.timeout)?;
        let mut answered = Vec::new();
        for (input, expected) in &inputs[begin..] {
            interrupt::check()?;
            match server.play(input, options.input, timeouts, Some(expected)) {
                Ok(answers) if !answers.timed_out => answered.push(answers),
                _ => break,
            }
            on_answer();
        }
        Ok(answered)
    })
}
