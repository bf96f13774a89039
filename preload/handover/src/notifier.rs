//! Notifier of threads that wait for the driver lock.
//!
//! As long as a thread waits, some thread must hold the lock. So a thread that releases it while others wait notifies
//! them. A notification wakes all waiting threads. The thread that clears it tries to take the lock afterwards, or
//! notifies again.

use crate::signal::Signal;
use crate::sync::{AtomicBool, AtomicU32, SeqCst, constructor};

/// Waiting threads, and the event that wakes them.
#[derive(Debug)]
pub struct Notifier<S> {
    event: S,
    waiters: AtomicU32,
    /// Whether the event may be signalled; saves a system call if it is not.
    pending: AtomicBool,
}

/// Registration of a waiting thread. Dropping it ends the registration.
struct WaiterRegistration<'a>(&'a AtomicU32);

impl Drop for WaiterRegistration<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, SeqCst);
    }
}

impl<S: Signal> Notifier<S> {
    constructor! {
        /// Returns a notifier at which no thread waits.
        pub fn new(event: S) -> Self {
            Self { event, waiters: AtomicU32::new(0), pending: AtomicBool::new(false) }
        }
    }

    /// Waits once, in a thread that did not get the lock, by `sleep`, which a notification must end. `finish` decides
    /// what the thread does next: after `None` it tries to take the lock and waits again, otherwise it waits no more.
    /// `is_free` returns whether this thread could take the lock now. `call` is passed to `sleep` and `finish`.
    pub fn wait<C, R, T>(
        &self,
        call: &mut C,
        is_free: impl Fn() -> bool,
        sleep: impl FnOnce(&C, &S) -> R,
        finish: impl FnOnce(&mut C, R) -> Option<T>,
    ) -> Option<T> {
        // The event must exist before the first notification.
        self.event.prepare();
        self.waiters.fetch_add(1, SeqCst);
        let registered = WaiterRegistration(&self.waiters);
        // After the registration: a thread that releases the lock accesses the two in the opposite order.
        if is_free() {
            return None;
        }
        let slept = sleep(call, &self.event);
        drop(registered);
        self.clear_if_pending();
        let outcome = finish(call, slept);
        if outcome.is_none() {
            // Even if it is not recorded as pending: the notifying thread may have been preempted before that.
            self.event.take();
        } else if is_free() {
            // The notification may have woken only this thread, which waits no more.
            self.notify();
        }
        outcome
    }

    /// Wakes the threads that wait, if any; one of them takes the lock.
    pub fn notify(&self) {
        if self.waiters.load(SeqCst) > 0 {
            // In this order: if a thread cleared it between the two, the signal would never be taken.
            self.event.signal();
            self.pending.store(true, SeqCst);
        }
    }

    /// Clears a notification, if one is pending. The caller must hold the lock, or try to take it afterwards: the
    /// notification may mean that it is free. A late notification, after the lock was taken again, must be cleared
    /// before any thread sleeps, or waiters busy-loop.
    pub(crate) fn clear_if_pending(&self) {
        // Loaded first: in each iteration, a swap costs more time than the rest of this function.
        if self.pending.load(SeqCst) && self.pending.swap(false, SeqCst) {
            self.event.take();
        }
    }

    /// Returns the event. A direct signal to it is not recorded as pending.
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
