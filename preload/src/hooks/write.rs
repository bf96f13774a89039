//! Writing to an internal connection: an idle point when the client has not read for a while.
//!
//! The client reads when it has the driver's role; a server with one thread that blocks in a write
//! has nobody else to take it.

mod messages;

use std::time::Duration;

use libc::{c_int, c_void, iovec, size_t, sockaddr, socklen_t, ssize_t};
use rustix::event::{PollFd, PollFlags};
use rustix::io::Errno;

use super::arguments;
use crate::blocking::BlockingCall;
use crate::blocking::{self, WaitOutcome};
use crate::memory_socket;
use crate::sys::fd_table::{self, Slot};
use crate::sys::user_memory::Unaligned;
use crate::sys::{errno, fd, real};

pub(crate) use messages::{sendmmsg, sendmsg};

pub(crate) unsafe fn write(fd: c_int, buffer: *const c_void, len: size_t) -> ssize_t {
    if !fd_table::is_connection(fd) {
        // SAFETY: the server's own call.
        return unsafe { real::write(fd, buffer, len) };
    }
    match arguments::buffer(buffer, len) {
        Err(error) => errno::fail_size(error),
        // SAFETY: write(2) to a socket is send(2) without flags.
        Ok(()) => unsafe { send(fd, buffer, len, 0) },
    }
}

pub(crate) unsafe fn send(fd: c_int, buffer: *const c_void, len: size_t, flags: c_int) -> ssize_t {
    if !fd_table::is_connection(fd) {
        // SAFETY: the server's own call.
        return unsafe { real::send(fd, buffer, len, flags) };
    }
    let len = len.min(arguments::MAX_TRANSFER_BYTES);
    if let Err(error) = arguments::buffer(buffer, len) {
        return errno::fail_size(error);
    }
    match answered_here(fd) {
        Some(Ok(slot)) => {
            let part = iovec { iov_base: buffer.cast_mut(), iov_len: len };
            // SAFETY: the server's own buffer.
            return unsafe { to_memory(slot, &[Unaligned::new(part)]) };
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
    if !address.is_null()
        && let Err(error) = arguments::address(address, address_len)
    {
        return errno::fail_size(error);
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
    // SAFETY: the server's own array, which it leaves alone during its call.
    match unsafe { arguments::message_of(parts, count) } {
        Err(error) => errno::fail_size(error),
        // The socket is not asked for nothing.
        Ok(None) => 0,
        // SAFETY: a message of ours with the server's own parts.
        Ok(Some(message)) => unsafe { sendmsg(fd, &message, 0) },
    }
}

/// Answers on a virtual connection.
///
/// # Safety
/// Nobody changes the parts and what they point at meanwhile.
unsafe fn to_memory(slot: Slot, parts: &[Unaligned<iovec>]) -> ssize_t {
    // SAFETY: given by the caller.
    match unsafe { memory_socket::write(slot, parts) } {
        Ok(count) => count as ssize_t,
        Err(error) => errno::fail_size(error),
    }
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
