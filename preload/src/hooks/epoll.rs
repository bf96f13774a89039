//! epoll_wait(2) and its variants, which are idle points, and epoll_ctl(2), which shows that the server
//! waits for connections.

use std::ptr;
use std::time::Duration;

use libc::{c_int, epoll_event, sigset_t, timespec};
use rustix::event::{PollFd, PollFlags};
use rustix::io::Errno;

use super::arguments;
use crate::blocking::{self, BlockingCall, WaitOutcome};
use crate::memory_socket::{self, Interest};
use crate::net::listener;
use crate::sys::{errno, fd, real, user_memory};

pub(crate) unsafe fn epoll_ctl(epoll: c_int, operation: c_int, fd: c_int, event: *mut epoll_event) -> c_int {
    let waits_for_connections = operation != libc::EPOLL_CTL_DEL && listener::is_fuzzed(fd);
    let asked = match operation {
        libc::EPOLL_CTL_DEL => None,
        // SAFETY: any bytes are a valid `epoll_event`.
        _ => match unsafe { user_memory::read(event) } {
            Ok(event) => Some(event),
            Err(error) => return errno::fail(error),
        },
    };
    let result = match memory_socket::epoll_ctl(epoll, operation, fd, asked) {
        Some(done) => done.map_or_else(errno::fail, |()| 0),
        None => {
            // SAFETY: the caller upholds the contract of epoll_ctl(2); the arguments are unchanged.
            let result = unsafe { real::epoll_ctl(epoll, operation, fd, event) };
            if result == 0 && operation == libc::EPOLL_CTL_ADD {
                memory_socket::record_kernel_registration(epoll);
            }
            result
        }
    };
    if result == 0 && waits_for_connections {
        blocking::mark_accepting();
    }
    result
}

pub(crate) unsafe fn epoll_wait(epoll: c_int, events: *mut epoll_event, room: c_int, limit: c_int) -> c_int {
    let call = match Epoll::new(epoll, events, room, ptr::null()) {
        Ok(call) => call,
        Err(error) => return errno::fail(error),
    };
    if limit == 0 {
        return call.look();
    }
    if !blocking::intercepts_calls() {
        // SAFETY: the caller upholds the contract of epoll_wait(2); the arguments are unchanged.
        return unsafe { real::epoll_wait(epoll, events, room, limit) };
    }
    wait(call, super::from_milliseconds(limit))
}

pub(crate) unsafe fn epoll_pwait(
    epoll: c_int,
    events: *mut epoll_event,
    room: c_int,
    limit: c_int,
    mask: *const sigset_t,
) -> c_int {
    let call = match Epoll::new(epoll, events, room, mask) {
        Ok(call) => call,
        Err(error) => return errno::fail(error),
    };
    if limit == 0 {
        return call.look();
    }
    if !blocking::intercepts_calls() {
        // SAFETY: the caller upholds the contract of epoll_pwait(2); the arguments are unchanged.
        return unsafe { real::epoll_pwait(epoll, events, room, limit, mask) };
    }
    wait(call, super::from_milliseconds(limit))
}

pub(crate) unsafe fn epoll_pwait2(
    epoll: c_int,
    events: *mut epoll_event,
    room: c_int,
    limit: *const timespec,
    mask: *const sigset_t,
) -> c_int {
    let checked =
        arguments::limit(limit).and_then(|limit| Ok((limit, Epoll::new(epoll, events, room, mask)?)));
    let (duration, call) = match checked {
        Ok(checked) => checked,
        Err(error) => return errno::fail(error),
    };
    if duration == Some(Duration::ZERO) {
        return call.look();
    }
    if !blocking::intercepts_calls() {
        // SAFETY: the caller upholds the contract of epoll_pwait2(2); the arguments are unchanged.
        return unsafe { real::epoll_pwait2(epoll, events, room, limit, mask) };
    }
    wait(call, duration)
}

fn wait(mut call: Epoll, limit: Option<Duration>) -> c_int {
    match blocking::wait(&mut call, limit) {
        WaitOutcome::Done(count) => count,
        WaitOutcome::TimedOut => 0,
        WaitOutcome::Interrupted => errno::fail(Errno::INTR),
    }
}

struct Epoll {
    epoll: c_int,
    events: *mut epoll_event,
    room: c_int,
    /// Signals blocked while waiting; null for the thread's own mask.
    mask: *const sigset_t,
}

/// Maximum number of events of one call (linux/fs/eventpoll.c: EP_MAX_EVENTS).
const MAX_EVENTS: c_int = c_int::MAX / size_of::<epoll_event>() as c_int;

impl Epoll {
    fn new(
        epoll: c_int,
        events: *mut epoll_event,
        room: c_int,
        mask: *const sigset_t,
    ) -> Result<Self, Errno> {
        arguments::signal_mask(mask)?;
        if !(1..=MAX_EVENTS).contains(&room) {
            return Err(Errno::INVAL);
        }
        arguments::buffer(events, room.unsigned_abs() as usize * size_of::<epoll_event>())?;
        Ok(Self { epoll, events, room, mask })
    }

    /// Performs the call without waiting.
    fn look(mut self) -> c_int {
        self.attempt().unwrap_or(0)
    }

    /// Collects the kernel's events without waiting, and stores them after the first `done` events.
    fn ask_kernel(&self, done: c_int) -> c_int {
        // SAFETY: the server upholds the contract of its call: the array has `room` elements, of which `done` are used.
        unsafe {
            let (events, room) = (self.events.add(done.unsigned_abs() as usize), self.room - done);
            // Ready events take precedence over a signal.
            if self.mask.is_null() || done > 0 {
                real::epoll_wait(self.epoll, events, room, 0)
            } else {
                match real::epoll_pwait(self.epoll, events, room, 0, self.mask) {
                    // Without waiting, epoll_pwait delivers no signal; ppoll does.
                    0 => real::ppoll(ptr::null_mut(), 0, &timespec { tv_sec: 0, tv_nsec: 0 }, self.mask),
                    count => count,
                }
            }
        }
    }

    /// Collects the events of the virtual descriptors, and then those of the real ones.
    fn ask_both(&self) -> c_int {
        let room = (self.room.unsigned_abs() as usize).min(memory_socket::MAX_COLLECTED);
        let is_writable = |count| user_memory::is_writable(self.events, count * size_of::<epoll_event>());
        let room =
            if is_writable(room) { room } else { (1..room).take_while(|&count| is_writable(count)).count() };
        if room == 0 && memory_socket::epoll_is_ready(self.epoll) {
            return errno::fail(Errno::FAULT);
        }
        // SAFETY: the first `room` elements of the server's array are writable, and nothing else accesses them during
        // its call.
        let events = unsafe { super::elements_mut(self.events, room) };
        let ready = memory_socket::collect_events(self.epoll, events) as c_int;
        let is_full = ready > 0 && ready == self.room;
        if is_full || (self.mask.is_null() && !memory_socket::epoll_polls_kernel(self.epoll, ready as usize))
        {
            return ready;
        }
        match self.ask_kernel(ready) {
            error @ ..0 if ready == 0 => error,
            more => ready + more.max(0),
        }
    }
}

impl BlockingCall for Epoll {
    type Output = c_int;
    const RESTARTABLE: bool = false;

    fn attempt(&mut self) -> Option<c_int> {
        let count = if memory_socket::epoll_has_registrations(self.epoll) {
            self.ask_both()
        } else {
            self.ask_kernel(0)
        };
        (count != 0).then_some(count)
    }

    fn sleep(&self, others: &[PollFd<'_>], limit: Option<Duration>) -> Result<(), Errno> {
        let is_ready = || memory_socket::epoll_is_ready(self.epoll);
        memory_socket::wait_for_arrival(Interest::in_epoll(self.epoll), is_ready, |news| {
            let own = PollFd::from_borrowed_fd(fd::borrow(self.epoll), PollFlags::IN);
            let news = news.map(|news| PollFd::from_borrowed_fd(news, PollFlags::IN));
            super::sleep_on_few(own, news.iter().chain(others), limit, self.mask)
        })
    }
}
