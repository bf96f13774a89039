//! What is behind the number of a virtual connection: one end of a socket pair whose other end is
//! closed. So the number is a socket to everybody who asks; and to a call that is not answered here
//! the kernel says what it would say of a client that is gone.

use std::os::fd::{BorrowedFd, IntoRawFd, RawFd};
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU8, Ordering::Relaxed};

use rustix::event::epoll;
use rustix::io::{Errno, fcntl_dupfd_cloexec};
use rustix::net::{AddressFamily, SocketFlags, SocketType, socketpair};

use crate::descriptors::{self, Kind};
use crate::idle;

static NUMBER: AtomicI32 = AtomicI32::new(-1);
/// Whether numbers are closed as they were accepted.
static ALIKE: AtomicBool = AtomicBool::new(true);
/// Whether they are accepted with close-on-exec: 0 or 1.
static CLOSE_ON_EXEC: AtomicU8 = AtomicU8::new(UNKNOWN);
const UNKNOWN: u8 = 2;

pub(super) fn make() -> Result<(), Errno> {
    let (end, _closed) = socketpair(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
    let kept = fcntl_dupfd_cloexec(&end, descriptors::FIRST_KEPT)?.into_raw_fd();
    descriptors::keep(kept);
    NUMBER.store(kept, Relaxed);
    Ok(())
}

pub(super) fn exists() -> bool {
    NUMBER.load(Relaxed) >= 0
}

/// A number of the server's for it: the lowest that is free.
pub(super) fn take(close_on_exec: bool) -> Result<RawFd, Errno> {
    let wanted = u8::from(close_on_exec);
    if ![UNKNOWN, wanted].contains(&CLOSE_ON_EXEC.swap(wanted, Relaxed)) {
        vary_numbers();
    }
    match descriptors::reserved() {
        Some(number) => Ok(number),
        None => duplicate(close_on_exec),
    }
}

/// The server closes `fd`, a number that it has for this. Keeps it open for the next connection, if that
/// can be: it is still the lowest that is free then, unless the server closes a lower one, or another of its
/// threads opens something.
pub(crate) fn reserve(fd: RawFd) -> bool {
    let one_thread = idle::server_has_one_thread();
    let can_be = one_thread && ALIKE.load(Relaxed) && super::is_on() && fd > libc::STDERR_FILENO;
    if can_be {
        descriptors::set(fd, Kind::Reserved);
    }
    can_be
}

/// From now on the numbers that are closed are not all as they were accepted.
pub(crate) fn vary_numbers() {
    ALIKE.store(false, Relaxed);
    descriptors::give_back_from(0);
}

/// Whether the numbers that the server has are closed at exec; `None` where they differ.
pub(crate) fn all_close_on_exec() -> Option<bool> {
    ALIKE.load(Relaxed).then(|| CLOSE_ON_EXEC.load(Relaxed) == 1)
}

fn duplicate(close_on_exec: bool) -> Result<RawFd, Errno> {
    let command = if close_on_exec { libc::F_DUPFD_CLOEXEC } else { libc::F_DUPFD };
    // SAFETY: the number is ours; libc's function, because rustix duplicates to `exec` only.
    let number = unsafe { crate::exports::real::fcntl64(NUMBER.load(Relaxed), command, 0) };
    if number < 0 { Err(crate::errno::last()) } else { Ok(number) }
}

/// Asks the kernel whether `fd` is an epoll instance; otherwise says what epoll_ctl(2) says.
pub(super) fn is_epoll(fd: RawFd) -> Result<(), Errno> {
    if fd < 0 {
        return Err(Errno::BADF);
    }
    match epoll::delete(descriptors::lend(fd), lent()) {
        Err(Errno::NOENT) | Ok(()) => Ok(()),
        Err(error) => Err(error),
    }
}

fn lent() -> BorrowedFd<'static> {
    descriptors::lend(NUMBER.load(Relaxed))
}
