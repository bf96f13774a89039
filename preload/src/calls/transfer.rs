//! sendfile(2) and splice(2): bytes that never pass through the server's memory. On a blocking
//! connection the kernel would wait inside the call; so the waiting is done first, at an idle point.

use std::os::fd::BorrowedFd;
use std::time::Duration;

use libc::{c_int, c_uint, loff_t, off_t, size_t, ssize_t};
use rustix::event::{PollFd, PollFlags};
use rustix::fs::{FileType, SeekFrom};
use rustix::io::Errno;

use crate::descriptors::{self, Kind};
use crate::errno;
use crate::exports::real;
use crate::idle::{self, Call, Waited};
use crate::memory::{self, Slot};

/// What is sent at a time on a blocking connection: less than the smallest usual socket buffer, so
/// that the kernel never waits with a part of it. Both calls may do less than asked for, and their
/// callers go on.
const PART: size_t = 16 * 1024;

pub(crate) unsafe fn sendfile(fd: c_int, file: c_int, offset: *mut off_t, len: size_t) -> ssize_t {
    if let Some(slot) = descriptors::slot(fd).filter(|slot| memory::is_writable(*slot)) {
        // SAFETY: the server's own pointer.
        match unsafe { send_from_file(slot, file, offset.as_mut(), len) } {
            Ok(Some(count)) => return count as ssize_t,
            Ok(None) => memory::leave("it sends from what is no regular file"),
            Err(error) => return errno::fail_size(error),
        }
    }
    if descriptors::kind(fd) != Kind::Connection || descriptors::is_nonblocking(fd) {
        // SAFETY: the server's own call.
        return unsafe { real::sendfile64(fd, file, offset, len) };
    }
    if let Err(error) = wait_until_ready(fd, PollFlags::OUT) {
        return errno::fail_size(error);
    }
    // SAFETY: the server's own call, with less to send.
    unsafe { real::sendfile64(fd, file, offset, len.min(PART)) }
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
    let file = descriptors::lend(file);
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
    if memory::is_shown() {
        show(slot, file, start, count)?;
    }
    memory::note_answer(slot, count as usize);
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
        memory::show(slot, &part[..read]);
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
    if descriptors::is_virtual(from) || descriptors::is_virtual(to) {
        memory::leave("it splices");
    }
    // One of the two is a pipe (splice(2)).
    let connection = match (descriptors::kind(from), descriptors::kind(to)) {
        (Kind::Connection, _) => Some((from, PollFlags::IN, len)),
        (_, Kind::Connection) => Some((to, PollFlags::OUT, len.min(PART))),
        _ => None,
    };
    let waits = |fd| flags & libc::SPLICE_F_NONBLOCK == 0 && !descriptors::is_nonblocking(fd);
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
    if !idle::concerns_this_process() {
        return Ok(());
    }
    match idle::wait(&mut Ready { fd, events }, None) {
        Waited::Done(()) | Waited::TimedOut => Ok(()),
        Waited::Interrupted => Err(Errno::INTR),
    }
}

/// Waits for bytes, or for room, in a socket's buffer.
struct Ready {
    fd: c_int,
    events: PollFlags,
}

impl Call for Ready {
    type Output = ();

    fn attempt(&mut self) -> Option<()> {
        let mut own = [PollFd::from_borrowed_fd(descriptors::lend(self.fd), self.events)];
        let _ = super::sleep(&mut own, Some(Duration::ZERO));
        (!own[0].revents().is_empty()).then_some(())
    }

    fn sleep(&self, others: &[PollFd<'_>], limit: Option<Duration>) -> Result<(), Errno> {
        super::sleep_on(descriptors::lend(self.fd), self.events, others, limit)
    }
}
