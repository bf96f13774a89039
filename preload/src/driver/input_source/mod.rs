//! Sources of inputs, destinations of answers, and what happens between iterations.

mod afl;
mod leaks;
mod playback;
mod rerun;
mod stdin;
mod trial_requests;
mod warm_up;

use std::time::Duration;

use rustix::event::PollFd;

use sockfuzz_protocol::session::Connection;

use crate::sys::config::{self, RunMode};
use afl::AflSource;
use stdin::StdinSource;

pub(super) use playback::ClientStep;

/// The next part of a chunk.
pub(super) enum Chunk<'a> {
    /// These bytes.
    Bytes(&'a [u8]),
    /// Not there yet; this tells when.
    Pending(PollFd<'static>),
    /// There is no more of this chunk.
    End,
}

/// Where inputs come from.
#[derive(Debug)]
pub(super) enum InputSource {
    /// A single run.
    Stdin(StdinSource),
    /// The loop.
    Afl(AflSource),
}

impl InputSource {
    pub(super) fn new() -> Self {
        let config = config::get().expect("a driver only exists where the preload acts");
        match config.run_mode {
            RunMode::Once => Self::Stdin(StdinSource::new(&config.options)),
            RunMode::Loop => Self::Afl(AflSource::start(&config.options)),
        }
    }

    /// What has to be waited for before an iteration can begin.
    pub(super) fn await_input(&mut self) -> Option<PollFd<'static>> {
        match self {
            Self::Stdin(stdin) => stdin.await_input(),
            Self::Afl(_) => None,
        }
    }

    /// Begins an iteration; does not return when there is none left for this process.
    pub(super) fn begin(&mut self) {
        match self {
            Self::Stdin(stdin) => stdin.begin(),
            Self::Afl(afl) => afl.begin(),
        }
    }

    /// Whether the iteration that has begun counts: warm-up does not.
    pub(super) fn is_counted(&self) -> bool {
        match self {
            Self::Stdin(_) => true,
            Self::Afl(afl) => afl.is_counted(),
        }
    }

    /// Whether the current input was played before, and nothing else since.
    pub(super) fn is_rerun(&self) -> bool {
        match self {
            Self::Stdin(_) => true,
            Self::Afl(afl) => afl.is_rerun(),
        }
    }

    /// The next step; what was not sent of the chunk before is passed over.
    pub(super) fn next_step(&mut self) -> Option<ClientStep> {
        match self {
            Self::Stdin(stdin) => stdin.next_step(),
            Self::Afl(afl) => afl.next_step(),
        }
    }

    /// Whether the connection that is about to be opened ends in a reset.
    pub(super) fn will_reset(&self, connection: Connection) -> bool {
        match self {
            Self::Stdin(stdin) => stdin.will_reset(connection),
            Self::Afl(afl) => afl.will_reset(connection),
        }
    }

    /// The part of the current chunk that comes next.
    pub(super) fn chunk(&mut self) -> Chunk<'_> {
        match self {
            Self::Stdin(stdin) => stdin.chunk(),
            Self::Afl(afl) => afl.chunk(),
        }
    }

    /// The first `count` bytes of the last chunk were sent.
    pub(super) fn consume(&mut self, count: usize) {
        match self {
            Self::Stdin(stdin) => stdin.consume(count),
            Self::Afl(afl) => afl.consume(count),
        }
    }

    /// A part of the answer has come.
    pub(super) fn answered(&mut self, connection: Connection, answer: &[u8]) {
        match self {
            Self::Stdin(stdin) => stdin.answered(connection, answer),
            Self::Afl(afl) => afl.answered(connection, answer),
        }
    }

    /// The server has closed the connection before the client half-closed it.
    pub(super) fn closed(&mut self, connection: Connection) {
        if let Self::Afl(afl) = self {
            afl.closed(connection);
        }
    }

    /// A connection is over for the client.
    pub(super) fn ended(&mut self, connection: Connection) {
        if let Self::Afl(afl) = self {
            afl.ended(connection);
        }
    }

    /// The client has half-closed a connection, and waits for the end of the answer.
    pub(super) fn begin_linger(&mut self) {
        if let Self::Stdin(stdin) = self {
            stdin.begin_linger();
        }
    }

    /// Whether the answer is read for its own sake, to its end.
    pub(super) fn reads_answers(&self) -> bool {
        match self {
            Self::Stdin(_) => true,
            Self::Afl(afl) => afl.reads_answers(),
        }
    }

    /// Whether this process ends with the current input.
    pub(super) fn is_last(&self) -> bool {
        matches!(self, Self::Stdin(stdin) if !stdin.has_next())
    }

    /// Whether the client waits as long as it takes for its connection to be accepted.
    pub(super) fn waits_indefinitely(&self) -> bool {
        matches!(self, Self::Stdin(_))
    }

    /// How much longer the client waits for an idle server before it hangs up; `None`: not at all.
    pub(super) fn linger(&mut self) -> Option<Duration> {
        match self {
            Self::Stdin(stdin) => stdin.linger(),
            Self::Afl(_) => None,
        }
    }

    /// Whether time passes before the iteration is over.
    pub(super) fn advances_clock(&self) -> bool {
        match self {
            Self::Stdin(_) => false,
            Self::Afl(afl) => afl.advances_clock(),
        }
    }

    /// The iteration is over; does not return after the last input of a single run.
    pub(super) fn finish(&self) {
        if let Self::Stdin(stdin) = self {
            stdin.finish();
        }
    }
}
