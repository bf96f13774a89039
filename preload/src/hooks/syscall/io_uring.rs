//! io_uring(7), which is refused to a server that is fuzzed or recorded.

use std::ffi::{c_long, c_uint};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use rustix::io::Errno;
use sockfuzz_protocol::IO_URING_REFUSED;

use super::Registers;
use crate::recording;
use crate::sys::{config, errno, real, report};

/// io_uring_setup(2). Operations through a ring bypass every hook, so such a server gets no ring. Runtimes then fall
/// back to epoll.
pub(super) unsafe fn setup(entries: c_uint, parameters: usize) -> c_long {
    static EMITTED: AtomicBool = AtomicBool::new(false);
    if is_refused() && !EMITTED.swap(true, Relaxed) {
        report::emit(format_args!(
            "{IO_URING_REFUSED}, so that the server falls back to epoll: sockfuzz cannot intercept I/O in a ring"
        ));
    }
    // SAFETY: the caller upholds the contract of io_uring_setup(2); the arguments are unchanged.
    unsafe { unless_refused(libc::SYS_io_uring_setup, [entries as usize, parameters, 0, 0, 0, 0]) }
}

pub(super) unsafe fn enter(a: usize, b: usize, c: usize, d: usize, e: usize, f: usize) -> c_long {
    // SAFETY: the caller upholds the contract of io_uring_enter(2); the arguments are unchanged.
    unsafe { unless_refused(libc::SYS_io_uring_enter, [a, b, c, d, e, f]) }
}

pub(super) unsafe fn register(a: usize, b: usize, c: usize, d: usize) -> c_long {
    // SAFETY: the caller upholds the contract of io_uring_register(2); the arguments are unchanged.
    unsafe { unless_refused(libc::SYS_io_uring_register, [a, b, c, d, 0, 0]) }
}

fn is_refused() -> bool {
    config::get().is_some() || recording::is_active()
}

/// # Safety
/// The contract of the system call.
unsafe fn unless_refused(number: c_long, [a, b, c, d, e, f]: Registers) -> c_long {
    if is_refused() {
        return errno::fail(Errno::NOSYS).into();
    }
    // SAFETY: the caller upholds the contract of the system call.
    unsafe { real::syscall(number, a, b, c, d, e, f) }
}
