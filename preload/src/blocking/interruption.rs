//! Whether a handler of the server's has run in a thread since its call began. At an idle point a
//! thread does much else than to wait, so the kernel's `EINTR` does not tell.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use rustix::io::Errno;

/// Which handlers have run.
struct HandlersRun {
    /// One after which some calls go on (sigaction(2), SA_RESTART).
    restarting: AtomicBool,
    /// One that ends every call.
    other: AtomicBool,
}

// Neither made nor dropped at run time, so that a signal handler may touch it.
thread_local! {
    static RAN: HandlersRun = const { HandlersRun { restarting: AtomicBool::new(false), other: AtomicBool::new(false) } };
}

/// A handler has run in this thread.
pub(crate) fn record(restarting: bool) {
    RAN.with(|ran| if restarting { &ran.restarting } else { &ran.other }.store(true, Relaxed));
}

/// A call begins: what ran before does not concern it.
pub(super) fn reset() {
    RAN.with(|ran| {
        ran.restarting.store(false, Relaxed);
        ran.other.store(false, Relaxed);
    });
}

/// Whether a call that cannot succeed now is over. `restarts`: not because of a restarting handler.
/// `slept` is what the kernel said: it may know of a handler that we do not.
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
    fn a_restarting_handler_ends_only_calls_that_never_go_on() {
        assert!(!ends_call(true, Ok(())));
        assert!(ends_call(true, Err(Errno::INTR)), "somebody else's handler");
        record(true);
        assert!(!ends_call(true, Err(Errno::INTR)));
        assert!(ends_call(false, Ok(())));
        record(false);
        assert!(ends_call(true, Ok(())));
        reset();
        assert!(!ends_call(false, Ok(())));
    }
}
