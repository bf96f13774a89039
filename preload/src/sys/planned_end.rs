//! Announcement of planned ends of this process to the process that reports its end to AFL++. Every exit that is
//! not announced counts as the server's own.

use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicPtr, Ordering::SeqCst};

/// Flag in which this process announces its end; null if nothing reads it.
static ANNOUNCEMENT: AtomicPtr<AtomicBool> = AtomicPtr::new(ptr::null_mut());

/// Announces planned ends in `flag` from now on.
pub(crate) fn announce_in(flag: &'static AtomicBool) {
    ANNOUNCEMENT.store(ptr::from_ref(flag).cast_mut(), SeqCst);
}

/// Announces that this process is about to end as planned.
pub(crate) fn announce() {
    // SAFETY: the pointer is null or comes from a reference that lives as long as the process.
    if let Some(flag) = unsafe { ANNOUNCEMENT.load(SeqCst).as_ref() } {
        flag.store(true, SeqCst);
    }
}

/// Removes the flag in a child process that the server has forked, whose end is not its parent's.
pub(crate) fn reset_after_fork() {
    ANNOUNCEMENT.store(ptr::null_mut(), SeqCst);
}
