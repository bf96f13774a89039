//! The server's own time limit of a blocking call.

use std::time::Duration;

use crate::clock;

/// When the limit is over. Where time stands still it never is, by itself.
#[derive(Debug, Clone, Copy)]
pub(super) struct Deadline {
    limit: Option<Duration>,
    /// Since boot (CLOCK_MONOTONIC).
    at: Option<Duration>,
}

impl Deadline {
    pub(super) fn after(limit: Option<Duration>) -> Self {
        let at = limit.filter(|_| !clock::is_frozen()).map(|limit| clock::real_now().saturating_add(limit));
        Self { limit, at }
    }

    /// Lets the virtual clock jump to the end of the limit; says whether there is one.
    pub(super) fn jump(self) -> bool {
        self.limit.inspect(|&limit| clock::advance(limit)).is_some()
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
