//! Notifier of threads that wait for the driver lock.
//!
//! As long as a thread waits, some thread must hold the lock: one that releases it while others wait notifies
//! them. A notification wakes all waiting threads. Whichever of them clears it looks for the lock afterwards, or
//! notifies again.

use crate::signal::Signal;
use crate::sync::{AtomicBool, AtomicU32, SeqCst, constructor};

/// Waiting threads, and the event that wakes them.
#[derive(Debug)]
pub struct Notifier<S> {
    event: S,
    waiters: AtomicU32,
    /// Whether the event may be signalled; spares a system call when it is not.
    pending: AtomicBool,
}

/// A thread that waits. Dropping it ends the wait.
struct WaiterRegistration<'a>(&'a AtomicU32);

impl Drop for WaiterRegistration<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, SeqCst);
    }
}

impl<S: Signal> Notifier<S> {
    constructor! {
        /// A notifier at which no thread waits.
        pub fn new(event: S) -> Self {
            Self { event, waiters: AtomicU32::new(0), pending: AtomicBool::new(false) }
        }
    }

    /// One wait of a thread that did not get the lock: by `sleep`, which ends with a notification at the latest.
    /// `finish` decides what the thread does next; with `None` it looks for the lock and waits again, with anything
    /// else it waits no more. `is_free`: whether this thread could take the lock now. `call` is handed to the two.
    pub fn wait<C, R, T>(
        &self,
        call: &mut C,
        is_free: impl Fn() -> bool,
        sleep: impl FnOnce(&C, &S) -> R,
        finish: impl FnOnce(&mut C, R) -> Option<T>,
    ) -> Option<T> {
        // Made before the first notification.
        self.event.prepare();
        self.waiters.fetch_add(1, SeqCst);
        let registered = WaiterRegistration(&self.waiters);
        // After the registration: who releases the lock looks at the two in the other order.
        if is_free() {
            return None;
        }
        let slept = sleep(call, &self.event);
        drop(registered);
        self.clear_if_pending();
        let outcome = finish(call, slept);
        if outcome.is_none() {
            // Whether or not it was recorded as pending: who notifies may have been preempted before it did.
            self.event.take();
        } else if is_free() {
            // The notification may have been for this thread, which waits no more.
            self.notify();
        }
        outcome
    }

    /// Wakes the threads that wait, if any; one of them takes the lock.
    pub fn notify(&self) {
        if self.waiters.load(SeqCst) > 0 {
            // In this order: a notification that nobody knows of would never be cleared.
            self.event.signal();
            self.pending.store(true, SeqCst);
        }
    }

    /// Clears a notification, if one is pending. For a thread that looks for the lock afterwards: the notification
    /// may mean that it is free. One that comes late, when the lock is taken again, has to be cleared before any
    /// thread sleeps, or waiters busy-loop.
    pub(crate) fn clear_if_pending(&self) {
        // Looked at first: a swap costs an iteration more than the rest of this.
        if self.pending.load(SeqCst) && self.pending.swap(false, SeqCst) {
            self.event.take();
        }
    }

    /// The event. Who signals it directly leaves a notification that is not recorded as pending.
    pub fn event(&self) -> &S {
        &self.event
    }

    /// Resets the notifier in a forked child, where no other thread waits and the parent's event is not its own.
    pub fn reset_after_fork(&self) {
        self.waiters.store(0, SeqCst);
        self.event.forget();
        self.pending.store(false, SeqCst);
    }
}
