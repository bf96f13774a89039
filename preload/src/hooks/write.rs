//! Writing to an internal connection, which is an idle point if the client has not read for a while.
//!
//! The client reads when a thread acts as the driver. In a server with one thread, that must be the
//! thread that blocks in a write.

mod messages;

use std::time::Duration;

use libc::{c_int, c_void, iovec, size_t, sockaddr, socklen_t, ssize_t};
use rustix::event::{PollFd, PollFlags};
use rustix::io::Errno;

use super::arguments;
use crate::blocking::BlockingCall;
use crate::blocking::{self, WaitOutcome};
use crate::memory_socket;
use crate::recording;
use crate::sys::fd_table::{self, Slot};
use crate::sys::user_memory::Unaligned;
use crate::sys::{errno, fd, real};

pub(crate) use messages::{sendmmsg, sendmsg};

pub(crate) unsafe fn write(fd: c_int, buffer: *const c_void, len: size_t) -> ssize_t {
    if !fd_table::is_connection(fd) {
        recording::answers(fd);
        // SAFETY: the caller upholds the contract of write(2); the arguments are unchanged.
        return unsafe { real::write(fd, buffer, len) };
    }
    match arguments::buffer(buffer, len) {
        Err(error) => errno::fail_size(error),
        // SAFETY: the caller upholds the contract of write(2), which for a socket is send(2) without flags.
        Ok(()) => unsafe { send(fd, buffer, len, 0) },
    }
}

pub(crate) unsafe fn send(fd: c_int, buffer: *const c_void, len: size_t, flags: c_int) -> ssize_t {
    if !fd_table::is_connection(fd) {
        recording::answers(fd);
        // SAFETY: the caller upholds the contract of send(2); the arguments are unchanged.
        return unsafe { real::send(fd, buffer, len, flags) };
    }
    let len = len.min(arguments::MAX_TRANSFER_BYTES);
    if let Err(error) = arguments::buffer(buffer, len) {
        return errno::fail_size(error);
    }
    match answered_here(fd) {
        Some(Ok(slot)) => {
            let part = iovec { iov_base: buffer.cast_mut(), iov_len: len };
            // SAFETY: the server does not change its buffer during its call.
            return unsafe { to_memory(slot, &[Unaligned::new(part)]) };
        }
        Some(Err(error)) => return errno::fail_size(error),
        None => {}
    }
    // SAFETY: `done` is less than `len`, or both are 0, so this is the rest of the server's buffer.
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
        recording::answers(fd);
        // SAFETY: the caller upholds the contract of sendto(2); the arguments are unchanged.
        return unsafe { real::sendto(fd, buffer, len, flags, address, address_len) };
    }
    if !address.is_null()
        && let Err(error) = arguments::address(address, address_len)
    {
        return errno::fail_size(error);
    }
    // A connected stream ignores the address (send(2)).
    // SAFETY: the caller upholds the contract of sendto(2), which for the buffer is that of send(2).
    unsafe { send(fd, buffer, len, flags) }
}

pub(crate) unsafe fn writev(fd: c_int, parts: *const iovec, count: c_int) -> ssize_t {
    if !fd_table::is_connection(fd) {
        recording::answers(fd);
        // SAFETY: the caller upholds the contract of writev(2); the arguments are unchanged.
        return unsafe { real::writev(fd, parts, count) };
    }
    // SAFETY: the server does not change its array of parts during its call.
    match unsafe { arguments::message_of(parts, count) } {
        Err(error) => errno::fail_size(error),
        // An empty write does not reach the socket.
        Ok(None) => 0,
        // SAFETY: the message is on this stack, and the caller upholds the contract of writev(2) for its parts.
        Ok(Some(message)) => unsafe { sendmsg(fd, &message, 0) },
    }
}

/// Writes an answer to a virtual connection.
///
/// # Safety
/// Nobody changes the parts, or the bytes that they point at, during the call.
unsafe fn to_memory(slot: Slot, parts: &[Unaligned<iovec>]) -> ssize_t {
    // SAFETY: the parts are the server's buffers, and nobody changes them, by this function's contract.
    match unsafe { memory_socket::write(slot, parts) } {
        Ok(count) => count as ssize_t,
        Err(error) => errno::fail_size(error),
    }
}

/// Slot of a virtual connection that takes the answer, or its pending error. `None` also if the answer cannot reach the
/// client: then the kernel fails the call, and sends its signal.
fn answered_here(fd: c_int) -> Option<Result<Slot, Errno>> {
    let slot = fd_table::slot(fd)?;
    match memory_socket::take_error(slot) {
        Some(error) => Some(Err(error)),
        None => memory_socket::is_writable(slot).then_some(Ok(slot)),
    }
}

/// Sends `total` bytes by `call`, which gets the number of bytes that are done and the flags to use. Like the kernel's,
/// a blocking call of the server's returns when all are sent.
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
