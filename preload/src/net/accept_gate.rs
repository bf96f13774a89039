//! Accept gate: each pending connection lets one of the accepting threads through.
//!
//! Threads that block wait at an event, not at the listener itself, at which all of them would spin until the
//! one that is let through has accepted.

use std::os::fd::BorrowedFd;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};

use rustix::io::Errno;

use crate::sys::event::Event;

/// Connections that are made and not accepted.
static PENDING: AtomicU32 = AtomicU32::new(0);
/// Pending connections for which no waiting thread was woken yet.
static UNNOTIFIED: AtomicU32 = AtomicU32::new(0);
/// Signals of [`EVENT`] that no thread has taken yet.
static SIGNALLED: AtomicU32 = AtomicU32::new(0);
/// Threads that wait at [`EVENT`].
static WAITERS: AtomicU32 = AtomicU32::new(0);
static EVENT: Event = Event::counting();

/// Counts a connection that is about to be made. [`wake_waiters`] follows, unless the same thread accepts it at
/// once.
pub(crate) fn add_pending() {
    PENDING.fetch_add(1, SeqCst);
    UNNOTIFIED.fetch_add(1, SeqCst);
}

/// Wakes one waiting thread for each connection that is still pending.
pub(crate) fn wake_waiters() {
    if UNNOTIFIED.load(SeqCst) == 0 {
        return;
    }
    let news = UNNOTIFIED.swap(0, SeqCst).min(pending());
    if WAITERS.load(SeqCst) > 0 {
        for _ in 0..news {
            SIGNALLED.fetch_add(1, SeqCst);
            EVENT.signal();
        }
    }
}

/// Claims one pending connection; of several threads exactly one succeeds.
pub(crate) fn try_claim() -> bool {
    let claimed = take_one(&PENDING);
    if claimed && take_one(&SIGNALLED) {
        EVENT.take();
    }
    claimed
}

fn take_one(from: &AtomicU32) -> bool {
    from.fetch_update(SeqCst, SeqCst, |count| count.checked_sub(1)).is_ok()
}

/// Waits for a pending connection by `wait`, unless there is one.
///
/// # Errors
/// Those of `wait`.
pub(crate) fn wait(wait: impl FnOnce(BorrowedFd<'_>) -> Result<(), Errno>) -> Result<(), Errno> {
    WAITERS.fetch_add(1, SeqCst);
    // Who offers looks at the two in the other order.
    let waited = if all_accepted() { wait(EVENT.descriptor()) } else { Ok(()) };
    WAITERS.fetch_sub(1, SeqCst);
    if all_accepted() {
        // A signal that is left was for a connection that was accepted meanwhile.
        EVENT.take();
    }
    waited
}

/// Whether the server has accepted every connection that was made.
pub(crate) fn all_accepted() -> bool {
    pending() == 0
}

/// Number of connections that the server has not accepted.
pub(crate) fn pending() -> u32 {
    PENDING.load(SeqCst)
}

/// Resets the gate in a forked child, where no other thread waits and the parent's event is not its own.
pub(crate) fn reset_after_fork() {
    EVENT.forget();
    WAITERS.store(0, SeqCst);
    SIGNALLED.store(0, SeqCst);
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::thread;
    use std::time::Duration;

    use rustix::event::{PollFd, PollFlags, poll};

    use super::*;

    // One test for all of it: it is global, and tests run in parallel.
    #[test]
    fn one_connection_lets_one_accept_through_and_wakes_a_waiter() {
        add_pending();
        let won = thread::scope(|scope| {
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(try_claim)).collect();
            threads.into_iter().filter_map(|thread| thread.join().ok()).filter(|won| *won).count()
        });
        assert_eq!(won, 1);
        assert!(all_accepted());

        let (tell, told) = mpsc::channel();
        let waiter = thread::spawn(move || {
            let mut waits = 0;
            while !try_claim() {
                waits += 1;
                tell.send(waits).expect("heard");
                wait(|door| poll(&mut [PollFd::new(&door, PollFlags::IN)], None).map(drop)).expect("polls");
            }
            waits
        });
        told.recv().expect("it waits");
        thread::sleep(Duration::from_millis(20));
        // Made and accepted by the same thread, then announced: at most one spurious wake-up.
        add_pending();
        assert!(try_claim());
        wake_waiters();
        EVENT.signal();
        thread::sleep(Duration::from_millis(20));
        add_pending();
        wake_waiters();
        assert!(waiter.join().expect("ends") <= 3);
        assert!(all_accepted());
    }
}
