//! Placeholder for the descriptor of a virtual connection: one end of a socket pair whose other end is
//! closed. So the descriptor refers to a socket. If the preload does not handle a call on it, the kernel
//! treats it like a connection whose client is gone.

use std::os::fd::{BorrowedFd, IntoRawFd, RawFd};
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU8, Ordering::Relaxed};

use rustix::event::epoll;
use rustix::io::{Errno, fcntl_dupfd_cloexec};
use rustix::net::{AddressFamily, SocketFlags, SocketType, socketpair};

use crate::sys::fd_table::{self, FdKind};
use crate::sys::threads;
use crate::sys::{errno, fd, real};

static PLACEHOLDER_FD: AtomicI32 = AtomicI32::new(-1);
/// Whether all descriptors of virtual connections have had the same close-on-exec flag so far.
static SAME_FLAGS: AtomicBool = AtomicBool::new(true);
/// The close-on-exec flag with which they are accepted: 0, 1 or [`UNKNOWN`].
static CLOSE_ON_EXEC: AtomicU8 = AtomicU8::new(UNKNOWN);
const UNKNOWN: u8 = 2;

pub(super) fn make() -> Result<(), Errno> {
    let (end, _closed) = socketpair(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
    let kept = fcntl_dupfd_cloexec(&end, fd_table::FIRST_PROTECTED_FD)?.into_raw_fd();
    fd_table::protect(kept);
    PLACEHOLDER_FD.store(kept, Relaxed);
    Ok(())
}

/// Returns a descriptor of the placeholder for the server, at the lowest free number.
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

/// Keeps `fd`, a placeholder that the server closes, open for the next connection, if possible. Returns whether
/// it does. The number is still the lowest free one then, unless the server closes a lower one, or another of its
/// threads opens a file.
pub(crate) fn reserve_fd(fd: RawFd) -> bool {
    let single_thread = threads::is_single();
    let can_be = single_thread && SAME_FLAGS.load(Relaxed) && super::is_active() && fd > libc::STDERR_FILENO;
    if can_be {
        fd_table::set(fd, FdKind::Reserved);
    }
    can_be
}

/// Stops the reuse of closed descriptors, because their flags may differ from now on.
pub(crate) fn stop_reserving_fds() {
    SAME_FLAGS.store(false, Relaxed);
    fd_table::release_reserved_from(0);
}

/// Records that the server has duplicated a placeholder, and the close-on-exec flag of the copy.
pub(crate) fn record_copy(close_on_exec: bool) {
    if all_close_on_exec() != Some(close_on_exec) {
        stop_reserving_fds();
    }
}

/// Whether the server's placeholders are closed at exec; `None` if they differ.
pub(crate) fn all_close_on_exec() -> Option<bool> {
    SAME_FLAGS.load(Relaxed).then(|| CLOSE_ON_EXEC.load(Relaxed) == 1)
}

fn duplicate(close_on_exec: bool) -> Result<RawFd, Errno> {
    let command = if close_on_exec { libc::F_DUPFD_CLOEXEC } else { libc::F_DUPFD };
    // rustix duplicates only with close-on-exec.
    // SAFETY: fcntl(2) takes only numbers for this command, and the preload owns the placeholder.
    let number = unsafe { real::fcntl64(PLACEHOLDER_FD.load(Relaxed), command, 0) };
    if number < 0 { Err(errno::last()) } else { Ok(number) }
}

/// Asks the kernel whether `fd` is an epoll instance; if not, returns the error of epoll_ctl(2).
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
