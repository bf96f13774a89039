//! The doorbell: how the driver's role is handed to a thread that waits at an idle point.
//!
//! The last thread to fall asleep may do so in a call that nobody sees (a futex). So as long as a
//! thread waits at an idle point, some thread must hold the role and watch; whoever gives it up
//! while others wait rings.

use std::os::fd::BorrowedFd;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering::SeqCst};

use crate::event::Event;

static BELL: Event = Event::new();
static WAITERS: AtomicI32 = AtomicI32::new(0);
/// Whether the bell may ring; spares a system call when it does not.
static RINGING: AtomicBool = AtomicBool::new(false);

/// A thread waits at an idle point, without the role.
pub(super) struct Waiting;

impl Waiting {
    /// From here on the bell rings for this thread; look once more whether the role is free.
    pub(super) fn begin() -> Self {
        // Made before it may have to ring.
        let _ = bell();
        WAITERS.fetch_add(1, SeqCst);
        Self
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        WAITERS.fetch_sub(1, SeqCst);
    }
}

/// The descriptor to wait for.
pub(super) fn bell() -> BorrowedFd<'static> {
    BELL.descriptor()
}

/// Wakes the threads that wait, if any; one of them takes the role.
pub(super) fn ring() {
    if WAITERS.load(SeqCst) > 0 {
        // In this order: a bell that rings unknown to all would never be silenced.
        BELL.signal();
        RINGING.store(true, SeqCst);
    }
}

/// The first half of that.
#[cfg(test)]
pub(super) fn ring_untold() {
    BELL.signal();
}

/// Silences the bell. For a thread that looks for the role afterwards: it may have rung because that is
/// free. Or it rings too late, since the role was taken in the meantime; then nobody may sleep before.
pub(super) fn silence() {
    if RINGING.swap(false, SeqCst) {
        BELL.take();
    }
}

/// The same for a thread that was woken for nothing else: whoever has rung may have lost the processor before
/// it could say so.
pub(super) fn take() {
    BELL.take();
}

/// In a forked child no other thread waits, and its parent's bell is not its own.
pub(super) fn forget() {
    WAITERS.store(0, SeqCst);
    BELL.forget();
    RINGING.store(false, SeqCst);
}
