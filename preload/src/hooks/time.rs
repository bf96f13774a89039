//! clock_gettime(2), gettimeofday(2) and time(2), which show the virtual clock.

use libc::{c_int, c_void, clockid_t, time_t, timespec, timeval};

use rustix::io::Errno;
use syscalls::{Sysno, syscall};

use crate::determinism::clock;
use crate::sys::{errno, real};

pub(crate) unsafe fn clock_gettime(id: clockid_t, time: *mut timespec) -> c_int {
    match clock::read(id) {
        Some(shown) if !time.is_null() => {
            // SAFETY: `time` is not null, so it is writable by the contract of clock_gettime(2).
            unsafe { *time = clock::to_timespec(shown) };
            0
        }
        // AddressSanitizer's allocator asks for the time.
        // SAFETY: the caller upholds the contract of clock_gettime(2); the arguments are unchanged.
        _ if !real::are_resolved() => match unsafe { syscall!(Sysno::clock_gettime, id, time) } {
            Ok(_) => 0,
            Err(error) => errno::fail(Errno::from_raw_os_error(error.into_raw())),
        },
        // SAFETY: as above.
        _ => unsafe { real::clock_gettime(id, time) },
    }
}

pub(crate) unsafe fn gettimeofday(time: *mut timeval, zone: *mut c_void) -> c_int {
    match clock::read(libc::CLOCK_REALTIME) {
        Some(shown) if !time.is_null() => {
            // SAFETY: `time` is not null, so it is writable by the contract of gettimeofday(2).
            unsafe {
                *time = timeval { tv_sec: shown.as_secs() as time_t, tv_usec: shown.subsec_micros().into() };
            }
            0
        }
        // SAFETY: the caller upholds the contract of gettimeofday(2); the arguments are unchanged.
        _ => unsafe { real::gettimeofday(time, zone) },
    }
}

pub(crate) unsafe fn time(time: *mut time_t) -> time_t {
    let Some(shown) = clock::read(libc::CLOCK_REALTIME) else {
        // SAFETY: the caller upholds the contract of time(2); the argument is unchanged.
        return unsafe { real::time(time) };
    };
    let seconds = shown.as_secs() as time_t;
    if !time.is_null() {
        // SAFETY: `time` is not null, so it is writable by the contract of time(2).
        unsafe { *time = seconds };
    }
    seconds
}
