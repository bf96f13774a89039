//! close(2) and the ways to duplicate a descriptor: the table follows.

use libc::c_int;

use crate::descriptors::{self, Kind};
use crate::exports::real;

pub(crate) unsafe fn close(fd: c_int) -> c_int {
    if descriptors::kind(fd) != Kind::Foreign {
        descriptors::set(fd, Kind::Foreign);
    }
    // SAFETY: the server's own call.
    unsafe { real::close(fd) }
}

pub(crate) unsafe fn dup(fd: c_int) -> c_int {
    // SAFETY: the server's own call.
    follow(fd, unsafe { real::dup(fd) })
}

pub(crate) unsafe fn dup2(fd: c_int, copy: c_int) -> c_int {
    // SAFETY: the server's own call.
    follow(fd, unsafe { real::dup2(fd, copy) })
}

pub(crate) unsafe fn dup3(fd: c_int, copy: c_int, flags: c_int) -> c_int {
    // SAFETY: the server's own call.
    follow(fd, unsafe { real::dup3(fd, copy, flags) })
}

/// fcntl(2) is variadic; its one argument, if any, travels in a register like this one.
pub(crate) unsafe fn fcntl(fd: c_int, command: c_int, argument: usize) -> c_int {
    // SAFETY: the server's own call.
    let result = unsafe { real::fcntl64(fd, command, argument) };
    match command {
        libc::F_DUPFD | libc::F_DUPFD_CLOEXEC => follow(fd, result),
        _ => result,
    }
}

fn follow(fd: c_int, copy: c_int) -> c_int {
    let concerns_us = descriptors::kind(fd) != Kind::Foreign || descriptors::kind(copy) != Kind::Foreign;
    if copy >= 0 && copy != fd && concerns_us {
        descriptors::duplicated(fd, copy);
    }
    copy
}
