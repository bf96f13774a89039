//! Notifier of threads that wait at idle points: it hands the driver guard on.
//!
//! The last thread to fall asleep may do so in a call that no hook sees (a futex). So as long as a thread waits
//! at an idle point, some thread must hold the guard and watch; a thread that releases the guard while others
//! wait notifies them.

use std::os::fd::BorrowedFd;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering::SeqCst};

use crate::sys::event::Event;

static EVENT: Event = Event::new();
static WAITERS: AtomicI32 = AtomicI32::new(0);
/// Whether the event may be signalled; spares a system call when it is not.
static PENDING: AtomicBool = AtomicBool::new(false);

/// A thread that waits at an idle point without the driver guard. Dropping it ends the wait.
pub(super) struct WaiterRegistration;

impl WaiterRegistration {
    /// Registers the calling thread, which must check afterwards once more whether the guard is free.
    pub(super) fn begin() -> Self {
        // Made before the first notification.
        let _ = descriptor();
        WAITERS.fetch_add(1, SeqCst);
        Self
    }
}

impl Drop for WaiterRegistration {
    fn drop(&mut self) {
        WAITERS.fetch_sub(1, SeqCst);
    }
}

/// The descriptor that becomes readable with a notification.
pub(super) fn descriptor() -> BorrowedFd<'static> {
    EVENT.descriptor()
}

/// Wakes the threads that wait, if any; one of them takes the driver guard.
pub(super) fn notify() {
    if WAITERS.load(SeqCst) > 0 {
        // In this order: a notification that nobody knows of would never be cleared.
        EVENT.signal();
        PENDING.store(true, SeqCst);
    }
}

/// First half of [`notify`].
#[cfg(test)]
pub(super) fn notify_unrecorded() {
    EVENT.signal();
}

/// Clears a notification, if one is pending. For a thread that looks for the driver guard afterwards: the
/// notification may mean that it is free. One that comes late, when the guard is taken again, has to be cleared
/// before any thread sleeps, or waiters busy-loop.
pub(super) fn clear_if_pending() {
    if PENDING.swap(false, SeqCst) {
        EVENT.take();
    }
}

/// Clears a notification whether or not it was recorded as pending. For a thread that was woken by nothing
/// else: the notifying thread may have been preempted before it recorded the notification.
pub(super) fn clear() {
    EVENT.take();
}

/// Resets the notifier in a forked child, where no other thread waits and the parent's event is not its own.
pub(crate) fn reset_after_fork() {
    WAITERS.store(0, SeqCst);
    EVENT.forget();
    PENDING.store(false, SeqCst);
}
