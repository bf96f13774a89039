//! sendfile(2) and splice(2): bytes that never pass through the server's memory. On a blocking
//! connection the kernel would wait inside the call; so the waiting is done first, at an idle point.

use std::os::fd::BorrowedFd;
use std::time::Duration;

use libc::{c_int, c_uint, loff_t, off_t, size_t, ssize_t};
use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::fs::{FileType, SeekFrom};
use rustix::io::Errno;

use crate::blocking::{self, BlockingCall, WaitOutcome};
use crate::memory_socket;
use crate::sys::fd_table::{self, FdKind, Slot};
use crate::sys::{errno, fd, real};

/// What is sent at a time on a blocking connection: less than the smallest usual socket buffer, so
/// that the kernel never waits with a part of it. Both calls may do less than asked for, and their
/// callers go on.
const PART_BYTES: size_t = 16 * 1024;

pub(crate) unsafe fn sendfile(fd: c_int, file: c_int, offset: *mut off_t, len: size_t) -> ssize_t {
    if let Some(slot) = fd_table::slot(fd).filter(|slot| memory_socket::is_writable(*slot)) {
        // SAFETY: the server's own pointer.
        match unsafe { send_from_file(slot, file, offset.as_mut(), len) } {
            Ok(Some(count)) => return count as ssize_t,
            Ok(None) => memory_socket::fall_back("it sends from what is no regular file"),
            Err(error) => return errno::fail_size(error),
        }
    }
    if fd_table::kind(fd) != FdKind::Connection || memory_socket::fd_is_nonblocking(fd) {
        // SAFETY: the server's own call.
        return unsafe { real::sendfile64(fd, file, offset, len) };
    }
    if let Err(error) = wait_until_ready(fd, PollFlags::OUT) {
        return errno::fail_size(error);
    }
    // SAFETY: the server's own call, with less to send.
    unsafe { real::sendfile64(fd, file, offset, len.min(PART_BYTES)) }
}

/// sendfile(2) to a virtual connection: how much was sent; `None` when `file` is no regular one.
fn send_from_file(
    slot: Slot,
    file: c_int,
    offset: Option<&mut off_t>,
    len: size_t,
) -> Result<Option<usize>, Errno> {
    if file < 0 {
        return Err(Errno::BADF);
    }
    let file = fd::borrow(file);
    let stat = rustix::fs::fstat(file)?;
    if !FileType::from_raw_mode(stat.st_mode).is_file() {
        return Ok(None);
    }
    let start = match &offset {
        Some(offset) => u64::try_from(**offset).map_err(|_| Errno::INVAL)?,
        None => rustix::fs::tell(file)?,
    };
    let left = stat.st_size.unsigned_abs().saturating_sub(start);
    let count = left.min(len as u64);
    if memory_socket::forwards_answers() {
        show(slot, file, start, count)?;
    }
    memory_socket::record_answer(slot, count as usize);
    match offset {
        Some(offset) => *offset = (start + count) as off_t,
        None => drop(rustix::fs::seek(file, SeekFrom::Start(start + count))?),
    }
    Ok(Some(count as usize))
}

/// Shows `count` bytes of a file.
fn show(slot: Slot, file: BorrowedFd<'_>, start: u64, count: u64) -> Result<(), Errno> {
    let mut part = [0; 4096];
    let mut shown = 0;
    while shown < count {
        let room = part.len().min((count - shown) as usize);
        let read = rustix::io::pread(file, &mut part[..room], start + shown)?;
        if read == 0 {
            break;
        }
        memory_socket::forward_answer(slot, &part[..read]);
        shown += read as u64;
    }
    Ok(())
}

pub(crate) unsafe fn splice(
    from: c_int,
    from_offset: *mut loff_t,
    to: c_int,
    to_offset: *mut loff_t,
    len: size_t,
    flags: c_uint,
) -> ssize_t {
    if fd_table::is_virtual(from) || fd_table::is_virtual(to) {
        memory_socket::fall_back("it splices");
    }
    // One of the two is a pipe (splice(2)).
    let connection = match (fd_table::kind(from), fd_table::kind(to)) {
        (FdKind::Connection, _) => Some((from, PollFlags::IN, len)),
        (_, FdKind::Connection) => Some((to, PollFlags::OUT, len.min(PART_BYTES))),
        _ => None,
    };
    let waits = |fd| flags & libc::SPLICE_F_NONBLOCK == 0 && !memory_socket::fd_is_nonblocking(fd);
    let mut len = len;
    if let Some((fd, events, part)) = connection.filter(|(fd, ..)| waits(*fd)) {
        len = part;
        if let Err(error) = wait_until_ready(fd, events) {
            return errno::fail_size(error);
        }
    }
    // SAFETY: the server's own call, with less to send.
    unsafe { real::splice(from, from_offset, to, to_offset, len, flags) }
}

fn wait_until_ready(fd: c_int, events: PollFlags) -> Result<(), Errno> {
    if !blocking::intercepts_calls() {
        return Ok(());
    }
    match blocking::wait(&mut Ready { fd, events }, None) {
        WaitOutcome::Done(()) | WaitOutcome::TimedOut => Ok(()),
        WaitOutcome::Interrupted => Err(Errno::INTR),
    }
}

/// Waits for bytes, or for room, in a socket's buffer.
struct Ready {
    fd: c_int,
    events: PollFlags,
}

impl BlockingCall for Ready {
    type Output = ();

    fn attempt(&mut self) -> Option<()> {
        let mut own = [PollFd::from_borrowed_fd(fd::borrow(self.fd), self.events)];
        let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
        rustix::event::poll(&mut own, Some(&at_once)).is_ok_and(|ready| ready > 0).then_some(())
    }

    fn sleep(&self, others: &[PollFd<'_>], limit: Option<Duration>) -> Result<(), Errno> {
        super::sleep_on(fd::borrow(self.fd), self.events, others, limit)
    }
}
