//! Sources of inputs, destinations of answers, and the work between iterations.

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
    /// Bytes to send.
    Bytes(&'a [u8]),
    /// Bytes that have not arrived yet, with the descriptor to wait for.
    Pending(PollFd<'static>),
    /// End of the chunk.
    End,
}

impl Chunk<'_> {
    /// Returns the bytes that can be sent.
    pub(super) fn bytes(&self) -> &[u8] {
        match self {
            Self::Bytes(bytes) => bytes,
            Self::Pending(_) | Self::End => &[],
        }
    }
}

/// Source of inputs.
#[derive(Debug)]
pub(super) enum InputSource {
    /// Stdin, in a single run.
    Stdin(StdinSource),
    /// AFL++, in the loop.
    Afl(AflSource),
}

impl InputSource {
    pub(super) fn new() -> Self {
        let config = config::get().expect("a driver only runs in a configured process");
        match config.run_mode {
            RunMode::Once => Self::Stdin(StdinSource::new(&config.options)),
            RunMode::Loop => Self::Afl(AflSource::start(&config.options)),
        }
    }

    /// Returns the descriptor to wait for before an iteration can begin; `None` if it can begin now.
    pub(super) fn await_input(&mut self) -> Option<PollFd<'static>> {
        match self {
            Self::Stdin(stdin) => stdin.await_input(),
            Self::Afl(_) => None,
        }
    }

    /// Begins an iteration. Does not return when none is left for this process.
    pub(super) fn begin(&mut self) {
        match self {
            Self::Stdin(stdin) => stdin.begin(),
            Self::Afl(afl) => afl.begin(),
        }
    }

    /// Whether the current iteration is counted: warm-up and reruns are not.
    pub(super) fn is_counted(&self) -> bool {
        match self {
            Self::Stdin(_) => true,
            Self::Afl(afl) => afl.is_counted(),
        }
    }

    /// Whether the current input is one of the user's, or of AFL++'s: not one of the warm-up or of a trial.
    pub(super) fn is_users(&self) -> bool {
        match self {
            Self::Stdin(_) => true,
            Self::Afl(afl) => afl.is_users(),
        }
    }

    /// Whether the current input is run again, with no other input in between. Always `true` in a single run.
    pub(super) fn is_rerun(&self) -> bool {
        match self {
            Self::Stdin(_) => true,
            Self::Afl(afl) => afl.is_rerun(),
        }
    }

    /// Returns the next step. Skips the unsent bytes of the previous chunk.
    pub(super) fn next_step(&mut self) -> Option<ClientStep> {
        match self {
            Self::Stdin(stdin) => stdin.next_step(),
            Self::Afl(afl) => afl.next_step(),
        }
    }

    /// Whether the connection that is about to be opened ends with a reset.
    pub(super) fn will_reset(&self, connection: Connection) -> bool {
        match self {
            Self::Stdin(stdin) => stdin.will_reset(connection),
            Self::Afl(afl) => afl.will_reset(connection),
        }
    }

    /// Returns the next part of the current chunk.
    pub(super) fn chunk(&mut self) -> Chunk<'_> {
        match self {
            Self::Stdin(stdin) => stdin.chunk(),
            Self::Afl(afl) => afl.chunk(),
        }
    }

    /// Records that the first `count` bytes of the last part were sent.
    pub(super) fn consume(&mut self, count: usize) {
        match self {
            Self::Stdin(stdin) => stdin.consume(count),
            Self::Afl(afl) => afl.consume(count),
        }
    }

    /// Records a part of an answer.
    pub(super) fn answered(&mut self, connection: Connection, answer: &[u8]) {
        match self {
            Self::Stdin(stdin) => stdin.answered(connection, answer),
            Self::Afl(afl) => afl.answered(connection, answer),
        }
    }

    /// Records that the server has closed the connection before the client half-closed it.
    pub(super) fn closed(&mut self, connection: Connection) {
        if let Self::Afl(afl) = self {
            afl.closed(connection);
        }
    }

    /// Records that the client has closed a connection.
    pub(super) fn ended(&mut self, connection: Connection) {
        if let Self::Afl(afl) = self {
            afl.ended(connection);
        }
    }

    /// Starts the wait for the end of the answer, after the client has half-closed a connection.
    pub(super) fn begin_linger(&mut self) {
        if let Self::Stdin(stdin) = self {
            stdin.begin_linger();
        }
    }

    /// Whether the answers are needed, so that each is read to its end.
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

    /// Whether the client waits without a time limit for its connection to be accepted.
    pub(super) fn waits_indefinitely(&self) -> bool {
        matches!(self, Self::Stdin(_))
    }

    /// Returns how much longer the client waits for an idle server before it closes the connection; `None` for no time.
    pub(super) fn linger(&mut self) -> Option<Duration> {
        match self {
            Self::Stdin(stdin) => stdin.linger(),
            Self::Afl(_) => None,
        }
    }

    /// Whether the virtual clock advances at the end of the iteration.
    pub(super) fn advances_clock(&self) -> bool {
        match self {
            Self::Stdin(_) => false,
            Self::Afl(afl) => afl.advances_clock(),
        }
    }

    /// Ends the iteration. Does not return after the last input of a single run.
    pub(super) fn finish(&self) {
        if let Self::Stdin(stdin) = self {
            stdin.finish();
        }
    }
}
