//! Conditions for driving: whether the server accepts connections yet, and whether this process drives it.

use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

use sockfuzz_protocol::Phase;

use super::notifier;
use crate::process::driver_process;
use crate::sys::{config, report, threads};

/// Set when the server first waits for connections. Before that, a blocking call is a part of its start.
static ACCEPTING: AtomicBool = AtomicBool::new(false);

/// Records that the server waits for connections.
pub(crate) fn mark_accepting() {
    if !is_accepting() {
        report::status().reach(Phase::Accepting);
        ACCEPTING.store(true, SeqCst);
        // The only thread whose calls have hooks may have fallen asleep before.
        notifier::notify();
    }
}

/// Whether the server has waited for connections.
pub(crate) fn is_accepting() -> bool {
    ACCEPTING.load(SeqCst)
}

/// Whether blocking calls of this process enter the wait loop: from the moment at which one of its threads
/// could be the driver, and in a process with several threads even before.
pub(crate) fn intercepts_calls() -> bool {
    config::get().is_some() && (!threads::is_single() || may_drive())
}

/// Whether the server accepts connections, and this is the process that drives it.
pub(super) fn may_drive() -> bool {
    is_accepting() && driver_process::is_this_process()
}
