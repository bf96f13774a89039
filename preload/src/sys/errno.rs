//! The one place where results of our own system calls become libc's `-1` and `errno`.

use libc::{c_int, ssize_t};
use rustix::io::Errno;

/// Sets `errno` and returns libc's failure value.
pub(crate) fn fail(error: Errno) -> c_int {
    // SAFETY: __errno_location(3) always points at this thread's errno.
    unsafe { *libc::__errno_location() = error.raw_os_error() };
    -1
}

/// The same for functions that return a size.
pub(crate) fn fail_size(error: Errno) -> ssize_t {
    fail(error) as ssize_t
}

/// The error of the libc call that just failed on this thread.
pub(crate) fn last() -> Errno {
    // SAFETY: as in `fail`.
    Errno::from_raw_os_error(unsafe { *libc::__errno_location() })
}

/// Does what leaves this thread's `errno` as it was.
pub(crate) fn untouched<T>(action: impl FnOnce() -> T) -> T {
    // SAFETY: as in `fail`.
    let errno = unsafe { libc::__errno_location() };
    // SAFETY: as above.
    let before = unsafe { *errno };
    let result = action();
    // SAFETY: as above; the action did not change threads.
    unsafe { *errno = before };
    result
}
