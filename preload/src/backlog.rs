//! Connections that are made and not accepted: each lets one of the threads through that call accept.
//!
//! Those that block wait at a door, not at the listener itself, at which all of them would spin until the one
//! that is let through has accepted.

use std::os::fd::BorrowedFd;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};

use rustix::io::Errno;

use crate::event::Event;

/// How many there are.
static WAITING: AtomicU32 = AtomicU32::new(0);
/// How many of them the threads at the door may not know of.
static UNANNOUNCED: AtomicU32 = AtomicU32::new(0);
/// How often the door was opened, and for whom nobody has come yet.
static OPENED: AtomicU32 = AtomicU32::new(0);
/// Threads at the door.
static AT_DOOR: AtomicU32 = AtomicU32::new(0);
static DOOR: Event = Event::counting();

/// A connection is about to be made. To be [`announce`]d, unless whoever makes it accepts it at once.
pub(crate) fn offer() {
    WAITING.fetch_add(1, SeqCst);
    UNANNOUNCED.fetch_add(1, SeqCst);
}

/// Opens the door for connections that are still there.
pub(crate) fn announce() {
    if UNANNOUNCED.load(SeqCst) == 0 {
        return;
    }
    let news = UNANNOUNCED.swap(0, SeqCst).min(unaccepted());
    if AT_DOOR.load(SeqCst) > 0 {
        for _ in 0..news {
            OPENED.fetch_add(1, SeqCst);
            DOOR.signal();
        }
    }
}

/// Takes the right to accept one connection; exactly one of several threads gets it.
pub(crate) fn claim() -> bool {
    let claimed = take_one(&WAITING);
    if claimed && take_one(&OPENED) {
        DOOR.take();
    }
    claimed
}

fn take_one(from: &AtomicU32) -> bool {
    from.fetch_update(SeqCst, SeqCst, |count| count.checked_sub(1)).is_ok()
}

/// Waits at the door, if there is need to, by `wait`.
///
/// # Errors
/// Those of `wait`.
pub(crate) fn wait_at_door(wait: impl FnOnce(BorrowedFd<'_>) -> Result<(), Errno>) -> Result<(), Errno> {
    AT_DOOR.fetch_add(1, SeqCst);
    // Who offers looks at the two in the other order.
    let waited = if all_accepted() { wait(DOOR.descriptor()) } else { Ok(()) };
    AT_DOOR.fetch_sub(1, SeqCst);
    if all_accepted() {
        // Should it be open, it is for a connection that was accepted before it was.
        DOOR.take();
    }
    waited
}

/// Whether the server has accepted every connection that was made.
pub(crate) fn all_accepted() -> bool {
    unaccepted() == 0
}

/// How many of them it has not accepted.
pub(crate) fn unaccepted() -> u32 {
    WAITING.load(SeqCst)
}

/// In a forked child no other thread waits, and its parent's door is not its own.
pub(crate) fn forget_waiters() {
    DOOR.forget();
    AT_DOOR.store(0, SeqCst);
    OPENED.store(0, SeqCst);
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
    fn one_connection_lets_one_accept_through_and_wakes_who_waits() {
        offer();
        let won = thread::scope(|scope| {
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(claim)).collect();
            threads.into_iter().filter_map(|thread| thread.join().ok()).filter(|won| *won).count()
        });
        assert_eq!(won, 1);
        assert!(all_accepted());

        let (tell, told) = mpsc::channel();
        let waiter = thread::spawn(move || {
            let mut waits = 0;
            while !claim() {
                waits += 1;
                tell.send(waits).expect("heard");
                wait_at_door(|door| poll(&mut [PollFd::new(&door, PollFlags::IN)], None).map(drop))
                    .expect("polls");
            }
            waits
        });
        told.recv().expect("it waits");
        thread::sleep(Duration::from_millis(20));
        // Made and accepted by the same thread, announced too late: nothing to wake up for, more than once.
        offer();
        assert!(claim());
        announce();
        DOOR.signal();
        thread::sleep(Duration::from_millis(20));
        offer();
        announce();
        assert!(waiter.join().expect("ends") <= 3);
        assert!(all_accepted());
    }
}
