//! Helper: a process that the server has forked to serve the server itself, such as one that keeps its private key. It may accept
//! connections at a socket of its own and have threads, and must not be taken for the process that serves clients.

use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

use crate::sys::fd_table;

/// Whether the server has forked this process.
static IS_FORKED: AtomicBool = AtomicBool::new(false);
/// Whether this process has inherited the fuzzed listener from its parent.
static HAS_INHERITED: AtomicBool = AtomicBool::new(false);
/// Whether this process has accepted at another listener than the fuzzed one, and not at that.
static ACCEPTS_ELSEWHERE: AtomicBool = AtomicBool::new(false);

/// Begins a process that the server has forked.
pub(crate) fn after_fork() {
    IS_FORKED.store(true, SeqCst);
    HAS_INHERITED.store(fd_table::has_listener(), SeqCst);
    ACCEPTS_ELSEWHERE.store(false, SeqCst);
}

/// Records that this process accepts at the fuzzed listener, or at another one.
pub(crate) fn record_accept(fuzzed: bool) {
    ACCEPTS_ELSEWHERE.store(!fuzzed && IS_FORKED.load(SeqCst), SeqCst);
}

/// Whether this process is a helper: it accepts elsewhere, or has closed the listener that it had inherited.
pub(crate) fn is_this_process() -> bool {
    ACCEPTS_ELSEWHERE.load(SeqCst) || HAS_INHERITED.load(SeqCst) && !fd_table::has_listener()
}
