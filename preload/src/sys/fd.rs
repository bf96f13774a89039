//! File descriptors of the server, as arguments of the preload's own system calls.

use std::mem::ManuallyDrop;
use std::os::fd::{AsFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

use rustix::io::{DupFlags, Errno, FdFlags, dup3, fcntl_getfd, write};

/// Borrows a descriptor of the server's for one call. The call fails with `EBADF` if the server has closed
/// the descriptor meanwhile, as the server's own call would.
pub(crate) fn borrow<'a>(fd: RawFd) -> BorrowedFd<'a> {
    debug_assert!(fd >= 0);
    // SAFETY: the number is not -1, and no code relies on the descriptor staying open.
    unsafe { BorrowedFd::borrow_raw(fd) }
}

/// Puts a duplicate of `fresh` in the place of the server's `fd`, which keeps its close-on-exec flag.
pub(crate) fn replace(fd: RawFd, fresh: impl AsFd) -> Result<(), Errno> {
    let close_on_exec = fcntl_getfd(borrow(fd))?.contains(FdFlags::CLOEXEC);
    let flags = if close_on_exec { DupFlags::CLOEXEC } else { DupFlags::empty() };
    // SAFETY: `fcntl` has just shown that the number is open; `ManuallyDrop` never closes it.
    let mut place = ManuallyDrop::new(unsafe { OwnedFd::from_raw_fd(fd) });
    dup3(fresh, &mut place, flags)
}

/// Writes all bytes.
///
/// # Errors
/// Those of write(2), except `EINTR`.
pub(crate) fn write_all(fd: impl AsFd, mut bytes: &[u8]) -> Result<(), Errno> {
    while !bytes.is_empty() {
        match write(&fd, bytes) {
            Ok(count) => bytes = &bytes[count..],
            Err(Errno::INTR) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Whether `fd` is a socket (fstat(2), S_IFSOCK).
pub(crate) fn is_socket(fd: RawFd) -> bool {
    rustix::fs::fstat(borrow(fd))
        .is_ok_and(|stat| rustix::fs::FileType::from_raw_mode(stat.st_mode).is_socket())
}

/// Whether O_NONBLOCK is set on `fd` in the kernel.
pub(crate) fn is_nonblocking(fd: RawFd) -> bool {
    rustix::fs::fcntl_getfl(borrow(fd)).is_ok_and(|flags| flags.contains(rustix::fs::OFlags::NONBLOCK))
}
