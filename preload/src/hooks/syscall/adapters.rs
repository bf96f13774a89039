//! System calls that differ from libc's functions of their names: signal masks come with their size, and ppoll(2)
//! and pselect6(2) write back how much time is left.

use std::ffi::{c_int, c_long};
use std::mem::MaybeUninit;
use std::ptr;

use libc::{epoll_event, fd_set, nfds_t, pollfd, sigset_t, size_t, timespec};
use rustix::io::Errno;

use crate::hooks::{epoll, poll, select, signal_mask};
use crate::sys::{errno, real};

/// Bytes in the kernel's set of signals: 64 bits. (libc's has room for more.)
const SIGNAL_SET_BYTES: size_t = 8;

/// ppoll(2), which says what is left of the limit: nothing, once it is over.
pub(super) unsafe fn ppoll(
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
        let (set, size) = mask.as_ref().map_or((ptr::null(), 0), |mask| (mask.set, mask.size));
        with_mask(set, size, |mask| {
            time_left(limit, select::pselect(count, readable, writable, urgent, limit, mask))
        })
    }
}

/// The last argument of pselect6(2).
#[repr(C)]
pub(super) struct SizedMask {
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

/// Without libc's function: that one writes a whole `sigset_t` to `old`, and hides libc's own signals.
pub(super) unsafe fn rt_sigprocmask(how: c_int, set: *const u64, old: *mut u64, size: size_t) -> c_long {
    // SAFETY: the server's own pointer.
    let set = unsafe { set.as_ref() }.map(|&set| signal_mask::without_sigsys(how, set));
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
    if size != SIGNAL_SET_BYTES {
        return errno::fail(Errno::INVAL);
    }
    let mut own = MaybeUninit::<sigset_t>::zeroed();
    // SAFETY: given by the caller; the kernel's signals are the first ones of libc's.
    unsafe { own.as_mut_ptr().cast::<u64>().write(*mask) };
    call(own.as_ptr())
}
