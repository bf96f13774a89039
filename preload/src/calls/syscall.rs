//! syscall(2): system calls by number, as some runtimes make them. Each goes where the libc
//! function of its name goes. Calls that bypass libc altogether come here from the trap.
//!
//! Where the kernel's call differs from libc's function, the difference is made up for here: signal
//! masks come with their size, and ppoll(2) and pselect6(2) write back how much time is left.

use std::ffi::{c_int, c_long, c_uint};
use std::mem::MaybeUninit;
use std::ptr;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use libc::{epoll_event, fd_set, nfds_t, pollfd, sigset_t, size_t, timespec};
use rustix::io::Errno;

use super::{
    accept, descriptor, epoll, listen, names, poll, random, read, select, signal, socket_options, time,
    timed_wait, transfer, wait, write,
};
use crate::exports::real;
use crate::{errno, report, setup};

/// The arguments of a system call, as its registers hold them.
pub(crate) type Registers = [usize; 6];

/// Bytes in the kernel's set of signals: 64 bits. (libc's has room for more.)
const SIGNAL_SET: size_t = 8;

/// syscall(2) is variadic; its arguments travel like these, in registers but for the last.
pub(crate) unsafe fn syscall(
    number: c_long,
    a: usize,
    b: usize,
    c: usize,
    d: usize,
    e: usize,
    f: usize,
) -> c_long {
    // SAFETY: the server's own call.
    unsafe { dispatch(number, [a, b, c, d, e, f]).unwrap_or_else(|| real::syscall(number, a, b, c, d, e, f)) }
}

/// Defines the table: which numbers are of interest, and what stands for each.
macro_rules! system_calls {
    ($($(#[$condition:meta])* $number:ident($($argument:ident),*) => $handler:path;)*) => {
        /// The numbers that [`dispatch`] knows.
        pub(crate) const NUMBERS: &[c_long] = &[$($(#[$condition])* libc::$number),*];

        /// Does the call with this number like the libc function that stands for it: -1 and `errno`
        /// for a failure. `None` when it is of no interest.
        ///
        /// # Safety
        /// That of the system call.
        pub(crate) unsafe fn dispatch(number: c_long, registers: Registers) -> Option<c_long> {
            match number {
                $(
                    $(#[$condition])*
                    libc::$number => {
                        let [$($argument,)* ..] = registers;
                        // SAFETY: given by the caller.
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

    // What a socket says of itself.
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
    SYS_ppoll(fds, count, limit, mask, size) => ppoll;
    #[cfg(target_arch = "x86_64")]
    SYS_select(count, readable, writable, urgent, limit) => select::select;
    SYS_pselect6(count, readable, writable, urgent, limit, mask) => pselect6;
    SYS_epoll_ctl(epoll, operation, fd, event) => epoll::epoll_ctl;
    #[cfg(target_arch = "x86_64")]
    SYS_epoll_wait(epoll, events, room, limit) => epoll::epoll_wait;
    SYS_epoll_pwait(epoll, events, room, limit, mask, size) => epoll_pwait;
    SYS_epoll_pwait2(epoll, events, room, limit, mask, size) => epoll_pwait2;
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
    SYS_clock_gettime(id, time) => time::clock_gettime;
    #[cfg(target_arch = "x86_64")]
    SYS_gettimeofday(time, zone) => time::gettimeofday;
    #[cfg(target_arch = "x86_64")]
    SYS_time(time) => time::time;
    SYS_futex(word, operation, value, limit, other, bits) => timed_wait::futex;

    // Randomness.
    SYS_getrandom(buffer, len, flags) => random::getrandom;
    SYS_openat(directory, path, flags, mode) => random::openat;

    // Signals.
    SYS_rt_sigprocmask(how, set, old, size) => rt_sigprocmask;

    // What bypasses every call above.
    SYS_io_uring_setup(entries, parameters) => io_uring_setup;
    SYS_io_uring_enter(ring, submit, wait, flags, argument, size) => io_uring_enter;
    SYS_io_uring_register(ring, operation, argument, count) => io_uring_register;
}

/// ppoll(2), which says what is left of the limit: nothing, once it is over.
unsafe fn ppoll(
    fds: *mut pollfd,
    count: nfds_t,
    limit: *mut timespec,
    mask: *const u64,
    size: size_t,
) -> c_int {
    // SAFETY: the server's own call.
    unsafe { with_mask(mask, size, |mask| time_left(limit, poll::ppoll(fds, count, limit, mask))) }
}

/// pselect6(2): the last argument points at a mask and its size.
unsafe fn pselect6(
    count: c_int,
    readable: *mut fd_set,
    writable: *mut fd_set,
    urgent: *mut fd_set,
    limit: *mut timespec,
    mask: *const Mask,
) -> c_int {
    // SAFETY: the server's own call.
    unsafe {
        let (set, size) = mask.as_ref().map_or((ptr::null(), 0), |mask| (mask.set, mask.size));
        with_mask(set, size, |mask| {
            time_left(limit, select::pselect(count, readable, writable, urgent, limit, mask))
        })
    }
}

/// The last argument of pselect6(2).
#[repr(C)]
struct Mask {
    set: *const u64,
    size: size_t,
}

/// # Safety
/// `limit` is null or the server's own.
unsafe fn time_left(limit: *mut timespec, count: c_int) -> c_int {
    if count == 0 && !limit.is_null() {
        // SAFETY: given by the caller.
        unsafe { *limit = timespec { tv_sec: 0, tv_nsec: 0 } };
    }
    count
}

unsafe fn epoll_pwait(
    epoll: c_int,
    events: *mut epoll_event,
    room: c_int,
    limit: c_int,
    mask: *const u64,
    size: size_t,
) -> c_int {
    // SAFETY: the server's own call.
    unsafe { with_mask(mask, size, |mask| epoll::epoll_pwait(epoll, events, room, limit, mask)) }
}

unsafe fn epoll_pwait2(
    epoll: c_int,
    events: *mut epoll_event,
    room: c_int,
    limit: *const timespec,
    mask: *const u64,
    size: size_t,
) -> c_int {
    // SAFETY: the server's own call.
    unsafe { with_mask(mask, size, |mask| epoll::epoll_pwait2(epoll, events, room, limit, mask)) }
}

/// Without libc's function: that one writes a whole `sigset_t` to `old`, and hides libc's own signals.
unsafe fn rt_sigprocmask(how: c_int, set: *const u64, old: *mut u64, size: size_t) -> c_long {
    // SAFETY: the server's own pointer.
    let set = unsafe { set.as_ref() }.map(|&set| signal::without_sigsys(how, set));
    let set = set.as_ref().map_or(ptr::null(), ptr::from_ref);
    // SAFETY: the server's own call, with a set that lives on this stack.
    unsafe { real::syscall(libc::SYS_rt_sigprocmask, how as usize, set as usize, old as usize, size, 0, 0) }
}

/// Does `call` with the kernel's mask as libc's type, which is longer: a sanitizer's function may
/// stand between, and it looks at all of it.
///
/// # Safety
/// `mask` is null or points at `size` bytes.
unsafe fn with_mask(mask: *const u64, size: size_t, call: impl FnOnce(*const sigset_t) -> c_int) -> c_int {
    if mask.is_null() {
        return call(ptr::null());
    }
    if size != SIGNAL_SET {
        return errno::fail(Errno::INVAL);
    }
    let mut own = MaybeUninit::<sigset_t>::zeroed();
    // SAFETY: given by the caller; the kernel's signals are the first ones of libc's.
    unsafe { own.as_mut_ptr().cast::<u64>().write(*mask) };
    call(own.as_ptr())
}

/// io_uring_setup(2). What goes through a ring is seen by no call, so a fuzzed server gets none:
/// runtimes then fall back to epoll.
unsafe fn io_uring_setup(entries: c_uint, parameters: usize) -> c_long {
    static SAID: AtomicBool = AtomicBool::new(false);
    if setup::get().is_some() && !SAID.swap(true, Relaxed) {
        report::say(format_args!(
            "io_uring is refused (ENOSYS), for the server to fall back to epoll: sockfuzz cannot see into a ring"
        ));
    }
    // SAFETY: the server's own call.
    unsafe { unless_fuzzed(libc::SYS_io_uring_setup, [entries as usize, parameters, 0, 0, 0, 0]) }
}

unsafe fn io_uring_enter(a: usize, b: usize, c: usize, d: usize, e: usize, f: usize) -> c_long {
    // SAFETY: the server's own call.
    unsafe { unless_fuzzed(libc::SYS_io_uring_enter, [a, b, c, d, e, f]) }
}

unsafe fn io_uring_register(a: usize, b: usize, c: usize, d: usize) -> c_long {
    // SAFETY: the server's own call.
    unsafe { unless_fuzzed(libc::SYS_io_uring_register, [a, b, c, d, 0, 0]) }
}

/// # Safety
/// That of the system call.
unsafe fn unless_fuzzed(number: c_long, [a, b, c, d, e, f]: Registers) -> c_long {
    if setup::get().is_some() {
        return errno::fail(Errno::NOSYS).into();
    }
    // SAFETY: given by the caller.
    unsafe { real::syscall(number, a, b, c, d, e, f) }
}

/// What fits into a register of a system call. A narrow one fills its lower half only.
trait Register {
    fn into(register: usize) -> Self;
}

/// What a system call gives back.
trait Outcome {
    fn into_register(self) -> c_long;
}

macro_rules! registers {
    ($($type:ty),*) => {
        $(
            impl Register for $type {
                fn into(register: usize) -> Self {
                    register as $type
                }
            }

            impl Outcome for $type {
                fn into_register(self) -> c_long {
                    self as c_long
                }
            }
        )*
    };
}

registers!(i32, u32, i64, u64, isize, usize);

impl<T> Register for *const T {
    fn into(register: usize) -> Self {
        ptr::with_exposed_provenance(register)
    }
}

impl<T> Register for *mut T {
    fn into(register: usize) -> Self {
        ptr::with_exposed_provenance_mut(register)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_of_no_interest_is_left_alone() {
        // SAFETY: nothing is called.
        assert_eq!(unsafe { dispatch(libc::SYS_getpid, [0; 6]) }, None);
        assert!(!NUMBERS.contains(&libc::SYS_getpid));
    }

    #[test]
    fn arguments_are_narrowed_to_their_type() {
        let dirty = 0xdead_beef_ffff_ffff;
        // SAFETY: there is no such descriptor.
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
