//! Spin lock for the state that the server's threads share. It costs nothing in a server with one thread.

use std::cell::UnsafeCell;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

use super::signal_guard::SignalGuard;
use super::threads;

/// Value that one thread at a time may use, without interruption by a signal handler.
pub(crate) struct SpinLock<T> {
    held: AtomicBool,
    content: UnsafeCell<T>,
}

// SAFETY: `with` gives the content to one thread at a time, and `T` may be sent between threads.
unsafe impl<T: Send> Sync for SpinLock<T> {}

impl<T> SpinLock<T> {
    pub(crate) const fn new(content: T) -> Self {
        Self { held: AtomicBool::new(false), content: UnsafeCell::new(content) }
    }

    /// Runs `action` with exclusive access to the content. Calls must not nest: `action` must not call this again.
    pub(crate) fn with<R>(&self, action: impl FnOnce(&mut T) -> R) -> R {
        let _signals = SignalGuard::enter();
        let _lock = (!threads::is_single()).then(|| self.lock());
        // SAFETY: there is one thread, or this one holds the lock; no handler runs, and calls do not nest.
        action(unsafe { &mut *self.content.get() })
    }

    fn lock(&self) -> SpinLockGuard<'_> {
        while self.held.compare_exchange(false, true, SeqCst, SeqCst).is_err() {
            rustix::thread::sched_yield();
        }
        SpinLockGuard(&self.held)
    }

    /// Releases the lock in a forked child: the thread that held it may not exist there.
    pub(crate) fn reset_after_fork(&self) {
        self.held.store(false, SeqCst);
    }
}

struct SpinLockGuard<'a>(&'a AtomicBool);

impl Drop for SpinLockGuard<'_> {
    fn drop(&mut self) {
        self.0.store(false, SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    #[test]
    fn threads_exclude_each_other() {
        static COUNT: SpinLock<(u32, u32)> = SpinLock::new((0, 0));
        threads::record_creation();
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..1000 {
                        COUNT.with(|(one, other)| {
                            *one += 1;
                            thread::yield_now();
                            *other = *one;
                        });
                    }
                });
            }
        });
        assert_eq!(COUNT.with(|counts| *counts), (4000, 4000));
    }
}
