//! Descriptors that the server opens and does not close, measured over the life of a process: one
//! count after the warm-up, one at the end.

use sockfuzz_protocol::Counter;

use crate::sys::{proc, report};

/// One descriptor in this many iterations is worth a line.
const ITERATIONS_PER_REPORTED_LEAK: u32 = 100;

/// The count after the warm-up.
#[derive(Debug)]
pub(super) struct FdLeakCheck {
    before: Option<usize>,
}

impl FdLeakCheck {
    pub(super) fn measure() -> Self {
        Self { before: proc::count_server_fds() }
    }

    /// At the end of a process that has run so many `iterations`.
    pub(super) fn report(&self, iterations: u32) {
        let (Some(before), Some(after)) = (self.before, proc::count_server_fds()) else { return };
        let more = after.saturating_sub(before);
        report::status().add(Counter::Measured, iterations.into());
        report::status().add(Counter::Leaked, more as u64);
        if more >= (iterations / ITERATIONS_PER_REPORTED_LEAK).max(1) as usize {
            report::emit(format_args!(
                "descriptor leak: {more} more are open than {iterations} iterations ago"
            ));
        }
    }
}
