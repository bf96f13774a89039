//! What the server's threads share here, one at a time. A server with one thread pays nothing for that.

use std::cell::UnsafeCell;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use crate::idle;

/// The thread that is at it, by an address that only it has; 0 for none.
static OWNER: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    static ME: u8 = const { 0 };
}

/// Something that one thread at a time may touch.
pub(super) struct Shared<T>(UnsafeCell<T>);

// SAFETY: see `with`.
unsafe impl<T: Send> Sync for Shared<T> {}

impl<T> Shared<T> {
    pub(super) const fn new(content: T) -> Self {
        Self(UnsafeCell::new(content))
    }

    /// Calls do not nest: `action` must not lead back here.
    pub(super) fn with<R>(&self, action: impl FnOnce(&mut T) -> R) -> R {
        let _turn = Turn::take();
        // SAFETY: there is one thread, or it is this one's turn.
        action(unsafe { &mut *self.0.get() })
    }
}

struct Turn;

impl Turn {
    /// Waits its turn. None is needed by the only thread there is, nor by a signal handler that has
    /// interrupted its own thread in the middle of one: it would wait for itself.
    fn take() -> Option<Self> {
        if idle::server_has_one_thread() {
            return None;
        }
        let me = ME.with(|me| std::ptr::from_ref(me).addr());
        loop {
            match OWNER.compare_exchange(0, me, SeqCst, SeqCst) {
                Ok(_) => return Some(Self),
                Err(owner) if owner == me => return None,
                Err(_) => rustix::thread::sched_yield(),
            }
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        OWNER.store(0, SeqCst);
    }
}

/// In a forked child, the thread whose turn it was may not exist.
pub(super) fn forget() {
    OWNER.store(0, SeqCst);
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    #[test]
    fn threads_take_turns() {
        static COUNT: Shared<(u32, u32)> = Shared::new((0, 0));
        idle::note_thread_creation();
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
