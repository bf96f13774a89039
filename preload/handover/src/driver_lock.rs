//! Driver lock: held by one thread at a time. A thread that does not get it waits at the [`Notifier`].

use crate::notifier::Notifier;
use crate::signal::Signal;
use crate::sync::{AtomicBool, SeqCst, constructor};

/// Lock that no thread blocks at.
#[derive(Debug)]
pub struct DriverLock {
    held: AtomicBool,
}

impl DriverLock {
    constructor! {
        /// Returns a free lock.
        pub fn new() -> Self {
            Self { held: AtomicBool::new(false) }
        }
    }

    /// Takes the lock if it is free.
    pub fn try_acquire<S: Signal>(&self, notifier: &Notifier<S>) -> bool {
        let acquired = self.held.compare_exchange(false, true, SeqCst, SeqCst).is_ok();
        if acquired {
            notifier.clear_if_pending();
        }
        acquired
    }

    /// Whether no thread holds it.
    pub fn is_free(&self) -> bool {
        !self.held.load(SeqCst)
    }

    /// Frees the lock, and wakes the threads that wait for it.
    pub fn release<S: Signal>(&self, notifier: &Notifier<S>) {
        self.held.store(false, SeqCst);
        notifier.notify();
    }

    /// Frees the lock in a forked child, where the thread that held it may not exist.
    pub fn reset_after_fork(&self) {
        self.held.store(false, SeqCst);
    }
}

impl Default for DriverLock {
    fn default() -> Self {
        Self::new()
    }
}
