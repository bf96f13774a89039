//! A thread that does not fall asleep may be waiting for time to pass, which stands still. The
//! driver, waiting for that thread in turn, lets it pass: twice as much each time, so that a second
//! is over within some twenty milliseconds, while work that merely takes long sees little of it.

use std::time::Duration;

use super::PAUSE;
use crate::clock;

/// How long the driver has waited for the others.
#[derive(Debug, Default)]
pub(super) struct Haste {
    /// When time is to pass the next time, by the kernel's clock.
    next: Option<Duration>,
    /// How much of it has passed.
    passed: Duration,
}

impl Haste {
    /// To be called again and again while another thread is awake.
    pub(super) fn wait(&mut self) {
        if !clock::is_frozen() {
            return;
        }
        let now = clock::real_now();
        let next = *self.next.get_or_insert(now + PAUSE);
        if now >= next {
            let step = self.passed.max(PAUSE);
            clock::advance(step);
            self.passed += step;
            self.next = Some(now + PAUSE);
        }
    }
}
