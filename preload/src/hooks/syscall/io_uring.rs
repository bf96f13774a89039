//! io_uring(7), which a fuzzed server is refused.

use std::ffi::{c_long, c_uint};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use rustix::io::Errno;
use sockfuzz_protocol::IO_URING_REFUSED;

use super::Registers;
use crate::sys::{config, errno, real, report};

/// io_uring_setup(2). What goes through a ring is seen by no call, so a fuzzed server gets none:
/// runtimes then fall back to epoll.
pub(super) unsafe fn setup(entries: c_uint, parameters: usize) -> c_long {
    static EMITTED: AtomicBool = AtomicBool::new(false);
    if config::get().is_some() && !EMITTED.swap(true, Relaxed) {
        report::emit(format_args!(
            "{IO_URING_REFUSED}, for the server to fall back to epoll: sockfuzz cannot see into a ring"
        ));
    }
    // SAFETY: the server's own call.
    unsafe { unless_fuzzed(libc::SYS_io_uring_setup, [entries as usize, parameters, 0, 0, 0, 0]) }
}

pub(super) unsafe fn enter(a: usize, b: usize, c: usize, d: usize, e: usize, f: usize) -> c_long {
    // SAFETY: the server's own call.
    unsafe { unless_fuzzed(libc::SYS_io_uring_enter, [a, b, c, d, e, f]) }
}

pub(super) unsafe fn register(a: usize, b: usize, c: usize, d: usize) -> c_long {
    // SAFETY: the server's own call.
    unsafe { unless_fuzzed(libc::SYS_io_uring_register, [a, b, c, d, 0, 0]) }
}

/// # Safety
/// That of the system call.
unsafe fn unless_fuzzed(number: c_long, [a, b, c, d, e, f]: Registers) -> c_long {
    if config::get().is_some() {
        return errno::fail(Errno::NOSYS).into();
    }
    // SAFETY: given by the caller.
    unsafe { real::syscall(number, a, b, c, d, e, f) }
}
