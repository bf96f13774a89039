//! poll(2) and ppoll(2): idle points.

use std::ptr;
use std::time::Duration;

use libc::{c_int, c_short, nfds_t, pollfd, sigset_t, size_t, timespec};
use rustix::event::PollFd;
use rustix::io::Errno;

use super::arguments;
use crate::blocking::{self, BlockingCall, WaitOutcome};
use crate::memory_socket::{self, ALWAYS_REPORTED, Interest};
use crate::net::listener;
use crate::sys::poll_set::PollSet;
use crate::sys::user_memory::Unaligned;
use crate::sys::{errno, fd_table, real, user_memory};

pub(crate) unsafe fn poll(fds: *mut pollfd, count: nfds_t, limit: c_int) -> c_int {
    let mut call = Poll { fds, count, mask: ptr::null() };
    if !call.is_array() {
        return ask_kernel(fds, count, ptr::null());
    }
    if limit == 0 {
        return blocking::attempt(&mut call).unwrap_or(0);
    }
    if !call.is_idle_point() {
        // SAFETY: the caller upholds the contract of poll(2); the arguments are unchanged.
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
    // SAFETY: `limit` is null or readable, by the contract of libc's function, which also reads it without a check.
    let checked = unsafe { super::value(limit) }.map(arguments::duration).transpose();
    let duration = match checked.and_then(|duration| arguments::signal_mask(mask).map(|()| duration)) {
        Ok(duration) => duration,
        Err(error) => return errno::fail(error),
    };
    let mut call = Poll { fds, count, mask };
    if !call.is_array() {
        return ask_kernel(fds, count, mask);
    }
    if duration == Some(Duration::ZERO) {
        return blocking::attempt(&mut call).unwrap_or(0);
    }
    if !call.is_idle_point() {
        // SAFETY: the caller upholds the contract of ppoll(2); the arguments are unchanged.
        return unsafe { real::ppoll(fds, count, limit, mask) };
    }
    wait(call, duration)
}

/// Fortified variant of poll(2): `size` is the size of the array, as determined by the compiler.
pub(crate) unsafe fn poll_chk(fds: *mut pollfd, count: nfds_t, limit: c_int, size: size_t) -> c_int {
    if exceeds(count, size) {
        // SAFETY: libc's function has no precondition for a small array: it ends the process.
        return unsafe { real::__poll_chk(fds, count, limit, size) };
    }
    // SAFETY: the caller upholds the contract of poll(2), which the fortified variant has, too.
    unsafe { poll(fds, count, limit) }
}

/// Fortified variant of ppoll(2): `size` is the size of the array, as determined by the compiler.
pub(crate) unsafe fn ppoll_chk(
    fds: *mut pollfd,
    count: nfds_t,
    limit: *const timespec,
    mask: *const sigset_t,
    size: size_t,
) -> c_int {
    if exceeds(count, size) {
        // SAFETY: libc's function has no precondition for a small array: it ends the process.
        return unsafe { real::__ppoll_chk(fds, count, limit, mask, size) };
    }
    // SAFETY: the caller upholds the contract of ppoll(2), which the fortified variant has, too.
    unsafe { ppoll(fds, count, limit, mask) }
}

fn exceeds(count: nfds_t, size: size_t) -> bool {
    size / size_of::<pollfd>() < count as usize
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

impl Poll {
    /// Whether the array is writable. If it is not, the kernel reports the error.
    fn is_array(&self) -> bool {
        let bytes = (self.count as usize).checked_mul(size_of::<pollfd>());
        bytes.is_some_and(|bytes| user_memory::is_writable(self.fds, bytes))
    }

    fn is_idle_point(&self) -> bool {
        let is_fuzzed = |entry: pollfd| entry.events & libc::POLLIN != 0 && listener::is_fuzzed(entry.fd);
        if !blocking::is_accepting() && self.entries().any(is_fuzzed) {
            blocking::mark_accepting();
        }
        blocking::intercepts_calls()
    }

    fn entries(&self) -> impl Iterator<Item = pollfd> + Clone {
        // SAFETY: `is_array` has checked the array, which the server does not change during its call.
        unsafe { super::elements(self.fds.cast_const(), self.count as usize) }.iter().map(Unaligned::get)
    }

    /// Collects the readiness of the virtual descriptors, and asks the kernel about the real ones, if there are any.
    fn ask_both(&self) -> Result<c_int, Errno> {
        let mut entries = PollSet::with_room(self.count as usize)?;
        entries.extend(self.entries());
        let mut is_ready = false;
        for entry in &mut *entries {
            entry.revents = 0;
            if let Some(ready) = memory_socket::readiness(entry.fd) {
                is_ready |= reported(ready, *entry) != 0;
                entry.fd = UNUSED;
            }
        }
        // Ready descriptors take precedence over a signal.
        let mask = if is_ready { ptr::null() } else { self.mask };
        if !mask.is_null() || entries.len() > FEW || entries.iter().any(|entry| entry.fd >= 0) {
            let answered = ask_kernel(entries.as_mut_ptr(), self.count, mask);
            if answered < 0 {
                return Ok(answered);
            }
        }
        let mut count = 0;
        for (place, (own, answer)) in self.entries().zip(&*entries).enumerate() {
            let revents = match memory_socket::readiness(own.fd) {
                Some(ready) => reported(ready, own),
                None => answer.revents,
            };
            // SAFETY: `place` is an index of the server's array, which `is_array` has found writable.
            unsafe { (&raw mut (*self.fds.add(place)).revents).write_unaligned(revents) };
            count += c_int::from(revents != 0);
        }
        Ok(count)
    }
}

/// Asks the kernel, without waiting.
fn ask_kernel(entries: *mut pollfd, count: nfds_t, mask: *const sigset_t) -> c_int {
    // SAFETY: `entries` is the server's array, or a copy with `count` elements. The kernel checks its address, and
    // writes nothing but `revents`.
    unsafe {
        if mask.is_null() {
            real::poll(entries, count, 0)
        } else {
            let at_once = timespec { tv_sec: 0, tv_nsec: 0 };
            real::ppoll(entries, count, &at_once, mask)
        }
    }
}

/// Events that a virtual descriptor reports; poll(2) and epoll(7) use the same bits.
fn reported(ready: u32, entry: pollfd) -> c_short {
    ready as c_short & (entry.events | ALWAYS_REPORTED as c_short)
}

/// Number of entries that no limit on descriptors (RLIMIT_NOFILE) forbids. With more, the kernel is asked.
const FEW: usize = 16;

/// Descriptor number that the kernel ignores.
const UNUSED: c_int = -1;

impl BlockingCall for Poll {
    type Output = c_int;
    const RESTARTABLE: bool = false;

    fn attempt(&mut self) -> Option<c_int> {
        if !memory_socket::is_active() {
            return Some(ask_kernel(self.fds, self.count, self.mask)).filter(|&count| count != 0);
        }
        self.entries().for_each(|entry| memory_socket::reject_polled_epoll(entry.fd));
        Some(self.ask_both().unwrap_or_else(errno::fail)).filter(|&count| count != 0)
    }

    fn sleep(&self, others: &[PollFd<'_>], limit: Option<Duration>) -> Result<(), Errno> {
        let entries = self.entries();
        let is_ready = || {
            entries.clone().any(|entry| {
                memory_socket::is_ready(entry.fd, u32::from(entry.events.cast_unsigned()) | ALWAYS_REPORTED)
            })
        };
        let interest = Interest::in_any(entries.clone().map(|entry| entry.fd));
        memory_socket::wait_for_arrival(interest, is_ready, |news| {
            let mut all = PollSet::with_room(self.count as usize + others.len() + 1)?;
            all.extend(entries.clone().filter(|entry| !fd_table::is_virtual(entry.fd)));
            all.extend(super::to_entries(others.iter().cloned().chain(super::readable(news))));
            super::sleep_in(&mut all, limit, self.mask)
        })
    }
}
