//! Planned ends of this process, announced to whoever reports its end to AFL++: every exit that is not announced
//! is the server's own.

use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicPtr, Ordering::SeqCst};

/// Where this process announces its end; null where nobody wants to know.
static ANNOUNCEMENT: AtomicPtr<AtomicBool> = AtomicPtr::new(ptr::null_mut());

/// Announces planned ends in `flag` from now on.
pub(crate) fn announce_in(flag: &'static AtomicBool) {
    ANNOUNCEMENT.store(ptr::from_ref(flag).cast_mut(), SeqCst);
}

/// Announces that this process is about to end as planned.
pub(crate) fn announce() {
    // SAFETY: null, or a reference that lives as long as the process.
    if let Some(flag) = unsafe { ANNOUNCEMENT.load(SeqCst).as_ref() } {
        flag.store(true, SeqCst);
    }
}

/// In a forked child of the server's, whose end is not its parent's.
pub(crate) fn reset_after_fork() {
    ANNOUNCEMENT.store(ptr::null_mut(), SeqCst);
}
