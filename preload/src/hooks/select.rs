//! select(2) and pselect(2): idle points.

use std::os::fd::RawFd;
use std::ptr;
use std::time::Duration;

use libc::{c_int, c_short, c_ulong, fd_set, pollfd, sigset_t, time_t, timespec, timeval};
use rustix::event::PollFd;
use rustix::io::Errno;

use super::arguments;
use crate::blocking::{self, BlockingCall, WaitOutcome};
use crate::determinism::clock;
use crate::memory_socket::{self, ALWAYS_REPORTED, Interest};
use crate::net::listener;
use crate::sys::poll_set::PollSet;
use crate::sys::{errno, fd_table, real, user_memory};

pub(crate) unsafe fn select(
    count: c_int,
    readable: *mut fd_set,
    writable: *mut fd_set,
    urgent: *mut fd_set,
    limit: *mut timeval,
) -> c_int {
    // SAFETY: `limit` is null or readable, by the contract of libc's function, which also reads it without a check.
    let duration = match unsafe { super::value(limit.cast_const()) }.map(duration).transpose() {
        Ok(duration) => duration,
        Err(error) => return errno::fail(error),
    };
    let began = duration.map(|_| clock::now());
    let sets = [readable, writable, urgent];
    // SAFETY: the sets are the server's, and nothing else accesses them during its call.
    let result = match unsafe { Select::at_idle_point(count, sets, ptr::null(), duration) } {
        Ok(Some(call)) => call.wait(duration),
        // SAFETY: the caller upholds the contract of select(2); the arguments are unchanged.
        Ok(None) => return unsafe { real::select(count, readable, writable, urgent, limit) },
        Err(error) => errno::fail(error),
    };
    if let (Some(duration), Some(began)) = (duration, began) {
        let left = arguments::time_left(duration, began, result);
        let left = timeval { tv_sec: left.as_secs() as time_t, tv_usec: left.subsec_micros().into() };
        // SAFETY: `limit` is the server's: no Rust reference points there. A limit that cannot be written stays
        // unchanged (select(2), "Notes").
        let _ = unsafe { user_memory::write(limit, left) };
    }
    result
}

/// Converts a limit of select(2), whose microseconds may exceed a second.
fn duration(limit: timeval) -> Result<Duration, Errno> {
    match (u64::try_from(limit.tv_sec), u64::try_from(limit.tv_usec)) {
        (Ok(seconds), Ok(microseconds)) => {
            Ok(Duration::from_secs(seconds).saturating_add(Duration::from_micros(microseconds)))
        }
        _ => Err(Errno::INVAL),
    }
}

pub(crate) unsafe fn pselect(
    count: c_int,
    readable: *mut fd_set,
    writable: *mut fd_set,
    urgent: *mut fd_set,
    limit: *const timespec,
    mask: *const sigset_t,
) -> c_int {
    // SAFETY: `limit` is null or readable, by the contract of libc's function, which also reads it without a check.
    let checked = unsafe { super::value(limit) }.map(arguments::duration).transpose();
    let duration = match checked.and_then(|duration| arguments::signal_mask(mask).map(|()| duration)) {
        Ok(duration) => duration,
        Err(error) => return errno::fail(error),
    };
    let sets = [readable, writable, urgent];
    // SAFETY: the sets are the server's, and nothing else accesses them during its call.
    match unsafe { Select::at_idle_point(count, sets, mask, duration) } {
        Ok(Some(call)) => call.wait(duration),
        // SAFETY: the caller upholds the contract of pselect(2); the arguments are unchanged.
        Ok(None) => unsafe { real::pselect(count, readable, writable, urgent, limit, mask) },
        Err(error) => errno::fail(error),
    }
}

/// The events that the three sets stand for (select(2), "Correspondence between select() and
/// poll()").
const EVENTS: [c_short; 3] = [libc::POLLIN, libc::POLLOUT, libc::POLLPRI];

/// Set without a descriptor.
// SAFETY: all zeroes are a valid `fd_set`, a set of bits.
const EMPTY: fd_set = unsafe { std::mem::zeroed() };

/// Bytes that the kernel accesses for the first `count` descriptors: whole words. The server's sets may be no longer.
fn size(count: c_int) -> usize {
    (count.unsigned_abs() as usize).div_ceil(c_ulong::BITS as usize) * size_of::<c_ulong>()
}

/// Copies a set of at most FD_SETSIZE descriptors; null is the empty set. The set must be writable for the result.
///
/// # Safety
/// Nothing else accesses the set during the call.
unsafe fn read(set: *const fd_set, count: c_int) -> Result<fd_set, Errno> {
    let mut copy = EMPTY;
    if !set.is_null() {
        if !user_memory::is_writable(set, size(count)) {
            return Err(Errno::FAULT);
        }
        // SAFETY: `size(count)` bytes are accessible, and fit into `copy`, because `count` is at most FD_SETSIZE.
        unsafe { ptr::copy_nonoverlapping(set.cast::<u8>(), (&raw mut copy).cast(), size(count)) }
    }
    Ok(copy)
}

/// # Safety
/// `set` is null, or was given to [`read`] with this `count`.
unsafe fn write(copy: &fd_set, set: *mut fd_set, count: c_int) {
    if !set.is_null() {
        // SAFETY: [`read`] has found `size(count)` bytes writable at `set`.
        unsafe { ptr::copy_nonoverlapping((&raw const *copy).cast::<u8>(), set.cast(), size(count)) }
    }
}

/// Members of the set among the first `count` descriptors, which are at most FD_SETSIZE.
fn members(set: &fd_set, count: c_int) -> impl Iterator<Item = RawFd> + '_ {
    // SAFETY: FD_ISSET requires a descriptor below FD_SETSIZE, as `count` ensures.
    (0..count).filter(move |&fd| unsafe { libc::FD_ISSET(fd, set) })
}

struct Select {
    count: c_int,
    /// The server's sets, which receive the result; each may be null.
    sets: [*mut fd_set; 3],
    /// Sets that the server asked for.
    asked: [fd_set; 3],
    /// Members of `asked` that are ready.
    ready: [fd_set; 3],
    /// Signals blocked while waiting; null for the thread's own mask.
    mask: *const sigset_t,
}

impl Select {
    /// Builds the call; `None` if it is to be passed on, because it does not wait, the server is not yet accepting, or
    /// the sets are larger than libc's type (which the kernel allows, but is rare).
    ///
    /// # Safety
    /// Nothing else accesses the sets during the call.
    unsafe fn at_idle_point(
        count: c_int,
        sets: [*mut fd_set; 3],
        mask: *const sigset_t,
        limit: Option<Duration>,
    ) -> Result<Option<Self>, Errno> {
        if !(0..=libc::FD_SETSIZE as c_int).contains(&count) {
            memory_socket::fall_back("it calls select with sets larger than libc's");
            return Ok(None);
        }
        if limit == Some(Duration::ZERO) && !memory_socket::is_active() {
            return Ok(None);
        }
        let mut asked = [EMPTY; 3];
        for (asked, set) in asked.iter_mut().zip(sets) {
            // SAFETY: nothing else accesses the set, by this function's contract; `count` is at most FD_SETSIZE.
            *asked = unsafe { read(set, count) }?;
        }
        let call = Self { count, sets, asked, ready: [EMPTY; 3], mask };
        if !blocking::is_accepting() && call.members(0).any(listener::is_fuzzed) {
            blocking::mark_accepting();
        }
        Ok((blocking::intercepts_calls() || limit == Some(Duration::ZERO)).then_some(call))
    }

    fn members(&self, set: usize) -> impl Iterator<Item = RawFd> + '_ {
        members(&self.asked[set], self.count)
    }

    fn wait(mut self, limit: Option<Duration>) -> c_int {
        let count = match limit {
            Some(Duration::ZERO) => blocking::attempt(&mut self).unwrap_or(0),
            _ => match blocking::wait(&mut self, limit) {
                WaitOutcome::Done(count) => count,
                WaitOutcome::TimedOut => 0,
                WaitOutcome::Interrupted => errno::fail(Errno::INTR),
            },
        };
        match count {
            // After an error the sets are unchanged, and a server may use them again (select(2), "Return value").
            ..0 => {}
            0 => self.answer(&[EMPTY; 3]),
            _ => self.answer(&self.ready),
        }
        count
    }

    fn answer(&self, ready: &[fd_set; 3]) {
        for (ready, &set) in ready.iter().zip(&self.sets) {
            // SAFETY: the set was given to [`read`] with this `count`.
            unsafe { write(ready, set, self.count) }
        }
    }
}

/// Readiness that each of the three sets stands for (linux/fs/select.c: POLLIN_SET and its like).
const READY: [u32; 3] =
    [ALWAYS_REPORTED | libc::EPOLLIN as u32, (libc::EPOLLOUT | libc::EPOLLERR) as u32, libc::EPOLLPRI as u32];

impl Select {
    /// Asks the kernel about the members of `ready`, which receives the result.
    fn ask_kernel(&mut self, mask: *const sigset_t) -> c_int {
        let mut sets = self
            .sets
            .iter()
            .zip(&mut self.ready)
            .map(|(set, ready)| if set.is_null() { ptr::null_mut() } else { ptr::from_mut(ready) });
        let [readable, writable, urgent] = std::array::from_fn(|_| sets.next().unwrap_or(ptr::null_mut()));
        let at_once = timespec { tv_sec: 0, tv_nsec: 0 };
        // SAFETY: the sets are null or copies with room for `count` descriptors; the mask is null or the server's.
        unsafe { real::pselect(self.count, readable, writable, urgent, &at_once, mask) }
    }

    /// Collects the readiness of the virtual descriptors, and asks the kernel about the real ones, if there are any.
    fn ask_both(&mut self) -> c_int {
        let mut real_ones = 0;
        let mut is_ready = false;
        for (set, wanted) in READY.into_iter().enumerate() {
            for fd in members(&self.asked[set], self.count) {
                if let Some(ready) = memory_socket::readiness(fd) {
                    is_ready |= ready & wanted != 0;
                    // SAFETY: FD_CLR requires a descriptor below FD_SETSIZE, as all members are.
                    unsafe { libc::FD_CLR(fd, &mut self.ready[set]) };
                } else {
                    real_ones += 1;
                }
            }
        }
        // Ready descriptors take precedence over a signal.
        let mask = if is_ready { ptr::null() } else { self.mask };
        let mut count = if real_ones > 0 || !mask.is_null() { self.ask_kernel(mask) } else { 0 };
        if count < 0 {
            return count;
        }
        for (set, wanted) in READY.into_iter().enumerate() {
            for fd in members(&self.asked[set], self.count).filter(|&fd| memory_socket::is_ready(fd, wanted))
            {
                // SAFETY: FD_SET requires a descriptor below FD_SETSIZE, as all members are.
                unsafe { libc::FD_SET(fd, &mut self.ready[set]) };
                count += 1;
            }
        }
        count
    }
}

impl BlockingCall for Select {
    type Output = c_int;
    const RESTARTABLE: bool = false;

    fn attempt(&mut self) -> Option<c_int> {
        self.ready = self.asked;
        if memory_socket::is_active() {
            (0..EVENTS.len()).flat_map(|set| self.members(set)).for_each(memory_socket::reject_polled_epoll);
        }
        let count = if memory_socket::is_active() { self.ask_both() } else { self.ask_kernel(self.mask) };
        (count != 0).then_some(count)
    }

    fn sleep(&self, others: &[PollFd<'_>], limit: Option<Duration>) -> Result<(), Errno> {
        let members = || (0..EVENTS.len()).flat_map(|set| self.members(set).map(move |fd| (set, fd)));
        let is_ready = || members().any(|(set, fd)| memory_socket::is_ready(fd, READY[set]));
        memory_socket::wait_for_arrival(Interest::in_any(members().map(|(_, fd)| fd)), is_ready, |news| {
            let real = || members().filter(|&(_, fd)| !fd_table::is_virtual(fd));
            let mut all = PollSet::with_room(real().count() + others.len() + 1)?;
            all.extend(real().map(|(set, fd)| pollfd { fd, events: EVENTS[set], revents: 0 }));
            all.extend(super::to_entries(others.iter().cloned().chain(super::readable(news))));
            super::sleep_in(&mut all, limit, self.mask)
        })
    }
}
