//! The server's own time limit of a blocking call, in real time.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// A point in time (CLOCK_MONOTONIC, since boot), or never.
#[derive(Debug, Clone, Copy)]
pub(super) struct Deadline(Option<Duration>);

impl Deadline {
    pub(super) fn after(limit: Option<Duration>) -> Self {
        Self(limit.map(|limit| now().saturating_add(limit)))
    }

    pub(super) fn exists(self) -> bool {
        self.0.is_some()
    }

    pub(super) fn has_passed(self) -> bool {
        self.0.is_some_and(|deadline| now() >= deadline)
    }

    /// Time left; `None` without a limit.
    pub(super) fn remaining(self) -> Option<Duration> {
        self.0.map(|deadline| deadline.saturating_sub(now()))
    }

    /// Time left, but no more than `limit`.
    pub(super) fn at_most(self, limit: Option<Duration>) -> Option<Duration> {
        match (self.remaining(), limit) {
            (Some(left), Some(limit)) => Some(left.min(limit)),
            (left, limit) => left.or(limit),
        }
    }
}

/// Read past libc, whose clock functions the server may have replaced.
pub(crate) fn now() -> Duration {
    let time = clock_gettime(ClockId::Monotonic);
    Duration::new(time.tv_sec.unsigned_abs(), time.tv_nsec as u32)
}
