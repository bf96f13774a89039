//! How iterations are paced: where inputs come from, where answers go, what happens in between.

mod afl;
mod leaks;
mod once;
mod script;
mod settling;
mod warm_up;

use std::time::Duration;

use rustix::event::PollFd;

use sockfuzz_protocol::session::Connection;

use crate::report;
use crate::setup::{self, Pace};

use afl::Afl;
use once::Once;

pub(super) use script::Task;

/// The next part of a chunk.
pub(super) enum Chunk<'a> {
    /// These bytes.
    Bytes(&'a [u8]),
    /// Not there yet; this tells when.
    Later(PollFd<'static>),
    /// There is no more of this chunk.
    End,
}

/// One of the loops of DESIGN section 7, or a single run.
#[derive(Debug)]
pub(super) enum Pacer {
    Once(Once),
    Afl(Afl),
}

impl Pacer {
    pub(super) fn new() -> Self {
        let setup = setup::get().expect("a driver only exists where the preload acts");
        match setup.pace {
            Pace::Once => Self::Once(Once::new(&setup.options)),
            Pace::Loop => Self::Afl(Afl::start(&setup.options)),
        }
    }

    /// What has to be waited for before an iteration can begin.
    pub(super) fn awaits(&mut self) -> Option<PollFd<'static>> {
        match self {
            Self::Once(once) => once.awaits(),
            Self::Afl(_) => None,
        }
    }

    /// Begins an iteration; does not return when there is none left for this process.
    pub(super) fn begin(&mut self) {
        if let Self::Afl(afl) = self {
            afl.begin();
        }
    }

    /// Whether the iteration that has begun counts: warm-up does not.
    pub(super) fn counts(&self) -> bool {
        match self {
            Self::Once(_) => true,
            Self::Afl(afl) => afl.counts(),
        }
    }

    /// Whether the current input was played before, and nothing else since.
    pub(super) fn repeats(&self) -> bool {
        match self {
            Self::Once(_) => true,
            Self::Afl(afl) => afl.repeats(),
        }
    }

    /// The next step; what was not sent of the chunk before is passed over.
    pub(super) fn next_task(&mut self) -> Option<Task> {
        match self {
            Self::Once(once) => once.next_task(),
            Self::Afl(afl) => afl.next_task(),
        }
    }

    /// Whether the connection that is about to be opened ends in a reset.
    pub(super) fn will_reset(&self, connection: Connection) -> bool {
        match self {
            Self::Once(once) => once.will_reset(connection),
            Self::Afl(afl) => afl.will_reset(connection),
        }
    }

    /// The part of the current chunk that comes next.
    pub(super) fn chunk(&mut self) -> Chunk<'_> {
        match self {
            Self::Once(once) => once.chunk(),
            Self::Afl(afl) => afl.chunk(),
        }
    }

    /// The first `count` bytes of the last chunk were sent.
    pub(super) fn consume(&mut self, count: usize) {
        match self {
            Self::Once(once) => once.consume(count),
            Self::Afl(afl) => afl.consume(count),
        }
    }

    /// A part of the answer has come.
    pub(super) fn answered(&mut self, connection: Connection, answer: &[u8]) {
        match self {
            Self::Once(once) => once.answered(connection, answer),
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
        if let Self::Once(once) = self {
            once.begin_linger();
        }
    }

    /// Whether the answer is read for its own sake, to its end.
    pub(super) fn reads_answers(&self) -> bool {
        match self {
            Self::Once(_) => true,
            Self::Afl(afl) => afl.reads_answers(),
        }
    }

    /// Whether the client waits as long as it takes for its connection to be accepted.
    pub(super) fn is_patient(&self) -> bool {
        matches!(self, Self::Once(_))
    }

    /// How much longer the client waits for an idle server before it hangs up; `None`: not at all.
    pub(super) fn linger(&mut self) -> Option<Duration> {
        match self {
            Self::Once(once) => once.linger(),
            Self::Afl(_) => None,
        }
    }

    /// Whether time passes before the iteration is over.
    pub(super) fn rests(&self) -> bool {
        match self {
            Self::Once(_) => false,
            Self::Afl(afl) => afl.rests(),
        }
    }

    /// The iteration is over; does not return after a single run.
    pub(super) fn finish(&self) {
        if let Self::Once(_) = self {
            report::exit(0);
        }
    }
}
