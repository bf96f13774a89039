//! The server's own time limit of a blocking call.

use std::time::Duration;

use crate::clock;

/// The limits of servers that look after things from time to time. A longer one may be for something else:
/// a server that nobody wants ends, for one.
const SHORT: Duration = Duration::from_secs(10);

/// When the limit is over.
#[derive(Debug, Clone, Copy)]
pub(super) struct Deadline {
    /// By the kernel's clock (CLOCK_MONOTONIC).
    at: Option<Duration>,
    /// By the server's.
    shown_at: Option<Duration>,
}

impl Deadline {
    pub(super) fn after(limit: Option<Duration>) -> Self {
        let after = |now: fn() -> Duration| limit.map(|limit| now().saturating_add(limit));
        Self { at: after(clock::real_now), shown_at: after(clock::now) }
    }

    /// Lets the virtual clock jump to the end of the limit; says whether there is one.
    pub(super) fn jump(self) -> bool {
        self.shown_at.inspect(|&deadline| clock::reach(deadline)).is_some()
    }

    /// Lets the virtual clock jump past the end of a short limit; says whether it has.
    pub(super) fn rest(self) -> bool {
        let is_short = |deadline| clock::is_frozen() && deadline <= clock::now() + SHORT;
        let rests = self.shown_at.is_some_and(is_short);
        if rests {
            clock::rest();
        }
        rests
    }

    pub(super) fn has_passed(self) -> bool {
        self.at.is_some_and(|deadline| clock::real_now() >= deadline)
    }

    /// Time left; `None` without a limit.
    pub(super) fn remaining(self) -> Option<Duration> {
        self.at.map(|deadline| deadline.saturating_sub(clock::real_now()))
    }

    /// Time left, but no more than `limit`.
    pub(super) fn at_most(self, limit: Option<Duration>) -> Option<Duration> {
        match (self.remaining(), limit) {
            (Some(left), Some(limit)) => Some(left.min(limit)),
            (left, limit) => left.or(limit),
        }
    }
}
