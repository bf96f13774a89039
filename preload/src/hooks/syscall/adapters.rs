//! Adapters for system calls that differ from libc's functions of the same name: signal masks come with their size,
//! ppoll(2) and pselect6(2) write back the remaining time, and a bad address is an error where libc's function accesses
//! it itself.

use std::ffi::{c_int, c_long};
use std::mem::MaybeUninit;
use std::ptr;

#[cfg(target_arch = "x86_64")]
use libc::{c_void, time_t, timeval};
use libc::{clockid_t, epoll_event, fd_set, nfds_t, pollfd, sigset_t, size_t, timespec};
use rustix::io::Errno;

use crate::determinism::clock;
use crate::hooks::{arguments, epoll, poll, select, signal, signal_mask, time};
use crate::sys::kernel_action::{self, KernelAction};
use crate::sys::{errno, real, user_memory};

/// System call ppoll(2). Unlike the function of libc, it writes the remaining time to `limit`: zero after a timeout.
pub(super) unsafe fn ppoll(
    fds: *mut pollfd,
    count: nfds_t,
    limit: *mut timespec,
    mask: *const u64,
    size: size_t,
) -> c_int {
    // SAFETY: the caller upholds the contract of ppoll(2); `limit` is the server's, so no Rust reference points there.
    unsafe { with_limit(limit, || with_mask(mask, size, |mask| poll::ppoll(fds, count, limit, mask))) }
}

/// pselect6(2), whose last argument points at a mask and its size.
pub(super) unsafe fn pselect6(
    count: c_int,
    readable: *mut fd_set,
    writable: *mut fd_set,
    urgent: *mut fd_set,
    limit: *mut timespec,
    mask: *const SizedMask,
) -> c_int {
    // SAFETY: the caller upholds the contract of pselect6(2); `limit` is the server's, so no Rust reference points
    // there. Any bytes are a valid `SizedMask`.
    unsafe {
        let (set, size) = match mask.is_null() {
            true => (ptr::null(), 0),
            false => match user_memory::read(mask) {
                Ok(mask) => (mask.set, mask.size),
                Err(error) => return errno::fail(error),
            },
        };
        with_limit(limit, || {
            with_mask(set, size, |mask| select::pselect(count, readable, writable, urgent, limit, mask))
        })
    }
}

/// select(2), whose limit is checked first: libc's function, and the hook, read it without a check.
#[cfg(target_arch = "x86_64")]
pub(super) unsafe fn select(
    count: c_int,
    readable: *mut fd_set,
    writable: *mut fd_set,
    urgent: *mut fd_set,
    limit: *mut timeval,
) -> c_int {
    if !limit.is_null() && !user_memory::is_readable(limit, size_of::<timeval>()) {
        return errno::fail(Errno::FAULT);
    }
    // SAFETY: the caller upholds the contract of select(2), and `limit` is null or accessible.
    unsafe { select::select(count, readable, writable, urgent, limit) }
}

/// clock_gettime(2), whose address is checked first: libc's function, like those below, writes to it without a check.
pub(super) unsafe fn clock_gettime(id: clockid_t, time: *mut timespec) -> c_int {
    // SAFETY: the hook gets a writable `time`; with any other, the kernel itself checks the address.
    unsafe {
        match user_memory::is_writable(time, size_of::<timespec>()) {
            true => time::clock_gettime(id, time),
            false => real::syscall(libc::SYS_clock_gettime, id as usize, time as usize, 0, 0, 0, 0) as c_int,
        }
    }
}

#[cfg(target_arch = "x86_64")]
pub(super) unsafe fn gettimeofday(time: *mut timeval, zone: *mut c_void) -> c_int {
    /// Bytes in a `struct timezone`.
    const ZONE_BYTES: usize = 8;
    let is_valid = (time.is_null() || user_memory::is_writable(time, size_of::<timeval>()))
        && (zone.is_null() || user_memory::is_writable(zone, ZONE_BYTES));
    if !is_valid {
        return errno::fail(Errno::FAULT);
    }
    // SAFETY: both pointers are null or writable.
    unsafe { time::gettimeofday(time, zone) }
}

#[cfg(target_arch = "x86_64")]
pub(super) unsafe fn time(time: *mut time_t) -> time_t {
    if !time.is_null() && !user_memory::is_writable(time, size_of::<time_t>()) {
        return errno::fail(Errno::FAULT).into();
    }
    // SAFETY: the pointer is null or writable.
    unsafe { time::time(time) }
}

/// The last argument of pselect6(2).
#[derive(Clone, Copy)]
#[repr(C)]
pub(super) struct SizedMask {
    set: *const u64,
    size: size_t,
}

/// Runs `call`, then writes the remaining time to `limit`. A null `limit` means that the call has no time limit.
///
/// # Safety
/// No Rust reference points at `limit`.
unsafe fn with_limit(limit: *mut timespec, call: impl FnOnce() -> c_int) -> c_int {
    let (given, began) = match arguments::limit(limit) {
        Ok(Some(given)) => (given, clock::now()),
        Ok(None) => return call(),
        Err(error) => return errno::fail(error),
    };
    let result = call();
    let left = clock::to_timespec(arguments::time_left(given, began, result));
    // SAFETY: no Rust reference points at `limit`, by this function's contract. A limit that cannot be written stays
    // unchanged (select(2), "Notes").
    let _ = unsafe { user_memory::write(limit, left) };
    result
}

pub(super) unsafe fn epoll_pwait(
    epoll: c_int,
    events: *mut epoll_event,
    room: c_int,
    limit: c_int,
    mask: *const u64,
    size: size_t,
) -> c_int {
    // SAFETY: the caller upholds the contract of epoll_pwait(2), with the converted mask in place of its own.
    unsafe { with_mask(mask, size, |mask| epoll::epoll_pwait(epoll, events, room, limit, mask)) }
}

pub(super) unsafe fn epoll_pwait2(
    epoll: c_int,
    events: *mut epoll_event,
    room: c_int,
    limit: *const timespec,
    mask: *const u64,
    size: size_t,
) -> c_int {
    // SAFETY: the caller upholds the contract of epoll_pwait2(2), with the converted mask in place of its own.
    unsafe { with_mask(mask, size, |mask| epoll::epoll_pwait2(epoll, events, room, limit, mask)) }
}

pub(super) unsafe fn rt_sigaction(
    number: c_int,
    action: *const KernelAction,
    old: *mut KernelAction,
    size: size_t,
) -> c_int {
    if size != arguments::SIGNAL_SET_BYTES {
        return errno::fail(Errno::INVAL);
    }
    // SAFETY: any bytes are a valid action.
    let new = match (!action.is_null()).then(|| unsafe { user_memory::read(action) }).transpose() {
        Ok(new) => new.map(KernelAction::to_libc),
        Err(error) => return errno::fail(error),
    };
    let mut before = KernelAction::DEFAULT.to_libc();
    let new = new.as_ref().map_or(ptr::null(), ptr::from_ref);
    // SAFETY: `new` and `before` are valid actions on this stack, and the handler is the one that the server installs.
    // `old` is the server's, so no Rust reference points there.
    unsafe {
        let result = signal::exchange(number, new, &mut before, kernel_action::sigaction);
        // Like the kernel, installs the new action before it writes the old one.
        if result == 0
            && !old.is_null()
            && let Err(error) = user_memory::write(old, KernelAction::from_libc(&before))
        {
            return errno::fail(error);
        }
        result
    }
}

/// rt_sigprocmask(2), without libc's function, which writes a whole `sigset_t` to `old` and hides libc's own signals.
pub(super) unsafe fn rt_sigprocmask(how: c_int, set: *const u64, old: *mut u64, size: size_t) -> c_long {
    // SAFETY: any bytes are a valid signal set.
    let own = unsafe { user_memory::read(set) }.map(|set| signal_mask::without_sigsys(how, set));
    // A set that cannot be read goes to the kernel, which refuses it.
    let set = own.as_ref().map_or(set, ptr::from_ref);
    // SAFETY: the kernel checks both addresses; `set` is the server's, or on this stack and of the kernel's size.
    unsafe { real::syscall(libc::SYS_rt_sigprocmask, how as usize, set as usize, old as usize, size, 0, 0) }
}

/// Performs `call` with the kernel's mask as libc's type, which is longer: a sanitizer's interceptor may be called in
/// between, and it reads all of it.
///
/// # Safety
/// The contract of the system call that `call` performs.
unsafe fn with_mask(mask: *const u64, size: size_t, call: impl FnOnce(*const sigset_t) -> c_int) -> c_int {
    if mask.is_null() {
        return call(ptr::null());
    }
    if size != arguments::SIGNAL_SET_BYTES {
        return errno::fail(Errno::INVAL);
    }
    // SAFETY: any bytes are a valid signal set.
    let given = match unsafe { user_memory::read(mask) } {
        Ok(given) => given,
        Err(error) => return errno::fail(error),
    };
    let mut own = MaybeUninit::<sigset_t>::zeroed();
    // SAFETY: the kernel's set is the first word of libc's, which has room for more.
    unsafe { own.as_mut_ptr().cast::<u64>().write(given) };
    call(own.as_ptr())
}
