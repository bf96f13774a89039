//! Threads and child processes that the server has created.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::SeqCst};

/// Changes whenever the server creates a thread or a child process; 0 before the first.
static GENERATION: AtomicU32 = AtomicU32::new(0);

/// Records a creation: of a thread before and again after it, of a child process once.
pub(crate) fn record_creation() {
    GENERATION.fetch_add(1, SeqCst);
}

/// Whether libc may create threads at any time.
static UNSEEN: AtomicBool = AtomicBool::new(false);

/// Records that libc may create threads for the server from now on, of which no hook tells.
pub(crate) fn expect_unseen() {
    UNSEEN.store(true, SeqCst);
}

/// Number that changes with every creation; 0 before the first.
pub(crate) fn generation() -> u32 {
    if UNSEEN.load(SeqCst) {
        record_creation();
    }
    GENERATION.load(SeqCst)
}

/// Whether the server has never had a second thread, nor a child process.
pub(crate) fn is_single() -> bool {
    GENERATION.load(SeqCst) == 0
}
