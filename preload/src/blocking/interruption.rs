//! Interruption of calls: whether a signal handler of the server has run in a thread since its call began. At an idle
//! point a thread does more than wait, so the kernel's `EINTR` does not show every handler.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use rustix::io::Errno;

/// Kinds of signal handlers that have run.
struct HandlersRun {
    /// Handler after which some calls restart (sigaction(2), SA_RESTART).
    restarting: AtomicBool,
    /// Handler that ends every call.
    other: AtomicBool,
}

// Neither initialised nor dropped at run time, so that a signal handler may access it.
thread_local! {
    static RAN: HandlersRun = const { HandlersRun { restarting: AtomicBool::new(false), other: AtomicBool::new(false) } };
}

/// Records that a handler has run in this thread.
pub(crate) fn record(restarting: bool) {
    RAN.with(|ran| if restarting { &ran.restarting } else { &ran.other }.store(true, Relaxed));
}

/// Forgets earlier handlers, at the start of a call.
pub(super) fn reset() {
    RAN.with(|ran| {
        ran.restarting.store(false, Relaxed);
        ran.other.store(false, Relaxed);
    });
}

/// Whether a handler ends a call that cannot succeed now. If the call `restarts`, a restarting handler does not.
/// `slept` is the kernel's result: it shows handlers that were not recorded.
pub(super) fn ends_call(restarts: bool, slept: Result<(), Errno>) -> bool {
    RAN.with(|ran| match (ran.other.load(Relaxed), ran.restarting.load(Relaxed)) {
        (true, _) => true,
        (false, true) => !restarts,
        (false, false) => slept == Err(Errno::INTR),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_restarting_handler_ends_only_calls_that_never_restart() {
        assert!(!ends_call(true, Ok(())));
        assert!(ends_call(true, Err(Errno::INTR)), "a handler that was not recorded");
        record(true);
        assert!(!ends_call(true, Err(Errno::INTR)));
        assert!(ends_call(false, Ok(())));
        record(false);
        assert!(ends_call(true, Ok(())));
        reset();
        assert!(!ends_call(false, Ok(())));
    }
}
