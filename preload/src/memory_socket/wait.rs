//! Waiting for a virtual socket.

use std::os::fd::BorrowedFd;

use rustix::io::Errno;

use super::fallback::fall_back;
use super::is_active;
use super::wait_queue::{Interest, Waiter};

/// Waits by `sleep`, which gets a descriptor that becomes readable with an arrival. Does not wait if `ready`
/// returns that something has arrived before.
///
/// # Errors
/// Those of `sleep`.
pub(crate) fn wait_for_arrival(
    interest: Interest,
    ready: impl FnOnce() -> bool,
    sleep: impl FnOnce(Option<BorrowedFd<'static>>) -> Result<(), Errno>,
) -> Result<(), Errno> {
    if !is_active() || interest.is_empty() {
        return sleep(None);
    }
    let Some(waiter) = Waiter::claim(interest) else {
        fall_back("too many of its threads wait at a time");
        return sleep(None);
    };
    let sleeps = !ready();
    let slept = if sleeps { sleep(Some(waiter.descriptor())) } else { Ok(()) };
    waiter.release(sleeps);
    slept
}
