//! sendfile(2) and splice(2): bytes that never pass through the server's memory. On a blocking
//! connection the kernel would wait inside the call; so the waiting is done first, at an idle point.

use std::time::Duration;

use libc::{c_int, c_uint, loff_t, off_t, size_t, ssize_t};
use rustix::event::{PollFd, PollFlags};
use rustix::io::Errno;

use crate::descriptors::{self, Kind};
use crate::errno;
use crate::exports::real;
use crate::idle::{self, Call, Waited};

/// What is sent at a time on a blocking connection: less than the smallest usual socket buffer, so
/// that the kernel never waits with a part of it. Both calls may do less than asked for, and their
/// callers go on.
const PART: size_t = 16 * 1024;

pub(crate) unsafe fn sendfile(fd: c_int, file: c_int, offset: *mut off_t, len: size_t) -> ssize_t {
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

pub(crate) unsafe fn splice(
    from: c_int,
    from_offset: *mut loff_t,
    to: c_int,
    to_offset: *mut loff_t,
    len: size_t,
    flags: c_uint,
) -> ssize_t {
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
