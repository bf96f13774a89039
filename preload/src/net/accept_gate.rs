//! Accept gate: each pending connection lets one of the accepting threads through.
//!
//! Blocked threads wait at an event instead of the listener: at the listener, all of them would spin until the one that
//! is let through has accepted.

use std::os::fd::BorrowedFd;

use rustix::io::Errno;
use sockfuzz_handover::AcceptGate;

use crate::sys::event::Event;

static GATE: AcceptGate<Event> = AcceptGate::new(Event::new());

/// Counts a connection that is about to be made. [`wake_waiters`] follows, unless the same thread accepts it at
/// once.
pub(crate) fn add_pending() {
    GATE.add_pending();
}

/// Wakes the threads that wait, if a connection that is new since the last call is still pending.
pub(crate) fn wake_waiters() {
    GATE.wake_waiters();
}

/// Claims one pending connection; of several threads exactly one succeeds.
pub(crate) fn try_claim() -> bool {
    GATE.try_claim()
}

/// Waits by `wait` for a pending connection, unless there is one.
///
/// # Errors
/// Those of `wait`.
pub(crate) fn wait(wait: impl FnOnce(BorrowedFd<'_>) -> Result<(), Errno>) -> Result<(), Errno> {
    GATE.wait(|event| wait(event.descriptor())).unwrap_or(Ok(()))
}

/// Shuts the gate, so that no thread waits any more: the server has shut its listener down, which ends listening on a
/// TCP socket.
pub(crate) fn shut() {
    GATE.shut();
}

/// Reopens the gate: the server listens again.
pub(crate) fn reopen() {
    GATE.reopen();
}

/// Whether the server has shut its listener down.
pub(crate) fn is_shut() -> bool {
    GATE.is_shut()
}

/// Whether the server has accepted every connection that was made.
pub(crate) fn all_accepted() -> bool {
    GATE.all_accepted()
}

/// Number of connections that the server has not accepted.
pub(crate) fn pending() -> u32 {
    GATE.pending()
}

/// Resets the gate in a forked child, where no other thread waits and the parent's event is not its own.
pub(crate) fn reset_after_fork() {
    GATE.reset_after_fork();
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::thread;
    use std::time::Duration;

    use rustix::event::{PollFd, PollFlags, poll};

    use super::*;

    // One test for the whole gate: it is global, and tests run in parallel.
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
                tell.send(waits).expect("the receiver exists");
                wait(|door| poll(&mut [PollFd::new(&door, PollFlags::IN)], None).map(drop)).expect("poll");
            }
            waits
        });
        told.recv().expect("the waiter has begun");
        thread::sleep(Duration::from_millis(20));
        // Made and accepted by the same thread, then announced: at most one spurious wake-up.
        add_pending();
        assert!(try_claim());
        wake_waiters();
        sockfuzz_handover::Signal::signal(GATE.event());
        thread::sleep(Duration::from_millis(20));
        add_pending();
        wake_waiters();
        assert!(waiter.join().expect("ends") <= 3);
        assert!(all_accepted());
    }
}
