//! Automatic reaping: a server may ask the kernel to reap its children (SIGCHLD with SIG_IGN or SA_NOCLDWAIT), which
//! would discard how they ended.

use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

use crate::process::children;

/// Removes the request for automatic reaping from an action, so that the ends of children stay visible.
pub(super) fn prevent(action: &mut libc::sigaction) {
    action.sa_flags &= !libc::SA_NOCLDWAIT;
    if action.sa_sigaction == libc::SIG_IGN {
        action.sa_sigaction = libc::SIG_DFL;
    }
}

/// Records whether the server requests automatic reaping, and restores an earlier request in the old action.
pub(super) fn show(action: Option<&libc::sigaction>, old: Option<&mut libc::sigaction>) {
    static IGNORED: AtomicBool = AtomicBool::new(false);
    static NOT_WAITED_FOR: AtomicBool = AtomicBool::new(false);
    if let Some(old) = old {
        if IGNORED.load(SeqCst) {
            old.sa_sigaction = libc::SIG_IGN;
        }
        if NOT_WAITED_FOR.load(SeqCst) {
            old.sa_flags |= libc::SA_NOCLDWAIT;
        }
    }
    if let Some(action) = action {
        let ignored = action.sa_sigaction == libc::SIG_IGN;
        let not_waited_for = action.sa_flags & libc::SA_NOCLDWAIT != 0;
        IGNORED.store(ignored, SeqCst);
        NOT_WAITED_FOR.store(not_waited_for, SeqCst);
        children::set_reaped_automatically(ignored || not_waited_for);
    }
}
