//! epoll_wait(2) and its variants: idle points. epoll_ctl(2): shows that the server waits for
//! connections.

use std::ptr;
use std::time::Duration;

use libc::{c_int, epoll_event, sigset_t, timespec};
use rustix::event::{PollFd, PollFlags};
use rustix::io::Errno;

use crate::exports::real;
use crate::idle::{self, Call, Waited};
use crate::{descriptors, errno, listener};

pub(crate) unsafe fn epoll_ctl(epoll: c_int, operation: c_int, fd: c_int, event: *mut epoll_event) -> c_int {
    let waits_for_connections = operation != libc::EPOLL_CTL_DEL && listener::is_fuzzed(fd);
    // SAFETY: the server's own call.
    let result = unsafe { real::epoll_ctl(epoll, operation, fd, event) };
    if result == 0 && waits_for_connections {
        idle::note_accepting();
    }
    result
}

pub(crate) unsafe fn epoll_wait(epoll: c_int, events: *mut epoll_event, room: c_int, limit: c_int) -> c_int {
    if limit == 0 || !idle::concerns_this_process() {
        // SAFETY: the server's own call.
        return unsafe { real::epoll_wait(epoll, events, room, limit) };
    }
    wait(Epoll { epoll, events, room, mask: std::ptr::null() }, super::from_milliseconds(limit))
}

pub(crate) unsafe fn epoll_pwait(
    epoll: c_int,
    events: *mut epoll_event,
    room: c_int,
    limit: c_int,
    mask: *const sigset_t,
) -> c_int {
    if limit == 0 || !idle::concerns_this_process() {
        // SAFETY: the server's own call.
        return unsafe { real::epoll_pwait(epoll, events, room, limit, mask) };
    }
    wait(Epoll { epoll, events, room, mask }, super::from_milliseconds(limit))
}

pub(crate) unsafe fn epoll_pwait2(
    epoll: c_int,
    events: *mut epoll_event,
    room: c_int,
    limit: *const timespec,
    mask: *const sigset_t,
) -> c_int {
    // SAFETY: the server's own pointer.
    let duration = unsafe { super::from_timespec(limit) };
    if duration == Some(Duration::ZERO) || !idle::concerns_this_process() {
        // SAFETY: the server's own call.
        return unsafe { real::epoll_pwait2(epoll, events, room, limit, mask) };
    }
    wait(Epoll { epoll, events, room, mask }, duration)
}

fn wait(mut call: Epoll, limit: Option<Duration>) -> c_int {
    match idle::wait(&mut call, limit) {
        Waited::Done(count) => count,
        Waited::TimedOut => 0,
        Waited::Interrupted => errno::fail(Errno::INTR),
    }
}

struct Epoll {
    epoll: c_int,
    events: *mut epoll_event,
    room: c_int,
    /// Signals blocked while waiting; null for the thread's own mask.
    mask: *const sigset_t,
}

impl Call for Epoll {
    type Output = c_int;
    const RESTARTS: bool = false;

    fn attempt(&mut self) -> Option<c_int> {
        // SAFETY: the server's own call, without the waiting.
        let count = unsafe {
            if self.mask.is_null() {
                real::epoll_wait(self.epoll, self.events, self.room, 0)
            } else {
                match real::epoll_pwait(self.epoll, self.events, self.room, 0, self.mask) {
                    // Without waiting it lets no signal in; this does.
                    0 => real::ppoll(ptr::null_mut(), 0, &timespec { tv_sec: 0, tv_nsec: 0 }, self.mask),
                    count => count,
                }
            }
        };
        (count != 0).then_some(count)
    }

    fn sleep(&self, others: &[PollFd<'_>], limit: Option<Duration>) -> Result<(), Errno> {
        let own = PollFd::from_borrowed_fd(descriptors::lend(self.epoll), PollFlags::IN);
        if self.mask.is_null() {
            return super::sleep_on(descriptors::lend(self.epoll), PollFlags::IN, others, limit);
        }
        super::sleep_masked(&mut [&[own], others].concat(), limit, self.mask)
    }
}
