//! Runs over real TCP, by the server without the preload. Answers through the preload are compared with its
//! answers.

use std::process::ExitStatus;
use std::time::Duration;

use anyhow::{Context, Result};

use crate::input::compare::difference;
use crate::server::batch_run::{Answers, MAX_LINGER, answer_in_turn};
use crate::server::plain_server::PlainServer;
use crate::server::process_tree;
use crate::server::single_run::{EXIT_TIMEOUT, RunConfig};
use crate::server::tcp_client::{self, TcpAnswers, TcpTimeouts};
use crate::util::interrupt;

/// Result of a run over TCP.
#[derive(Debug)]
pub struct TcpRun {
    /// What came back.
    pub answers: TcpAnswers,
    /// How the server ended, if it did.
    pub end: Option<ExitStatus>,
}

impl TcpRun {
    /// All that the server answered, in the order of the connections' numbers.
    #[must_use]
    pub fn answer(&self) -> Vec<u8> {
        self.answers.bytes.concat()
    }

    /// Whether these answers are the same as `others`, as far as no reset has cut them.
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

/// Answers an input over TCP, by a fresh server without the preload. With `expects_end`, the server is
/// given some time to end afterwards.
///
/// # Errors
/// When the server never listens, or the connection fails.
pub fn over_tcp(config: &RunConfig<'_>, input: &[u8], expects_end: bool) -> Result<TcpRun> {
    let options = config.options.parsed();
    let linger = Duration::from_millis(options.linger_ms.into());
    let timeouts = TcpTimeouts { timeout: config.timeout, linger };
    let session = tcp_client::session_of(input, options.input);
    let mut server = PlainServer::start(config.server, &options, config.timeout)?;
    let played = tcp_client::play(|| server.connect(), &session, timeouts, None, process_tree::is_asleep);
    let patience = if expects_end || played.is_err() { EXIT_TIMEOUT } else { Duration::ZERO };
    let end = server.end_within(patience)?;
    let answers = match played {
        // A server that has ended refuses further connections.
        Err(_) if end.is_some() => TcpAnswers::default(),
        other => other.context("cannot talk to the server")?,
    };
    Ok(TcpRun { answers, end })
}

/// Lets one plain server answer inputs in turn, as [`RunConfig::run_batch`] does. Each comes with the answers that
/// are expected: the client does not wait for more than these.
///
/// # Errors
/// When the server never listens, or the user interrupts.
pub fn batch_over_tcp(
    config: &RunConfig<'_>,
    inputs: &[(&[u8], &Answers)],
    on_answer: &dyn Fn(),
) -> Result<Vec<Option<TcpAnswers>>> {
    let options = config.options.parsed();
    let linger = Duration::from_millis(options.linger_ms.into()).min(MAX_LINGER);
    let timeouts = TcpTimeouts { timeout: config.timeout, linger };
    answer_in_turn(inputs.len(), |begin| {
        let mut server = PlainServer::start(config.server, &options, config.timeout)?;
        let mut answered = Vec::new();
        for (input, expected) in &inputs[begin..] {
            interrupt::check()?;
            let session = tcp_client::session_of(input, options.input);
            let connect = || server.connect();
            match tcp_client::play(connect, &session, timeouts, Some(expected), process_tree::is_asleep) {
                Ok(answers) if !answers.timed_out => answered.push(answers),
                _ => break,
            }
            on_answer();
        }
        Ok(answered)
    })
}
