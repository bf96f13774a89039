//! Hooks: the functions that replace interposed libc functions, one file per concern. Each has the signature and the
//! safety contract of the libc function (or functions) that it replaces. It decides whether the call concerns the
//! fuzzed listener, an internal connection or an idle point, and otherwise passes it on.

pub(crate) mod accept;
mod arguments;
mod automatic_reaping;
pub(crate) mod bsd_signals;
pub(crate) mod descriptor;
pub(crate) mod early_registrations;
mod epoll;
pub(crate) mod exit;
mod exports;
pub(crate) mod files;
pub(crate) mod formatted;
pub(crate) mod listen;
pub(crate) mod names;
mod own_process;
pub(crate) mod paths;
pub(crate) mod poll;
pub(crate) mod process;
pub(crate) mod pseudo_random;
pub(crate) mod random;
pub(crate) mod read;
mod rights;
pub(crate) mod select;
pub(crate) mod signal;
pub(crate) mod signal_mask;
pub(crate) mod socket_options;
pub(crate) mod streams;
pub(crate) mod syscall;
#[cfg(target_arch = "x86_64")]
pub(crate) mod syscall_trap;
pub(crate) mod thread_creation;
pub(crate) mod time;
pub(crate) mod timed_wait;
pub(crate) mod transfer;
pub(crate) mod wait;
pub(crate) mod write;

use std::os::fd::{AsRawFd, BorrowedFd, RawFd};
use std::time::Duration;

use libc::{c_int, c_void, iovec, pollfd, sigset_t, size_t};
use rustix::event::{PollFd, PollFlags};
use rustix::io::Errno;

use crate::memory_socket::{self, ALWAYS_REPORTED, Interest};
use crate::sys::poll_set::PollSet;
use crate::sys::user_memory::Unaligned;
use crate::sys::{fd, fd_table, signal_guard};

/// Waits in the kernel for `events` on one descriptor, or for any of `others`.
fn sleep_on(
    fd: BorrowedFd<'_>,
    events: PollFlags,
    others: &[PollFd<'_>],
    limit: Option<Duration>,
) -> Result<(), Errno> {
    let number = fd.as_raw_fd();
    let is_ready = || memory_socket::is_ready(number, u32::from(events.bits()) | ALWAYS_REPORTED);
    memory_socket::wait_for_arrival(Interest::in_any([number]), is_ready, |news| {
        // The readiness of a virtual descriptor is not in the kernel; an arrival signals the event instead.
        let own = match news {
            Some(news) => PollFd::from_borrowed_fd(news, PollFlags::IN),
            None => PollFd::from_borrowed_fd(fd, events),
        };
        sleep_on_few(own, others, limit, std::ptr::null())
    })
}

/// Waits in the kernel for one of a few descriptors, without allocating: the call's own, the arrival event and `others`
/// fit into the inline entries of [`PollSet`].
fn sleep_on_few<'a>(
    own: PollFd<'a>,
    others: impl IntoIterator<Item = &'a PollFd<'a>>,
    limit: Option<Duration>,
    mask: *const sigset_t,
) -> Result<(), Errno> {
    let mut few = PollSet::with_room(0)?;
    few.extend(to_entries(std::iter::once(own).chain(others.into_iter().cloned())));
    sleep_in(&mut few, limit, mask)
}

/// Waits by ppoll(2), with `mask` as the set of blocked signals; null keeps the thread's own mask.
fn sleep_in(entries: &mut [pollfd], limit: Option<Duration>, mask: *const sigset_t) -> Result<(), Errno> {
    // SAFETY: `mask` is null or the mask argument of the server's call, which stays valid during the call.
    unsafe { signal_guard::sleep(entries, limit, mask) }.map(drop)
}

/// Poll entry for the event that becomes readable with an arrival, if there is one.
fn readable(news: Option<BorrowedFd<'_>>) -> Option<PollFd<'_>> {
    news.map(|news| PollFd::from_borrowed_fd(news, PollFlags::IN))
}

fn to_entries<'a>(fds: impl Iterator<Item = PollFd<'a>>) -> impl Iterator<Item = pollfd> {
    // SAFETY: `PollFd` has the layout of `pollfd`, in which every value is valid.
    fds.map(|entry| unsafe { std::mem::transmute::<PollFd<'a>, pollfd>(entry) })
}

/// Converts a time limit of poll(2) or epoll_wait(2): milliseconds, negative for none.
fn from_milliseconds(limit: c_int) -> Option<Duration> {
    u64::try_from(limit).ok().map(Duration::from_millis)
}

/// Time limit that the server has set on a blocking connection (socket(7), SO_RCVTIMEO and SO_SNDTIMEO).
fn socket_limit(fd: RawFd, name: c_int) -> Option<Duration> {
    use rustix::net::sockopt::{Timeout, socket_timeout};
    if let Some(slot) = fd_table::slot(fd) {
        return memory_socket::with_timeout(slot, name, |limit| *limit).flatten();
    }
    let which = if name == libc::SO_RCVTIMEO { Timeout::Recv } else { Timeout::Send };
    socket_timeout(fd::borrow(fd), which).ok().flatten()
}

/// Reads a value from the server's memory; `None` for a null pointer.
///
/// # Safety
/// `value` is null, or points at a readable `T`.
unsafe fn value<T: Copy>(value: *const T) -> Option<T> {
    // SAFETY: a `value` that is not null points at a readable `T`, by this function's contract.
    (!value.is_null()).then(|| unsafe { value.read_unaligned() })
}

/// Borrows an array in the server's memory.
///
/// # Safety
/// `first` points at `count` elements, or `count` is 0.
unsafe fn elements<'a, T>(first: *const T, count: usize) -> &'a [Unaligned<T>] {
    // SAFETY: `first` points at `count` elements, by this function's contract; `Unaligned` needs no alignment.
    if count == 0 { &[] } else { unsafe { std::slice::from_raw_parts(first.cast(), count) } }
}

/// Borrows an array in the server's memory for writing.
///
/// # Safety
/// `first` points at `count` elements, or `count` is 0. Nothing else accesses the array while it is borrowed.
unsafe fn elements_mut<'a, T>(first: *mut T, count: usize) -> &'a mut [Unaligned<T>] {
    // SAFETY: `first` points at `count` elements that nothing else accesses, by this function's contract.
    if count == 0 { &mut [] } else { unsafe { std::slice::from_raw_parts_mut(first.cast(), count) } }
}

/// Returns the address of the byte after the first `done` bytes of a message's parts, and the number of bytes from
/// there to the end of its part.
fn part_at(parts: &[Unaligned<iovec>], mut done: usize) -> Option<(*mut c_void, size_t)> {
    for part in parts.iter().map(Unaligned::get) {
        if done < part.iov_len {
            // SAFETY: `done` is less than the length of the part, so the address is within it.
            return Some((unsafe { part.iov_base.byte_add(done) }, part.iov_len - done));
        }
        done -= part.iov_len;
    }
    None
}
