//! Spin lock over what the server's threads share here. A server with one thread pays nothing for it.

use std::cell::UnsafeCell;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use crate::process::threads;

thread_local! {
    static THREAD_MARK: u8 = const { 0 };
}

/// A value that one thread at a time may touch.
pub(super) struct SpinLock<T> {
    /// The thread that holds the lock, by an address that only it has; 0 for none.
    owner: AtomicUsize,
    content: UnsafeCell<T>,
}

// SAFETY: `with` gives the content to one thread at a time.
unsafe impl<T: Send> Sync for SpinLock<T> {}

impl<T> SpinLock<T> {
    pub(super) const fn new(content: T) -> Self {
        Self { owner: AtomicUsize::new(0), content: UnsafeCell::new(content) }
    }

    /// Does something with the content. Calls do not nest: `action` must not lead back here.
    pub(super) fn with<R>(&self, action: impl FnOnce(&mut T) -> R) -> R {
        let _guard = self.lock();
        // SAFETY: there is one thread, or this one holds the lock.
        action(unsafe { &mut *self.content.get() })
    }

    /// Waits for the lock. None is needed by the only thread there is, nor by a signal handler that has
    /// interrupted its own thread while that held it: it would wait for itself.
    fn lock(&self) -> Option<SpinLockGuard<'_>> {
        if threads::is_single() {
            return None;
        }
        let me = THREAD_MARK.with(|mark| std::ptr::from_ref(mark).addr());
        loop {
            match self.owner.compare_exchange(0, me, SeqCst, SeqCst) {
                Ok(_) => return Some(SpinLockGuard(&self.owner)),
                Err(owner) if owner == me => return None,
                Err(_) => rustix::thread::sched_yield(),
            }
        }
    }

    /// Releases the lock in a forked child: the thread that held it may not exist there.
    pub(super) fn reset_after_fork(&self) {
        self.owner.store(0, SeqCst);
    }
}

struct SpinLockGuard<'a>(&'a AtomicUsize);

impl Drop for SpinLockGuard<'_> {
    fn drop(&mut self) {
        self.0.store(0, SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    #[test]
    fn threads_take_turns() {
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
