//! Waits for another thread with a deadline, and sleeps: pthread_cond_timedwait(3), sem_timedwait(3),
//! nanosleep(2). The server computes the deadline by the virtual clock, but the kernel waits by its own.
//! After a timeout, and after a sleep, the virtual clock advances by the same time.

use std::time::Duration;

use libc::{ETIMEDOUT, c_int, c_uint, clockid_t, pthread_cond_t, pthread_mutex_t, sem_t, timespec};
use rustix::io::Errno;

use super::arguments;
use crate::determinism::clock;
use crate::sys::{errno, real, threads};

pub(crate) unsafe fn pthread_cond_timedwait(
    condition: *mut pthread_cond_t,
    mutex: *mut pthread_mutex_t,
    deadline: *const timespec,
) -> c_int {
    let wait = |deadline| {
        // SAFETY: the caller upholds the contract of pthread_cond_timedwait(3); only the deadline may be translated.
        unsafe { real::pthread_cond_timedwait(condition, mutex, deadline) }
    };
    // SAFETY: `wait` requires no more of `deadline` than the caller ensures.
    unsafe { translated(deadline, wait, |result| result == ETIMEDOUT) }
}

pub(crate) unsafe fn pthread_cond_clockwait(
    condition: *mut pthread_cond_t,
    mutex: *mut pthread_mutex_t,
    clock: clockid_t,
    deadline: *const timespec,
) -> c_int {
    let wait = |deadline| {
        // SAFETY: the caller upholds the contract of pthread_cond_clockwait(3); only the deadline may be translated.
        unsafe { real::pthread_cond_clockwait(condition, mutex, clock, deadline) }
    };
    // SAFETY: `wait` requires no more of `deadline` than the caller ensures.
    unsafe { translated(deadline, wait, |result| result == ETIMEDOUT) }
}

pub(crate) unsafe fn sem_timedwait(semaphore: *mut sem_t, deadline: *const timespec) -> c_int {
    let wait = |deadline| {
        // SAFETY: the caller upholds the contract of sem_timedwait(3); only the deadline may be translated.
        unsafe { real::sem_timedwait(semaphore, deadline) }
    };
    // SAFETY: `wait` requires no more of `deadline` than the caller ensures.
    unsafe { translated(deadline, wait, |result| result < 0 && errno::last() == Errno::TIMEDOUT) }
}

pub(crate) unsafe fn sem_clockwait(
    semaphore: *mut sem_t,
    clock: clockid_t,
    deadline: *const timespec,
) -> c_int {
    let wait = |deadline| {
        // SAFETY: the caller upholds the contract of sem_clockwait(3); only the deadline may be translated.
        unsafe { real::sem_clockwait(semaphore, clock, deadline) }
    };
    // SAFETY: `wait` requires no more of `deadline` than the caller ensures.
    unsafe { translated(deadline, wait, |result| result < 0 && errno::last() == Errno::TIMEDOUT) }
}

pub(crate) unsafe fn clock_nanosleep(
    clock: clockid_t,
    flags: c_int,
    time: *const timespec,
    left: *mut timespec,
) -> c_int {
    let sleep = |time| {
        // SAFETY: the caller upholds the contract of clock_nanosleep(2); only an absolute time may be translated.
        unsafe { real::clock_nanosleep(clock, flags, time, left) }
    };
    if flags & libc::TIMER_ABSTIME == 0 {
        return asleep(arguments::limit(time).ok().flatten(), || sleep(time));
    }
    // SAFETY: `sleep` requires no more of `time` than the caller ensures.
    unsafe { translated(time, sleep, |result| result == 0) }
}

pub(crate) unsafe fn nanosleep(time: *const timespec, left: *mut timespec) -> c_int {
    // SAFETY: the caller upholds the contract of nanosleep(2); the arguments are unchanged.
    asleep(arguments::limit(time).ok().flatten(), || unsafe { real::nanosleep(time, left) })
}

pub(crate) unsafe fn usleep(microseconds: c_uint) -> c_int {
    // SAFETY: usleep(3) takes a number and has no precondition.
    asleep(Some(Duration::from_micros(microseconds.into())), || unsafe { real::usleep(microseconds) })
}

pub(crate) unsafe fn sleep(seconds: c_uint) -> c_uint {
    // SAFETY: sleep(3) takes a number and has no precondition.
    asleep(Some(Duration::from_secs(seconds.into())), || unsafe { real::sleep(seconds) })
}

/// futex(2), by which Rust's standard library waits. Only the deadline of FUTEX_WAIT_BITSET is translated; the limits
/// of most other operations are relative, or no times at all.
pub(crate) unsafe fn futex(
    word: *mut u32,
    operation: c_int,
    value: u32,
    limit: *const timespec,
    other: *mut u32,
    bits: u32,
) -> c_int {
    let wait = |limit: *const timespec| {
        let (value, bits) = (value as usize, bits as usize);
        // SAFETY: the caller upholds the contract of futex(2); only the limit may be translated.
        unsafe {
            let other = other.expose_provenance();
            let (word, limit) = (word.expose_provenance(), limit.expose_provenance());
            real::syscall(libc::SYS_futex, word, operation as usize, value, limit, other, bits) as c_int
        }
    };
    if operation & libc::FUTEX_CMD_MASK != libc::FUTEX_WAIT_BITSET {
        return wait(limit);
    }
    // SAFETY: `wait` requires no more of `limit` than the caller ensures.
    unsafe { translated(limit, wait, |result| result < 0 && errno::last() == Errno::TIMEDOUT) }
}

/// Sleeps for `time`, and advances the virtual clock by the time that has passed.
fn asleep<T>(time: Option<Duration>, sleep: impl FnOnce() -> T) -> T {
    let (shown, began) = (clock::now(), clock::real_now());
    let result = threads::sleep_for(time.unwrap_or(Duration::MAX), sleep);
    clock::advance_to(shown + clock::real_now().saturating_sub(began));
    result
}

/// Waits with `deadline` translated to the kernel's time. After a timeout, advances the virtual clock by the time that
/// has passed.
///
/// # Safety
/// The contract of `wait`.
unsafe fn translated(
    deadline: *const timespec,
    wait: impl FnOnce(*const timespec) -> c_int,
    timed_out: impl FnOnce(c_int) -> bool,
) -> c_int {
    let is_translated = !deadline.is_null() && clock::is_frozen();
    // An invalid deadline is left for libc, or the kernel, to refuse.
    let Some(given) = is_translated.then(|| arguments::limit(deadline).ok().flatten()).flatten() else {
        return wait(deadline);
    };
    let (shown, began) = (clock::now(), clock::real_now());
    let result = wait(&clock::to_timespec(clock::to_kernel_time(given)));
    if timed_out(result) {
        clock::advance_to(shown + clock::real_now().saturating_sub(began));
    }
    result
}
