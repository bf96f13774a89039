//! close(2) and the ways to duplicate a descriptor: the table follows.

use libc::{c_int, c_uint};

use crate::descriptors::{self, Kind};
use crate::exports::real;
use crate::{afl, identity};

pub(crate) unsafe fn close(fd: c_int) -> c_int {
    match descriptors::kind(fd) {
        Kind::Foreign => {}
        // Only a server that closes what it does not know calls this; AFL++'s runtime may.
        Kind::Kept if !afl::is_starting() => return 0,
        _ => descriptors::set(fd, Kind::Foreign),
    }
    // SAFETY: the server's own call.
    unsafe { real::close(fd) }
}

/// close_range(2), around the descriptors that the server may not close.
pub(crate) unsafe fn close_range(first: c_uint, last: c_uint, flags: c_int) -> c_int {
    let mut from = first;
    for kept in descriptors::kept().map(c_int::cast_unsigned).filter(|kept| (first..=last).contains(kept)) {
        // SAFETY: a part of the server's own call.
        if from < kept && unsafe { close_part(from, kept - 1, flags) } < 0 {
            return -1;
        }
        from = kept + 1;
    }
    // SAFETY: as above.
    if from <= last { unsafe { close_part(from, last, flags) } } else { 0 }
}

/// # Safety
/// That of close_range(2).
unsafe fn close_part(first: c_uint, last: c_uint, flags: c_int) -> c_int {
    if flags & libc::CLOSE_RANGE_CLOEXEC as c_int == 0 {
        descriptors::forget(first.cast_signed(), last.min(c_int::MAX as c_uint).cast_signed());
    }
    // SAFETY: given by the caller.
    unsafe { real::close_range(first, last, flags) }
}

pub(crate) unsafe fn closefrom(first: c_int) {
    // SAFETY: the server's own call, by another name.
    unsafe { close_range(first.max(0).cast_unsigned(), c_uint::MAX, 0) };
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
    let argument = match command {
        // Who is to get SIGIO: a process by its number, which may be the one that the server had.
        libc::F_SETOWN => identity::actual(argument as c_int) as usize,
        _ => argument,
    };
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
