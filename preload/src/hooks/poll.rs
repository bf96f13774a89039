//! poll(2) and ppoll(2): idle points.

use std::mem::ManuallyDrop;
use std::os::fd::{AsFd, AsRawFd};
use std::time::Duration;

use libc::{c_int, nfds_t, pollfd, sigset_t, size_t, timespec};
use rustix::event::{PollFd, PollFlags};
use rustix::io::Errno;

use crate::blocking::{self, BlockingCall, WaitOutcome};
use crate::memory_socket::{self, ALWAYS_REPORTED, Interest};
use crate::net::listener;
use crate::sys::{errno, fd_table, real};

pub(crate) unsafe fn poll(fds: *mut pollfd, count: nfds_t, limit: c_int) -> c_int {
    let mut call = Poll { fds, count, mask: std::ptr::null() };
    if limit == 0 {
        return call.attempt().unwrap_or(0);
    }
    // SAFETY: the server's own pointers.
    if !unsafe { is_idle_point(fds, count) } {
        // SAFETY: the server's own call.
        return unsafe { real::poll(fds, count, limit) };
    }
    wait(call, super::from_milliseconds(limit))
}

pub(crate) unsafe fn ppoll(
    fds: *mut pollfd,
    count: nfds_t,
    limit: *const timespec,
    mask: *const sigset_t,
) -> c_int {
    // SAFETY: the server's own pointers.
    let (duration, idle_point) = unsafe { (super::from_timespec(limit), is_idle_point(fds, count)) };
    let mut call = Poll { fds, count, mask };
    if duration == Some(Duration::ZERO) {
        return call.attempt().unwrap_or(0);
    }
    if !idle_point {
        // SAFETY: the server's own call.
        return unsafe { real::ppoll(fds, count, limit, mask) };
    }
    wait(call, duration)
}

/// The fortified name: `size` is what the compiler knows of the array.
pub(crate) unsafe fn poll_chk(fds: *mut pollfd, count: nfds_t, limit: c_int, size: size_t) -> c_int {
    if exceeds(count, size) {
        // SAFETY: libc ends the process, as it would without us.
        return unsafe { real::__poll_chk(fds, count, limit, size) };
    }
    // SAFETY: the server's own call.
    unsafe { poll(fds, count, limit) }
}

/// The fortified name: `size` is what the compiler knows of the array.
pub(crate) unsafe fn ppoll_chk(
    fds: *mut pollfd,
    count: nfds_t,
    limit: *const timespec,
    mask: *const sigset_t,
    size: size_t,
) -> c_int {
    if exceeds(count, size) {
        // SAFETY: libc ends the process, as it would without us.
        return unsafe { real::__ppoll_chk(fds, count, limit, mask, size) };
    }
    // SAFETY: the server's own call.
    unsafe { ppoll(fds, count, limit, mask) }
}

fn exceeds(count: nfds_t, size: size_t) -> bool {
    size / size_of::<pollfd>() < count as usize
}

/// # Safety
/// `fds` points at `count` elements.
unsafe fn is_idle_point(fds: *const pollfd, count: nfds_t) -> bool {
    if !blocking::is_accepting() {
        // SAFETY: given by the caller.
        let mut entries = (0..count as usize).map(|index| unsafe { *fds.add(index) });
        if entries.any(|entry| entry.events & libc::POLLIN != 0 && listener::is_fuzzed(entry.fd)) {
            blocking::mark_accepting();
        }
    }
    blocking::intercepts_calls()
}

fn wait(mut call: Poll, limit: Option<Duration>) -> c_int {
    match blocking::wait(&mut call, limit) {
        WaitOutcome::Done(count) => count,
        WaitOutcome::TimedOut => 0,
        WaitOutcome::Interrupted => errno::fail(Errno::INTR),
    }
}

struct Poll {
    fds: *mut pollfd,
    count: nfds_t,
    /// Signals blocked while waiting; null for the thread's own mask.
    mask: *const sigset_t,
}

/// Sign bit: the kernel passes over entries with a negative number.
const HIDDEN: c_int = c_int::MIN;

impl Poll {
    fn entries(&self) -> &[pollfd] {
        // SAFETY: the server's own array.
        unsafe { super::elements(self.fds.cast_const(), self.count as usize) }
    }

    fn ask_kernel(&self) -> c_int {
        // SAFETY: the server's own call, without the waiting.
        unsafe {
            if self.mask.is_null() {
                real::poll(self.fds, self.count, 0)
            } else {
                let at_once = timespec { tv_sec: 0, tv_nsec: 0 };
                real::ppoll(self.fds, self.count, &at_once, self.mask)
            }
        }
    }

    /// Asks the kernel about the real descriptors, if there are any.
    fn ask_both(&self) -> c_int {
        // SAFETY: the server's own array.
        let entries = unsafe { super::elements_mut(self.fds, self.count as usize) };
        let is_virtual = |fd| memory_socket::readiness(fd).is_some();
        let mut real = 0;
        if !self.mask.is_null() || entries.iter().any(|entry| entry.fd >= 0 && !is_virtual(entry.fd)) {
            entries.iter_mut().filter(|entry| is_virtual(entry.fd)).for_each(|entry| entry.fd ^= HIDDEN);
            real = self.ask_kernel();
            let hidden = |entry: &&mut pollfd| entry.fd < 0 && is_virtual(entry.fd ^ HIDDEN);
            entries.iter_mut().filter(hidden).for_each(|entry| entry.fd ^= HIDDEN);
            if real < 0 {
                return real;
            }
        } else {
            entries.iter_mut().for_each(|entry| entry.revents = 0);
        }
        for entry in entries {
            if let Some(ready) = memory_socket::readiness(entry.fd) {
                // The events of poll(2) and epoll(7) are the same.
                entry.revents = ready as i16 & (entry.events | ALWAYS_REPORTED as i16);
                real += c_int::from(entry.revents != 0);
            }
        }
        real
    }
}

impl BlockingCall for Poll {
    type Output = c_int;
    const RESTARTABLE: bool = false;

    fn attempt(&mut self) -> Option<c_int> {
        if memory_socket::is_active() {
            self.entries().iter().for_each(|entry| memory_socket::reject_polled_epoll(entry.fd));
        }
        let count = if memory_socket::is_active() { self.ask_both() } else { self.ask_kernel() };
        (count != 0).then_some(count)
    }

    fn sleep(&self, others: &[PollFd<'_>], limit: Option<Duration>) -> Result<(), Errno> {
        // SAFETY: `PollFd` is `pollfd` with a borrowed descriptor; the server's array outlives the
        // call, and only its `revents` are written.
        let own = unsafe { super::elements(self.fds.cast_const().cast::<PollFd<'_>>(), self.count as usize) };
        let entries = self.entries();
        let is_ready = || {
            entries.iter().any(|entry| {
                memory_socket::is_ready(entry.fd, u32::from(entry.events.cast_unsigned()) | ALWAYS_REPORTED)
            })
        };
        let interest = Interest::in_any(entries.iter().map(|entry| entry.fd));
        memory_socket::wait_for_arrival(interest, is_ready, |news| {
            let mut all = Vec::with_capacity(own.len() + 1 + others.len());
            let is_real = |fd: &&PollFd<'_>| !fd_table::is_virtual(fd.as_fd().as_raw_fd());
            all.extend(own.iter().filter(is_real).cloned());
            all.extend(news.map(|news| PollFd::from_borrowed_fd(news, PollFlags::IN)));
            all.extend_from_slice(others);
            super::sleep_masked(&mut ManuallyDrop::new(all), limit, self.mask)
        })
    }
}
