//! close(2) and the calls that duplicate a descriptor, which update the descriptor table. Also fcntl(2), ioctl(2) and
//! shutdown(2), for what the kernel cannot answer.

use libc::{c_int, c_uint, c_ulong};
use rustix::io::Errno;

use super::socket_options;
use crate::net::accept_gate;
use crate::process::identity;
use crate::sys::fd_table::{self, FdKind};
use crate::sys::{errno, real, user_memory};
use crate::{afl_loop, memory_socket};

pub(crate) unsafe fn close(fd: c_int) -> c_int {
    match fd_table::kind(fd) {
        FdKind::Unmanaged => {
            memory_socket::forget_epoll(fd, fd);
            fd_table::release_reserved_from(fd);
        }
        FdKind::Virtual(_) if memory_socket::reserve_fd(fd) => return 0,
        // A server that closes unknown descriptors gets success without an effect; AFL++'s runtime may close its own.
        FdKind::Protected if !afl_loop::is_starting() => return 0,
        _ => fd_table::set(fd, FdKind::Unmanaged),
    }
    // SAFETY: the caller upholds the contract of close(2); the argument is unchanged.
    unsafe { real::close(fd) }
}

/// Flags of close_range(2).
const CLOSE_RANGE_FLAGS: c_int = (libc::CLOSE_RANGE_UNSHARE | libc::CLOSE_RANGE_CLOEXEC) as c_int;

/// close_range(2), which skips the descriptors that the server may not close.
pub(crate) unsafe fn close_range(first: c_uint, last: c_uint, flags: c_int) -> c_int {
    if first > last || flags & !CLOSE_RANGE_FLAGS != 0 {
        return errno::fail(Errno::INVAL);
    }
    let mut from = first;
    for kept in fd_table::protected().map(c_int::cast_unsigned).filter(|kept| (first..=last).contains(kept)) {
        // SAFETY: the caller upholds the contract of close_range(2) for the whole range, of which this is a part.
        if from < kept && unsafe { close_part(from, kept - 1, flags) } < 0 {
            return -1;
        }
        from = kept + 1;
    }
    // SAFETY: the caller upholds the contract of close_range(2) for the whole range, of which this is the last part.
    if from <= last { unsafe { close_part(from, last, flags) } } else { 0 }
}

/// # Safety
/// The contract of close_range(2).
unsafe fn close_part(first: c_uint, last: c_uint, flags: c_int) -> c_int {
    if flags & libc::CLOSE_RANGE_CLOEXEC as c_int == 0 {
        let (first, last) = (first.cast_signed(), last.min(c_int::MAX as c_uint).cast_signed());
        fd_table::mark_closed(first, last);
        memory_socket::forget_epoll(first, last);
    } else if fd_table::connections().any(|fd| (first..=last).contains(&fd.cast_unsigned())) {
        memory_socket::stop_reserving_fds();
    }
    // SAFETY: the caller upholds the contract of close_range(2).
    unsafe { real::close_range(first, last, flags) }
}

pub(crate) unsafe fn closefrom(first: c_int) {
    // SAFETY: the caller upholds the contract of closefrom(3), which is close_range(2) up to the last descriptor.
    unsafe { close_range(first.max(0).cast_unsigned(), c_uint::MAX, 0) };
}

pub(crate) unsafe fn dup(fd: c_int) -> c_int {
    // SAFETY: the caller upholds the contract of dup(2); the argument is unchanged.
    follow(fd, unsafe { real::dup(fd) }, false)
}

pub(crate) unsafe fn dup2(fd: c_int, copy: c_int) -> c_int {
    make_real_for_stdio(fd, copy);
    // SAFETY: the caller upholds the contract of dup2(2); the arguments are unchanged.
    follow(fd, unsafe { real::dup2(fd, copy) }, false)
}

pub(crate) unsafe fn dup3(fd: c_int, copy: c_int, flags: c_int) -> c_int {
    make_real_for_stdio(fd, copy);
    // SAFETY: the caller upholds the contract of dup3(2); the arguments are unchanged.
    follow(fd, unsafe { real::dup3(fd, copy, flags) }, flags & libc::O_CLOEXEC != 0)
}

/// Makes a connection real that becomes a standard stream: libc's streams make system calls that bypass the hooks.
fn make_real_for_stdio(fd: c_int, copy: c_int) {
    if copy <= libc::STDERR_FILENO && fd_table::is_virtual(fd) {
        memory_socket::fall_back("it makes a connection a standard stream");
    }
}

/// fcntl(2) is variadic; its one argument, if any, is passed in a register like this one.
pub(crate) unsafe fn fcntl(fd: c_int, command: c_int, argument: usize) -> c_int {
    let argument = match command {
        // Receiver of SIGIO: a process by its number, which may be the one that the server had.
        libc::F_SETOWN => identity::actual_pid(argument as c_int) as usize,
        _ => argument,
    };
    let wants_signals = match command {
        libc::F_SETOWN => true,
        libc::F_SETFL => argument & libc::O_ASYNC as usize != 0,
        _ => false,
    };
    if wants_signals && matches!(fd_table::kind(fd), FdKind::Virtual(_) | FdKind::Listener) {
        memory_socket::fall_back("it requests SIGIO for a socket");
    }
    match (fd_table::kind(fd), command) {
        (FdKind::Virtual(slot), libc::F_GETFL) => {
            return libc::O_RDWR | memory_socket::status_flags(slot);
        }
        (FdKind::Virtual(_), libc::F_SETFL) if argument & libc::O_DIRECT as usize != 0 => {
            return errno::fail(Errno::INVAL);
        }
        (FdKind::Virtual(slot), libc::F_SETFL) => {
            memory_socket::set_status_flags(slot, argument as c_int);
            return 0;
        }
        (FdKind::Virtual(_), libc::F_GETFD) => {
            if let Some(close_on_exec) = memory_socket::all_close_on_exec() {
                return if close_on_exec { libc::FD_CLOEXEC } else { 0 };
            }
        }
        (FdKind::Virtual(_), libc::F_SETFD) => memory_socket::stop_reserving_fds(),
        (FdKind::Listener, libc::F_SETFL) => memory_socket::listener_flags_changed(),
        _ => {}
    }
    // SAFETY: the caller upholds the contract of fcntl(2); the argument differs at most in a process id.
    let result = unsafe { real::fcntl64(fd, command, argument) };
    match command {
        libc::F_DUPFD | libc::F_DUPFD_CLOEXEC => follow(fd, result, command == libc::F_DUPFD_CLOEXEC),
        _ => result,
    }
}

/// ioctl(2) is variadic; its argument is passed like this one.
pub(crate) unsafe fn ioctl(fd: c_int, request: c_ulong, argument: usize) -> c_int {
    let value = std::ptr::with_exposed_provenance_mut::<c_int>(argument);
    // SAFETY: any bytes are a valid `c_int`.
    let is_set = || unsafe { user_memory::read(value) }.is_ok_and(|wanted| wanted != 0);
    if request == libc::FIOASYNC
        && matches!(fd_table::kind(fd), FdKind::Virtual(_) | FdKind::Listener)
        && is_set()
    {
        memory_socket::fall_back("it requests SIGIO for a socket");
    }
    match (fd_table::kind(fd), request) {
        (FdKind::Virtual(slot), libc::FIONBIO) => {
            // SAFETY: any bytes are a valid `c_int`.
            let wanted = unsafe { user_memory::read(value) };
            return wanted.map_or_else(errno::fail, |wanted| {
                memory_socket::set_nonblocking(slot, wanted != 0);
                0
            });
        }
        (FdKind::Virtual(slot), libc::FIONREAD) => {
            let unread = memory_socket::unread_len(slot) as c_int;
            // SAFETY: `value` is the server's: no Rust reference points there. (The unread bytes fit into a `c_int`.)
            return unsafe { user_memory::write(value, unread) }.map_or_else(errno::fail, |()| 0);
        }
        (FdKind::Virtual(_), libc::FIOCLEX | libc::FIONCLEX) => memory_socket::stop_reserving_fds(),
        (FdKind::Listener, libc::FIONBIO) => memory_socket::listener_flags_changed(),
        _ => {}
    }
    // SAFETY: the caller upholds the contract of ioctl(2); the arguments are unchanged.
    unsafe { real::ioctl(fd, request, argument) }
}

pub(crate) unsafe fn shutdown(fd: c_int, how: c_int) -> c_int {
    if let Some(slot) = fd_table::slot(fd) {
        return memory_socket::shutdown(slot, how).map_or_else(errno::fail, |()| 0);
    }
    // SAFETY: the caller upholds the contract of shutdown(2); the arguments are unchanged.
    let result = unsafe { real::shutdown(fd, how) };
    if result == 0 && how != libc::SHUT_WR && fd_table::kind(fd) == FdKind::Listener {
        accept_gate::shut();
    }
    result
}

/// Follows a successful listen(2), which may reopen the fuzzed listener.
pub(super) fn listener_listens(fd: c_int) {
    if fd_table::kind(fd) == FdKind::Listener {
        accept_gate::reopen();
    }
}

fn follow(fd: c_int, copy: c_int, close_on_exec: bool) -> c_int {
    if copy >= 0 && copy != fd && fd_table::is_virtual(fd) {
        memory_socket::record_copy(close_on_exec);
    }
    if copy >= 0 && copy != fd {
        memory_socket::duplicate_epoll(fd, copy);
    }
    let concerns_us = fd_table::kind(fd) != FdKind::Unmanaged || fd_table::kind(copy) != FdKind::Unmanaged;
    if copy >= 0 && copy != fd && concerns_us {
        fd_table::record_duplicate(fd, copy);
        socket_options::duplicated(fd, copy);
    }
    copy
}
