//! Conversion of results of the preload's own system calls to libc's `-1` and `errno`.

use libc::{c_int, ssize_t};
use rustix::io::Errno;

/// Sets `errno` and returns libc's failure value.
pub(crate) fn fail(error: Errno) -> c_int {
    // SAFETY: __errno_location(3) always points at this thread's errno.
    unsafe { *libc::__errno_location() = error.raw_os_error() };
    -1
}

/// Sets `errno` and returns the failure value of libc's functions that return a size.
pub(crate) fn fail_size(error: Errno) -> ssize_t {
    fail(error) as ssize_t
}

/// Returns the error of the libc call that just failed on this thread.
pub(crate) fn last() -> Errno {
    // SAFETY: __errno_location(3) always points at this thread's errno.
    Errno::from_raw_os_error(unsafe { *libc::__errno_location() })
}

/// Runs an action, and restores this thread's `errno` afterwards.
pub(crate) fn untouched<T>(action: impl FnOnce() -> T) -> T {
    // SAFETY: __errno_location(3) has no preconditions.
    let errno = unsafe { libc::__errno_location() };
    // SAFETY: it points at this thread's errno, which is initialised.
    let before = unsafe { *errno };
    let result = action();
    // SAFETY: it still points at this thread's errno, because the action returns on the same thread.
    unsafe { *errno = before };
    result
}
