//! System calls that differ from libc's functions of their names: signal masks come with their size, ppoll(2)
//! and pselect6(2) write back how much time is left, and a bad address is an error where libc's function reads or
//! writes there itself.

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

/// ppoll(2), which says what is left of the limit: nothing, once it is over.
pub(super) unsafe fn ppoll(
    fds: *mut pollfd,
    count: nfds_t,
    limit: *mut timespec,
    mask: *const u64,
    size: size_t,
) -> c_int {
    // SAFETY: the server's own call.
    unsafe { with_limit(limit, || with_mask(mask, size, |mask| poll::ppoll(fds, count, limit, mask))) }
}

/// pselect6(2): the last argument points at a mask and its size.
pub(super) unsafe fn pselect6(
    count: c_int,
    readable: *mut fd_set,
    writable: *mut fd_set,
    urgent: *mut fd_set,
    limit: *mut timespec,
    mask: *const SizedMask,
) -> c_int {
    // SAFETY: the server's own call.
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

/// select(2): libc's function reads the limit itself.
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
    // SAFETY: the server's own call.
    unsafe { select::select(count, readable, writable, urgent, limit) }
}

/// clock_gettime(2): libc's function writes there itself, as do those below.
pub(super) unsafe fn clock_gettime(id: clockid_t, time: *mut timespec) -> c_int {
    // SAFETY: the server's own call, either way.
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
    // SAFETY: the server's own call.
    unsafe { time::gettimeofday(time, zone) }
}

#[cfg(target_arch = "x86_64")]
pub(super) unsafe fn time(time: *mut time_t) -> time_t {
    if !time.is_null() && !user_memory::is_writable(time, size_of::<time_t>()) {
        return errno::fail(Errno::FAULT).into();
    }
    // SAFETY: the server's own call.
    unsafe { time::time(time) }
}

/// The last argument of pselect6(2).
#[derive(Clone, Copy)]
#[repr(C)]
pub(super) struct SizedMask {
    set: *const u64,
    size: size_t,
}

/// Does a call with a limit, null for none, and writes what is left of it.
///
/// # Safety
/// Nothing of Rust's is at `limit`.
unsafe fn with_limit(limit: *mut timespec, call: impl FnOnce() -> c_int) -> c_int {
    let (given, began) = match arguments::limit(limit) {
        Ok(Some(given)) => (given, clock::now()),
        Ok(None) => return call(),
        Err(error) => return errno::fail(error),
    };
    let result = call();
    let left = clock::to_timespec(arguments::time_left(given, began, result));
    // SAFETY: given by the caller. A limit that cannot be written is left alone (select(2), "Notes").
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
    // SAFETY: the server's own call.
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
    // SAFETY: the server's own call.
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
    // SAFETY: any bytes are an action.
    let new = match (!action.is_null()).then(|| unsafe { user_memory::read(action) }).transpose() {
        Ok(new) => new.map(KernelAction::to_libc),
        Err(error) => return errno::fail(error),
    };
    let mut before = KernelAction::DEFAULT.to_libc();
    let new = new.as_ref().map_or(ptr::null(), ptr::from_ref);
    // SAFETY: both actions live on this stack; the handler is the server's own, and so is the place for the old one.
    unsafe {
        let result = signal::exchange(number, new, &mut before, kernel_action::sigaction);
        // The kernel, too, sets the new one first.
        if result == 0
            && !old.is_null()
            && let Err(error) = user_memory::write(old, KernelAction::from_libc(&before))
        {
            return errno::fail(error);
        }
        result
    }
}

/// Without libc's function: that one writes a whole `sigset_t` to `old`, and hides libc's own signals.
pub(super) unsafe fn rt_sigprocmask(how: c_int, set: *const u64, old: *mut u64, size: size_t) -> c_long {
    // SAFETY: any bytes are a set.
    let own = unsafe { user_memory::read(set) }.map(|set| signal_mask::without_sigsys(how, set));
    // The kernel refuses what cannot be read.
    let set = own.as_ref().map_or(set, ptr::from_ref);
    // SAFETY: the server's own call, with a set that lives on this stack.
    unsafe { real::syscall(libc::SYS_rt_sigprocmask, how as usize, set as usize, old as usize, size, 0, 0) }
}

/// Does `call` with the kernel's mask as libc's type, which is longer: a sanitizer's function may
/// stand between, and it looks at all of it.
///
/// # Safety
/// That of the call.
unsafe fn with_mask(mask: *const u64, size: size_t, call: impl FnOnce(*const sigset_t) -> c_int) -> c_int {
    if mask.is_null() {
        return call(ptr::null());
    }
    if size != arguments::SIGNAL_SET_BYTES {
        return errno::fail(Errno::INVAL);
    }
    // SAFETY: any bytes are a set.
    let given = match unsafe { user_memory::read(mask) } {
        Ok(given) => given,
        Err(error) => return errno::fail(error),
    };
    let mut own = MaybeUninit::<sigset_t>::zeroed();
    // SAFETY: the kernel's signals are the first ones of libc's, which has room for more.
    unsafe { own.as_mut_ptr().cast::<u64>().write(given) };
    call(own.as_ptr())
}
