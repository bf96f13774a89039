//! What is behind the number of a virtual connection: one end of a socket pair whose other end is
//! closed. So the number is a socket to everybody who asks; and to a call that is not answered here
//! the kernel says what it would say of a client that is gone.

use std::os::fd::{BorrowedFd, IntoRawFd, RawFd};
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU8, Ordering::Relaxed};

use rustix::event::epoll;
use rustix::io::{Errno, fcntl_dupfd_cloexec};
use rustix::net::{AddressFamily, SocketFlags, SocketType, socketpair};

use crate::sys::fd_table::{self, FdKind};
use crate::sys::threads;
use crate::sys::{errno, fd, real};

static PLACEHOLDER_FD: AtomicI32 = AtomicI32::new(-1);
/// Whether numbers are closed as they were accepted.
static SAME_FLAGS: AtomicBool = AtomicBool::new(true);
/// Whether they are accepted with close-on-exec: 0 or 1.
static CLOSE_ON_EXEC: AtomicU8 = AtomicU8::new(UNKNOWN);
const UNKNOWN: u8 = 2;

pub(super) fn make() -> Result<(), Errno> {
    let (end, _closed) = socketpair(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
    let kept = fcntl_dupfd_cloexec(&end, fd_table::FIRST_PROTECTED_FD)?.into_raw_fd();
    fd_table::protect(kept);
    PLACEHOLDER_FD.store(kept, Relaxed);
    Ok(())
}

/// A number of the server's for it: the lowest that is free.
pub(super) fn take(close_on_exec: bool) -> Result<RawFd, Errno> {
    let wanted = u8::from(close_on_exec);
    if ![UNKNOWN, wanted].contains(&CLOSE_ON_EXEC.swap(wanted, Relaxed)) {
        stop_reserving_fds();
    }
    match fd_table::lowest_reserved() {
        Some(number) => Ok(number),
        None => duplicate(close_on_exec),
    }
}

/// The server closes `fd`, a number that it has for this. Keeps it open for the next connection, if that
/// can be: it is still the lowest that is free then, unless the server closes a lower one, or another of its
/// threads opens something.
pub(crate) fn reserve_fd(fd: RawFd) -> bool {
    let single_thread = threads::is_single();
    let can_be = single_thread && SAME_FLAGS.load(Relaxed) && super::is_active() && fd > libc::STDERR_FILENO;
    if can_be {
        fd_table::set(fd, FdKind::Reserved);
    }
    can_be
}

/// From now on the numbers that are closed are not all as they were accepted.
pub(crate) fn stop_reserving_fds() {
    SAME_FLAGS.store(false, Relaxed);
    fd_table::release_reserved_from(0);
}

/// The server has duplicated a number, by a call that says whether the copy is closed at exec.
pub(crate) fn record_copy(close_on_exec: bool) {
    if all_close_on_exec() != Some(close_on_exec) {
        stop_reserving_fds();
    }
}

/// Whether the numbers that the server has are closed at exec; `None` where they differ.
pub(crate) fn all_close_on_exec() -> Option<bool> {
    SAME_FLAGS.load(Relaxed).then(|| CLOSE_ON_EXEC.load(Relaxed) == 1)
}

fn duplicate(close_on_exec: bool) -> Result<RawFd, Errno> {
    let command = if close_on_exec { libc::F_DUPFD_CLOEXEC } else { libc::F_DUPFD };
    // SAFETY: the number is ours; libc's function, because rustix duplicates to `exec` only.
    let number = unsafe { real::fcntl64(PLACEHOLDER_FD.load(Relaxed), command, 0) };
    if number < 0 { Err(errno::last()) } else { Ok(number) }
}

/// Asks the kernel whether `fd` is an epoll instance; otherwise says what epoll_ctl(2) says.
pub(super) fn is_epoll(fd: RawFd) -> Result<(), Errno> {
    if fd < 0 {
        return Err(Errno::BADF);
    }
    match epoll::delete(fd::borrow(fd), placeholder()) {
        Err(Errno::NOENT) | Ok(()) => Ok(()),
        Err(error) => Err(error),
    }
}

fn placeholder() -> BorrowedFd<'static> {
    fd::borrow(PLACEHOLDER_FD.load(Relaxed))
}
