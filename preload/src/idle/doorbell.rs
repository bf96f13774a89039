//! The doorbell: how the driver's role is handed to a thread that waits at an idle point.
//!
//! The last thread to fall asleep may do so in a call that nobody sees (a futex). So as long as a
//! thread waits at an idle point, some thread must hold the role and watch; whoever gives it up
//! while others wait rings.

use std::os::fd::{BorrowedFd, FromRawFd, IntoRawFd, OwnedFd};
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering::SeqCst};

use rustix::event::{EventfdFlags, eventfd};

use super::role::Role;
use crate::{descriptors, report};

/// An eventfd(2), made at the first wait.
static BELL: AtomicI32 = AtomicI32::new(-1);
static WAITERS: AtomicI32 = AtomicI32::new(0);
/// Whether the bell rings; spares a system call when it does not.
static RINGING: AtomicBool = AtomicBool::new(false);

/// A thread waits at an idle point, without the role.
pub(super) struct Waiting;

impl Waiting {
    /// From here on the bell rings for this thread; look once more whether the role is free.
    pub(super) fn begin() -> Self {
        WAITERS.fetch_add(1, SeqCst);
        Self
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        WAITERS.fetch_sub(1, SeqCst);
    }
}

/// The descriptor to wait for.
pub(super) fn bell() -> BorrowedFd<'static> {
    let known = BELL.load(SeqCst);
    if known >= 0 {
        return descriptors::lend(known);
    }
    let made = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)
        .unwrap_or_else(|error| report::fatal(format_args!("no descriptor left for the doorbell: {error}")));
    let number = made.into_raw_fd();
    match BELL.compare_exchange(-1, number, SeqCst, SeqCst) {
        Ok(_) => descriptors::lend(number),
        Err(first) => {
            // SAFETY: another thread was first; this one is still ours alone.
            drop(unsafe { OwnedFd::from_raw_fd(number) });
            descriptors::lend(first)
        }
    }
}

/// Wakes the threads that wait, if any; one of them takes the role.
pub(super) fn ring() {
    let bell = BELL.load(SeqCst);
    if bell >= 0 && WAITERS.load(SeqCst) > 0 {
        RINGING.store(true, SeqCst);
        let _ = rustix::io::write(descriptors::lend(bell), &1_u64.to_ne_bytes());
    }
}

/// Silences the bell; a thread that does so must take the role or [`pass_on`].
pub(super) fn silence() {
    let bell = BELL.load(SeqCst);
    if RINGING.swap(false, SeqCst) {
        let _ = rustix::io::read(descriptors::lend(bell), &mut [0_u8; 8]);
    }
}

/// Rings again if nobody watches.
pub(super) fn pass_on() {
    if Role::is_free() {
        ring();
    }
}

/// In a forked child no other thread waits, and its parent's bell is not its own.
pub(super) fn forget() {
    WAITERS.store(0, SeqCst);
    BELL.store(-1, SeqCst);
    RINGING.store(false, SeqCst);
}
