//! What is behind the number of a virtual connection: one end of a socket pair whose other end is
//! closed. So the number is a socket to everybody who asks; and to a call that is not answered here
//! the kernel says what it would say of a client that is gone.

use std::os::fd::{BorrowedFd, IntoRawFd, RawFd};
use std::sync::atomic::{AtomicI32, Ordering::Relaxed};

use rustix::event::epoll;
use rustix::io::{Errno, fcntl_dupfd_cloexec};
use rustix::net::{AddressFamily, SocketFlags, SocketType, socketpair};

use crate::descriptors;

static NUMBER: AtomicI32 = AtomicI32::new(-1);

/// High enough to leave the low numbers, which servers use as indices, as they would be.
const FIRST_KEPT: RawFd = 200;

pub(super) fn make() -> Result<(), Errno> {
    let (end, _closed) = socketpair(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
    let kept = fcntl_dupfd_cloexec(&end, FIRST_KEPT)?.into_raw_fd();
    descriptors::keep(kept);
    NUMBER.store(kept, Relaxed);
    Ok(())
}

pub(super) fn exists() -> bool {
    NUMBER.load(Relaxed) >= 0
}

/// A number of the server's for it: the lowest that is free.
pub(super) fn duplicate(close_on_exec: bool) -> Result<RawFd, Errno> {
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
