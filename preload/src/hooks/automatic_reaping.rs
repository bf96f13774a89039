//! SIGCHLD: a server may ask the kernel to reap its children (SIG_IGN, SA_NOCLDWAIT), which discards how they
//! ended.

use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

use crate::process::children;

/// Leaves the ends of children to be seen: the kernel is not asked to reap them.
pub(super) fn prevent(action: &mut libc::sigaction) {
    action.sa_flags &= !libc::SA_NOCLDWAIT;
    if action.sa_sigaction == libc::SIG_IGN {
        action.sa_sigaction = libc::SIG_DFL;
    }
}

/// Keeps up the appearance that the kernel reaps children where the server has asked for it.
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
