//! Deadline of a blocking call, by the server's own time limit.

use std::cell::OnceCell;
use std::time::Duration;

use crate::determinism::clock;

/// Longest time limit that counts as periodic work. A longer limit may have another purpose, such as the end of an
/// unused server.
const MAX_PERIODIC_LIMIT: Duration = Duration::from_secs(10);

/// End of the time limit, if there is one.
#[derive(Debug)]
pub(super) struct Deadline {
    limit: Option<Duration>,
    /// End by the clock that the server sees.
    shown_at: Option<Duration>,
    /// End by the kernel's clock (CLOCK_MONOTONIC), from the first question for it: most calls succeed before one, and
    /// to read that clock costs more than the rest of a call.
    at: OnceCell<Duration>,
}

impl Deadline {
    pub(super) fn after(limit: Option<Duration>) -> Self {
        let shown_at = limit.map(|limit| clock::now().saturating_add(limit));
        Self { limit, shown_at, at: OnceCell::new() }
    }

    fn at(&self) -> Option<Duration> {
        self.limit.map(|limit| *self.at.get_or_init(|| clock::real_now().saturating_add(limit)))
    }

    /// Advances the virtual clock to the end of the limit; returns whether there is one.
    pub(super) fn advance_clock(&self) -> bool {
        self.shown_at.inspect(|&deadline| clock::advance_to(deadline)).is_some()
    }

    /// Advances the virtual clock past the end of a periodic limit; returns whether it has.
    pub(super) fn advance_clock_past_period(&self) -> bool {
        let is_short = |deadline| clock::is_frozen() && deadline <= clock::now() + MAX_PERIODIC_LIMIT;
        let advances = self.shown_at.is_some_and(is_short);
        if advances {
            clock::advance_to_period_end();
        }
        advances
    }

    pub(super) fn has_passed(&self) -> bool {
        self.at().is_some_and(|deadline| clock::real_now() >= deadline)
    }

    /// Returns the time left; `None` without a limit.
    pub(super) fn remaining(&self) -> Option<Duration> {
        self.at().map(|deadline| deadline.saturating_sub(clock::real_now()))
    }

    /// Returns the time left, but no more than `limit`.
    pub(super) fn at_most(&self, limit: Option<Duration>) -> Option<Duration> {
        match (self.remaining(), limit) {
            (Some(left), Some(limit)) => Some(left.min(limit)),
            (left, limit) => left.or(limit),
        }
    }
}
