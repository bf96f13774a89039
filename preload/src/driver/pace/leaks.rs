//! Descriptors that the server opens and does not close, measured over the life of a process: one
//! count after the warm-up, one at the end.

use sockfuzz_protocol::Counter;

use crate::{idle, report};

/// One descriptor in this many iterations is worth a line.
const MANY: u32 = 100;

/// The count after the warm-up.
#[derive(Debug)]
pub(super) struct Leaks {
    before: Option<usize>,
}

impl Leaks {
    pub(super) fn measure() -> Self {
        Self { before: idle::count_descriptors() }
    }

    /// At the end of a process that has run so many `iterations`.
    pub(super) fn report(&self, iterations: u32) {
        let (Some(before), Some(after)) = (self.before, idle::count_descriptors()) else { return };
        let more = after.saturating_sub(before);
        report::status().add(Counter::Measured, iterations.into());
        report::status().add(Counter::Leaked, more as u64);
        if more >= (iterations / MANY).max(1) as usize {
            report::say(format_args!(
                "descriptor leak: {more} more are open than {iterations} iterations ago"
            ));
        }
    }
}
