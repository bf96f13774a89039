//! syscall(2): system calls by number, as some runtimes make them. Each call is dispatched to the hook of the libc
//! function of its name. Calls that bypass libc altogether arrive here from the system call trap.
//!
//! Where the system call differs from libc's function, [`adapters`] compensate for the difference.

mod adapters;
mod io_uring;
mod registers;

use std::ffi::c_long;

use super::{
    accept, descriptor, epoll, listen, names, poll, random, read, socket_options, thread_creation,
    timed_wait, transfer, wait, write,
};
use crate::sys::real;
use registers::{Outcome, Register};

/// Arguments of a system call, as in its registers.
pub(crate) type Registers = [usize; 6];

/// syscall(2) is variadic; its arguments are passed like these, in registers (except for the last on x86-64).
pub(crate) unsafe fn syscall(
    number: c_long,
    a: usize,
    b: usize,
    c: usize,
    d: usize,
    e: usize,
    f: usize,
) -> c_long {
    // SAFETY: these are the number and the first argument of the system call.
    unsafe { thread_creation::before_raw_clone(number, a) };
    // SAFETY: the caller upholds the contract of the system call; the arguments are unchanged.
    unsafe { dispatch(number, [a, b, c, d, e, f]).unwrap_or_else(|| real::syscall(number, a, b, c, d, e, f)) }
}

/// Defines the table of the system calls that are intercepted, with the hook of each.
macro_rules! system_calls {
    ($($(#[$condition:meta])* $number:ident($($argument:ident),*) => $handler:path;)*) => {
        /// Numbers of the system calls that [`dispatch`] handles.
        pub(crate) const NUMBERS: &[c_long] = &[$($(#[$condition])* libc::$number),*];

        /// Performs the call with this number by its hook. Like a libc function, it returns -1 and sets `errno` on
        /// failure. `None` if the number is not in the table.
        ///
        /// # Safety
        /// The contract of the system call.
        pub(crate) unsafe fn dispatch(number: c_long, registers: Registers) -> Option<c_long> {
            match number {
                $(
                    $(#[$condition])*
                    libc::$number => {
                        let [$($argument,)* ..] = registers;
                        // SAFETY: the hook has the contract of the system call, which the caller upholds.
                        Some(unsafe { $handler($(Register::into($argument)),*) }.into_register())
                    }
                )*
                _ => None,
            }
        }
    };
}

system_calls! {
    // The listener.
    SYS_bind(fd, address, len) => listen::bind;
    SYS_listen(fd, backlog) => listen::listen;
    SYS_connect(fd, address, len) => listen::connect;
    #[cfg(target_arch = "x86_64")]
    SYS_accept(fd, address, len) => accept::accept;
    SYS_accept4(fd, address, len, flags) => accept::accept4;

    // Addresses and options of sockets.
    SYS_getsockname(fd, name, len) => names::getsockname;
    SYS_getpeername(fd, name, len) => names::getpeername;
    SYS_setsockopt(fd, level, name, value, len) => socket_options::setsockopt;
    SYS_getsockopt(fd, level, name, value, len) => socket_options::getsockopt;

    // Descriptors.
    SYS_close(fd) => descriptor::close;
    SYS_close_range(first, last, flags) => descriptor::close_range;
    SYS_dup(fd) => descriptor::dup;
    #[cfg(target_arch = "x86_64")]
    SYS_dup2(fd, copy) => descriptor::dup2;
    SYS_dup3(fd, copy, flags) => descriptor::dup3;
    SYS_fcntl(fd, command, argument) => descriptor::fcntl;
    SYS_ioctl(fd, request, argument) => descriptor::ioctl;
    SYS_shutdown(fd, how) => descriptor::shutdown;

    // Waiting.
    #[cfg(target_arch = "x86_64")]
    SYS_poll(fds, count, limit) => poll::poll;
    SYS_ppoll(fds, count, limit, mask, size) => adapters::ppoll;
    #[cfg(target_arch = "x86_64")]
    SYS_select(count, readable, writable, urgent, limit) => adapters::select;
    SYS_pselect6(count, readable, writable, urgent, limit, mask) => adapters::pselect6;
    SYS_epoll_ctl(epoll, operation, fd, event) => epoll::epoll_ctl;
    #[cfg(target_arch = "x86_64")]
    SYS_epoll_wait(epoll, events, room, limit) => epoll::epoll_wait;
    SYS_epoll_pwait(epoll, events, room, limit, mask, size) => adapters::epoll_pwait;
    SYS_epoll_pwait2(epoll, events, room, limit, mask, size) => adapters::epoll_pwait2;
    SYS_wait4(child, status, options, usage) => wait::wait4;

    // Reading and writing.
    SYS_read(fd, buffer, len) => read::read;
    SYS_readv(fd, parts, count) => read::readv;
    SYS_recvfrom(fd, buffer, len, flags, address, address_len) => read::recvfrom;
    SYS_recvmsg(fd, message, flags) => read::recvmsg;
    SYS_write(fd, buffer, len) => write::write;
    SYS_writev(fd, parts, count) => write::writev;
    SYS_sendto(fd, buffer, len, flags, address, address_len) => write::sendto;
    SYS_sendmsg(fd, message, flags) => write::sendmsg;
    SYS_sendfile(fd, file, offset, len) => transfer::sendfile;

    // Time.
    SYS_clock_gettime(id, time) => adapters::clock_gettime;
    #[cfg(target_arch = "x86_64")]
    SYS_gettimeofday(time, zone) => adapters::gettimeofday;
    #[cfg(target_arch = "x86_64")]
    SYS_time(time) => adapters::time;
    SYS_futex(word, operation, value, limit, other, bits) => timed_wait::futex;

    // Randomness.
    SYS_getrandom(buffer, len, flags) => random::getrandom;
    SYS_openat(directory, path, flags, mode) => random::openat;

    // Signals.
    SYS_rt_sigaction(number, action, old, size) => adapters::rt_sigaction;
    SYS_rt_sigprocmask(how, set, old, size) => adapters::rt_sigprocmask;

    // io_uring, which bypasses every call above.
    SYS_io_uring_setup(entries, parameters) => io_uring::setup;
    SYS_io_uring_enter(ring, submit, wait, flags, argument, size) => io_uring::enter;
    SYS_io_uring_register(ring, operation, argument, count) => io_uring::register;
}

#[cfg(test)]
mod tests {
    use libc::timespec;
    use rustix::io::Errno;

    use super::*;
    use crate::sys::errno;

    #[test]
    fn a_number_outside_the_table_is_not_dispatched() {
        // SAFETY: the number is not in the table, so nothing is called.
        assert_eq!(unsafe { dispatch(libc::SYS_getpid, [0; 6]) }, None);
        assert!(!NUMBERS.contains(&libc::SYS_getpid));
    }

    #[test]
    fn arguments_are_narrowed_to_their_type() {
        let dirty = 0xdead_beef_ffff_ffff;
        // SAFETY: the lower half of the argument is -1, for which close(2) fails without an effect.
        assert_eq!(unsafe { dispatch(libc::SYS_close, [dirty, 0, 0, 0, 0, 0]) }, Some(-1));
        assert_eq!(errno::last(), Errno::BADF);
    }

    #[test]
    fn a_mask_of_another_size_is_refused() {
        let mask = 0_u64;
        let mut limit = timespec { tv_sec: 0, tv_nsec: 1 };
        let limit = &raw mut limit as usize;
        for (size, expected) in [(4, -1), (8, 0)] {
            // SAFETY: the pointers are valid for the call.
            let result =
                unsafe { dispatch(libc::SYS_ppoll, [0, 0, limit, &raw const mask as usize, size, 0]) };
            assert_eq!(result, Some(expected));
        }
    }
}
