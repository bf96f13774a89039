//! sendfile(2) and splice(2), whose bytes do not pass through the server's memory. On a blocking
//! connection the kernel would wait inside the call, so the hook waits first, at an idle point.

use std::os::fd::{AsRawFd, BorrowedFd};
use std::time::Duration;

use libc::{c_int, c_uint, loff_t, off_t, size_t, ssize_t};
use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::fs::{FileType, OFlags, SeekFrom, fcntl_getfl};
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketFlags, SocketType, socketpair};

use super::arguments;
use crate::blocking::{self, BlockingCall, WaitOutcome};
use crate::memory_socket;
use crate::recording;
use crate::sys::fd_table::{self, FdKind, Slot};
use crate::sys::{errno, fd, real, user_memory};

/// Bytes that one call sends on a blocking connection: less than the smallest usual socket buffer, so that the kernel
/// never waits after a part of them. Both calls may transfer less than requested, and callers send the rest.
const PART_BYTES: size_t = 16 * 1024;

pub(crate) unsafe fn sendfile(fd: c_int, file: c_int, offset: *mut off_t, len: size_t) -> ssize_t {
    if let Some(slot) = fd_table::slot(fd).filter(|slot| memory_socket::is_writable(*slot)) {
        // SAFETY: `offset` is the server's: no Rust reference points there.
        match unsafe { send_from_file(slot, file, offset, len) } {
            Ok(Some(count)) => return count as ssize_t,
            Ok(None) => memory_socket::fall_back("it calls sendfile with a file that is not regular"),
            Err(error) => return errno::fail_size(error),
        }
    }
    let is_refused = len > isize::MAX as usize;
    if is_refused || fd_table::kind(fd) != FdKind::Connection || memory_socket::fd_is_nonblocking(fd) {
        recording::answers(fd);
        // SAFETY: the caller upholds the contract of sendfile(2); the arguments are unchanged.
        return unsafe { real::sendfile64(fd, file, offset, len) };
    }
    if let Err(error) = wait_until_ready(Ready { fd, events: PollFlags::OUT }) {
        return errno::fail_size(error);
    }
    // SAFETY: the caller upholds the contract of sendfile(2), for any smaller length, too.
    unsafe { real::sendfile64(fd, file, offset, len.min(PART_BYTES)) }
}

/// Performs sendfile(2) to a virtual connection; returns the number of bytes, or `None` if `file` is not regular.
///
/// # Safety
/// No Rust reference points at `offset`.
unsafe fn send_from_file(
    slot: Slot,
    file: c_int,
    offset: *mut off_t,
    len: size_t,
) -> Result<Option<usize>, Errno> {
    // SAFETY: any bytes are a valid `off_t`.
    let given = (!offset.is_null()).then(|| unsafe { user_memory::read(offset) }).transpose()?;
    if file < 0 {
        return Err(Errno::BADF);
    }
    let file = fd::borrow(file);
    if (fcntl_getfl(file)? & OFlags::RWMODE) == OFlags::WRONLY {
        return Err(Errno::BADF);
    }
    let stat = rustix::fs::fstat(file)?;
    if !FileType::from_raw_mode(stat.st_mode).is_file() {
        return Ok(None);
    }
    let start = match given {
        Some(offset) => u64::try_from(offset).map_err(|_| Errno::INVAL)?,
        None => rustix::fs::tell(file)?,
    };
    if off_t::try_from(len).is_err() || start.saturating_add(len as u64) > off_t::MAX.unsigned_abs() {
        return Err(Errno::INVAL);
    }
    let left = stat.st_size.unsigned_abs().saturating_sub(start);
    let count = left.min(len.min(arguments::MAX_TRANSFER_BYTES) as u64);
    if memory_socket::forwards_answers(slot) {
        show(slot, file, start, count)?;
    }
    memory_socket::record_answer(slot, count as usize);
    match given {
        // SAFETY: no Rust reference points at `offset`, by this function's contract.
        Some(_) => unsafe { user_memory::write(offset, (start + count) as off_t) }?,
        None => drop(rustix::fs::seek(file, SeekFrom::Start(start + count))?),
    }
    Ok(Some(count as usize))
}

/// Forwards `count` bytes of a file as a part of the answer.
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
        memory_socket::fall_back("it splices from or to a connection");
    }
    // One of the two is a pipe (splice(2)).
    let connection = match (fd_table::kind(from), fd_table::kind(to)) {
        (FdKind::Connection, _) => Some((from, PollFlags::IN, len)),
        (_, FdKind::Connection) => Some((to, PollFlags::OUT, len.min(PART_BYTES))),
        _ => None,
    };
    let waits = |fd| flags & libc::SPLICE_F_NONBLOCK == 0 && !memory_socket::fd_is_nonblocking(fd);
    let mut len = len;
    if let Some((fd, events, part)) = connection.filter(|(fd, ..)| len > 0 && waits(*fd)) {
        len = part;
        let mut ready = Ready { fd, events };
        if ready.attempt().is_none() {
            // The kernel checks the arguments before it waits.
            // SAFETY: the caller upholds the contract of splice(2); only its connection is replaced by an ended one.
            let check = |ended| unsafe { real::splice(ended, from_offset, to, to_offset, len, flags) };
            let checked = if fd == from { with_ended_socket(check) } else { Ok(0) };
            if let Err(error) = checked.and_then(|_| wait_until_ready(ready)) {
                return errno::fail_size(error);
            }
        }
    }
    recording::answers(to);
    // SAFETY: the caller upholds the contract of splice(2), for any smaller length, too.
    let call = |len| unsafe { real::splice(from, from_offset, to, to_offset, len, flags) };
    match fd_table::kind(from) {
        FdKind::Recorded => spliced(from, len, flags, call),
        _ => call(len),
    }
}

/// Performs splice(2) from a connection that is recorded. Its bytes never reach the server's memory, so they are looked at
/// before.
fn spliced(from: c_int, len: size_t, flags: c_uint, call: impl FnOnce(size_t) -> ssize_t) -> ssize_t {
    let mut bytes = [0_u8; 4096];
    let waits = if flags & libc::SPLICE_F_NONBLOCK == 0 { 0 } else { libc::MSG_DONTWAIT };
    let buffer = bytes.as_mut_ptr().cast();
    // SAFETY: `bytes` has room for that many.
    let seen = unsafe { real::recv(from, buffer, len.min(bytes.len()), libc::MSG_PEEK | waits) };
    let moved = call(if seen > 0 { seen.unsigned_abs() } else { len });
    // SAFETY: no more bytes were moved than are in `bytes`; without any, the connection has ended or failed.
    unsafe { recording::received(from, buffer, bytes.len(), 0, if seen > 0 { moved } else { moved.min(0) }) };
    moved
}

/// Performs a call on a socket whose peer is closed.
fn with_ended_socket(call: impl FnOnce(c_int) -> ssize_t) -> Result<ssize_t, Errno> {
    let (ended, _) = socketpair(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
    match call(ended.as_raw_fd()) {
        ..0 => Err(errno::last()),
        count => Ok(count),
    }
}

fn wait_until_ready(mut ready: Ready) -> Result<(), Errno> {
    if !blocking::intercepts_calls() {
        return Ok(());
    }
    match blocking::wait(&mut ready, None) {
        WaitOutcome::Done(()) | WaitOutcome::TimedOut => Ok(()),
        WaitOutcome::Interrupted => Err(Errno::INTR),
    }
}

/// Wait for bytes, or for room, in a socket's buffer.
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
