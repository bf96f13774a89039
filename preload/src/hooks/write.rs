//! Writing to an internal connection: an idle point when the client has not read for a while.
//!
//! The client reads when it has the driver's role; a server with one thread that blocks in a write
//! has nobody else to take it.

use std::time::Duration;

use libc::{c_int, c_uint, c_void, iovec, mmsghdr, msghdr, size_t, sockaddr, socklen_t, ssize_t};
use rustix::event::{PollFd, PollFlags};
use rustix::io::Errno;

use super::rights;
use crate::blocking::BlockingCall;
use crate::blocking::{self, WaitOutcome};
use crate::memory_socket;
use crate::sys::fd_table::{self, Slot};
use crate::sys::{errno, fd, real};

pub(crate) unsafe fn write(fd: c_int, buffer: *const c_void, len: size_t) -> ssize_t {
    if !fd_table::is_connection(fd) {
        // SAFETY: the server's own call.
        return unsafe { real::write(fd, buffer, len) };
    }
    // SAFETY: write(2) to a socket is send(2) without flags.
    unsafe { send(fd, buffer, len, 0) }
}

pub(crate) unsafe fn send(fd: c_int, buffer: *const c_void, len: size_t, flags: c_int) -> ssize_t {
    if !fd_table::is_connection(fd) {
        // SAFETY: the server's own call.
        return unsafe { real::send(fd, buffer, len, flags) };
    }
    match answered_here(fd) {
        Some(Ok(slot)) => {
            let part = iovec { iov_base: buffer.cast_mut(), iov_len: len };
            // SAFETY: the server's own buffer.
            return unsafe { memory_socket::write(slot, &[part]) } as ssize_t;
        }
        Some(Err(error)) => return errno::fail_size(error),
        None => {}
    }
    // SAFETY: the rest of the server's own buffer.
    transmit(fd, flags, len, |done, flags| unsafe {
        real::send(fd, buffer.byte_add(done), len - done, flags)
    })
}

pub(crate) unsafe fn sendto(
    fd: c_int,
    buffer: *const c_void,
    len: size_t,
    flags: c_int,
    address: *const sockaddr,
    address_len: socklen_t,
) -> ssize_t {
    if !fd_table::is_connection(fd) {
        // SAFETY: the server's own call.
        return unsafe { real::sendto(fd, buffer, len, flags, address, address_len) };
    }
    // A connected stream ignores the address (send(2)).
    // SAFETY: the server's own buffer.
    unsafe { send(fd, buffer, len, flags) }
}

pub(crate) unsafe fn writev(fd: c_int, parts: *const iovec, count: c_int) -> ssize_t {
    if !fd_table::is_connection(fd) {
        // SAFETY: the server's own call.
        return unsafe { real::writev(fd, parts, count) };
    }
    // SAFETY: all zeroes is an empty message.
    let mut message: msghdr = unsafe { std::mem::zeroed() };
    message.msg_iov = parts.cast_mut();
    message.msg_iovlen = count.max(0).unsigned_abs() as _;
    // SAFETY: the server's own buffers.
    unsafe { sendmsg(fd, &message, 0) }
}

pub(crate) unsafe fn sendmsg(fd: c_int, message: *const msghdr, flags: c_int) -> ssize_t {
    if !fd_table::is_connection(fd) {
        // SAFETY: the server's own call.
        return unsafe {
            rights::pass_on(message);
            real::sendmsg(fd, message, flags)
        };
    }
    // SAFETY: the server's own message, whose parts sendmsg(2) wants valid.
    let parts = unsafe { super::elements((*message).msg_iov, (*message).msg_iovlen) };
    match answered_here(fd) {
        // SAFETY: as above.
        Some(Ok(slot)) => return unsafe { memory_socket::write(slot, parts) } as ssize_t,
        Some(Err(error)) => return errno::fail_size(error),
        None => {}
    }
    let total = parts.iter().map(|part| part.iov_len).sum();
    transmit(fd, flags, total, |done, flags| {
        if done == 0 {
            // SAFETY: the server's own message.
            return unsafe { real::sendmsg(fd, message, flags) };
        }
        let Some((start, len)) = super::part_at(parts, done) else { return 0 };
        // SAFETY: within one of the server's own buffers.
        unsafe { real::send(fd, start, len, flags) }
    })
}

pub(crate) unsafe fn sendmmsg(fd: c_int, messages: *mut mmsghdr, count: c_uint, flags: c_int) -> c_int {
    if !fd_table::is_connection(fd) {
        // SAFETY: the server's own call.
        return unsafe { real::sendmmsg(fd, messages, count, flags) };
    }
    // SAFETY: the server's own messages.
    let messages = unsafe { super::elements_mut(messages, count as usize) };
    // SAFETY: one of the server's own messages.
    super::one_by_one(messages, |header, _| unsafe { sendmsg(fd, header, flags) })
}

/// Where an answer is only noted, or why it cannot be given. Of one that reaches nobody the kernel
/// says so, by its signal too.
fn answered_here(fd: c_int) -> Option<Result<Slot, Errno>> {
    let slot = fd_table::slot(fd)?;
    match memory_socket::take_error(slot) {
        Some(error) => Some(Err(error)),
        None => memory_socket::is_writable(slot).then_some(Ok(slot)),
    }
}

/// Sends `total` bytes by `call`, which is given how many are done and the flags to use. A blocking
/// call of the server's returns when all are sent, like the kernel's.
fn transmit(fd: c_int, flags: c_int, total: size_t, call: impl FnMut(usize, c_int) -> ssize_t) -> ssize_t {
    let mut call = Transmit { fd, flags, done: 0, call };
    loop {
        let result = match call.attempt() {
            Some(result) => result,
            None if flags & libc::MSG_DONTWAIT != 0 || memory_socket::fd_is_nonblocking(fd) => {
                errno::fail_size(Errno::AGAIN)
            }
            None if !blocking::intercepts_calls() => (call.call)(call.done, flags),
            None => match blocking::wait(&mut call, super::socket_limit(fd, libc::SO_SNDTIMEO)) {
                WaitOutcome::Done(result) => result,
                WaitOutcome::TimedOut => errno::fail_size(Errno::AGAIN),
                WaitOutcome::Interrupted => errno::fail_size(Errno::INTR),
            },
        };
        if result < 0 {
            return if call.done > 0 { call.done as ssize_t } else { result };
        }
        call.done += result.unsigned_abs();
        if call.done >= total || flags & libc::MSG_DONTWAIT != 0 || memory_socket::fd_is_nonblocking(fd) {
            return call.done as ssize_t;
        }
    }
}

struct Transmit<F> {
    fd: c_int,
    flags: c_int,
    done: usize,
    call: F,
}

impl<F: FnMut(usize, c_int) -> ssize_t> BlockingCall for Transmit<F> {
    type Output = ssize_t;

    fn attempt(&mut self) -> Option<ssize_t> {
        let result = (self.call)(self.done, self.flags | libc::MSG_DONTWAIT);
        (result >= 0 || errno::last() != Errno::AGAIN).then_some(result)
    }

    fn sleep(&self, others: &[PollFd<'_>], limit: Option<Duration>) -> Result<(), Errno> {
        super::sleep_on(fd::borrow(self.fd), PollFlags::OUT, others, limit)
    }
}
