//! Reading from an internal connection, which is an idle point if there are no bytes.

mod messages;

use std::cell::UnsafeCell;
use std::time::Duration;

use libc::{c_int, c_void, iovec, size_t, sockaddr, socklen_t, ssize_t};
use rustix::event::{PollFd, PollFlags};
use rustix::io::Errno;

use super::{arguments, names, random};
use crate::blocking::BlockingCall;
use crate::blocking::{self, WaitOutcome};
use crate::memory_socket;
use crate::recording;
use crate::sys::fd_table::{self, FdKind, Slot};
use crate::sys::user_memory::Unaligned;
use crate::sys::{errno, fd, real};

pub(crate) use messages::{recvmmsg, recvmsg};

pub(crate) unsafe fn read(fd: c_int, buffer: *mut c_void, len: size_t) -> ssize_t {
    match fd_table::kind(fd) {
        FdKind::Connection | FdKind::Virtual(_) => match arguments::buffer(buffer, len) {
            Err(error) => errno::fail_size(error),
            // An empty read does not reach the socket.
            Ok(()) if len == 0 => 0,
            // SAFETY: the caller upholds the contract of read(2), which for a socket is recv(2) without flags.
            Ok(()) => unsafe { recv(fd, buffer, len, 0) },
        },
        // SAFETY: the buffer is the server's: no Rust reference points there.
        FdKind::Random => unsafe { random::draw(buffer, len) },
        // SAFETY: the caller upholds the contract of read(2); the arguments are unchanged.
        _ => unsafe { recording::received(fd, buffer, len, 0, real::read(fd, buffer, len)) },
    }
}

pub(crate) unsafe fn recv(fd: c_int, buffer: *mut c_void, len: size_t, flags: c_int) -> ssize_t {
    if !fd_table::is_connection(fd) {
        // SAFETY: the caller upholds the contract of recv(2); the arguments are unchanged.
        return unsafe { recording::received(fd, buffer, len, flags, real::recv(fd, buffer, len, flags)) };
    }
    if asks_for_errors(fd, flags) {
        return errno::fail_size(Errno::AGAIN);
    }
    let (buffer, len) = match discard_buffer(fd, flags) {
        Some(discarded) => (discarded.iov_base, len.min(discarded.iov_len)),
        None => (buffer, len.min(arguments::MAX_TRANSFER_BYTES)),
    };
    if let Err(error) = arguments::buffer(buffer, len) {
        return errno::fail_size(error);
    }
    let mut done = 0;
    loop {
        // SAFETY: `done` is at most `len`, so the part is within the server's buffer, or the one for discarded bytes.
        let result = receive(fd, flags, |flags| unsafe {
            let part = iovec { iov_base: buffer.byte_add(done), iov_len: len - done };
            match answered_here(fd, flags) {
                Some(slot) => from_memory(slot, &[Unaligned::new(part)], flags),
                None => real::recv(fd, part.iov_base, part.iov_len, flags),
            }
        });
        if result <= 0 {
            return if done > 0 { done as ssize_t } else { result };
        }
        done += result.unsigned_abs();
        if !waits_for_all(flags) || done == len {
            return done as ssize_t;
        }
    }
}

pub(crate) unsafe fn recvfrom(
    fd: c_int,
    buffer: *mut c_void,
    len: size_t,
    flags: c_int,
    address: *mut sockaddr,
    address_len: *mut socklen_t,
) -> ssize_t {
    if !fd_table::is_connection(fd) {
        // SAFETY: the caller upholds the contract of recvfrom(2); the arguments are unchanged.
        return unsafe {
            let result = real::recvfrom(fd, buffer, len, flags, address, address_len);
            recording::received(fd, buffer, len, flags, result)
        };
    }
    // SAFETY: the caller upholds the contract of recvfrom(2), which for the buffer is that of recv(2).
    let result = unsafe { recv(fd, buffer, len, flags) };
    // On a stream no address comes with the bytes (recv(2)).
    // SAFETY: `address_len` is the server's: no Rust reference points there.
    match (result >= 0 && !address.is_null()).then(|| unsafe { arguments::write_no_address(address_len) }) {
        Some(Err(error)) => errno::fail_size(error),
        _ => result,
    }
}

pub(crate) unsafe fn readv(fd: c_int, parts: *const iovec, count: c_int) -> ssize_t {
    if !fd_table::is_connection(fd) {
        // SAFETY: the caller upholds the contract of readv(2); the arguments are unchanged.
        return unsafe {
            let result = real::readv(fd, parts, count);
            recording::received_parts(fd, read_into(parts, count as usize, result), 0, result)
        };
    }
    // SAFETY: the server does not change its array of parts during its call.
    match unsafe { arguments::message_of(parts, count) } {
        Err(error) => errno::fail_size(error),
        // An empty read does not reach the socket.
        Ok(None) => 0,
        // SAFETY: the message is on this stack, and the caller upholds the contract of readv(2) for its parts.
        Ok(Some(mut message)) => unsafe { recvmsg(fd, &mut message, 0) },
    }
}

/// Borrows the parts that a call has read into; none if it has read nothing.
///
/// # Safety
/// A call of the server's with a positive result has used them.
unsafe fn read_into<'a>(first: *const iovec, count: usize, result: ssize_t) -> &'a [Unaligned<iovec>] {
    // SAFETY: the kernel has read the array, by this function's contract.
    unsafe { super::elements(first, if result > 0 { count } else { 0 }) }
}

/// Whether a call returns only when the buffer is full or the connection has ended (recv(2), MSG_WAITALL).
fn waits_for_all(flags: c_int) -> bool {
    flags & libc::MSG_WAITALL != 0 && flags & (libc::MSG_PEEK | libc::MSG_DONTWAIT) == 0
}

/// Whether a call asks for errors from the network (ip(7), MSG_ERRQUEUE), of which loopback has none. A UNIX-domain
/// socket has no such queue and ignores the flag.
fn asks_for_errors(fd: c_int, flags: c_int) -> bool {
    flags & libc::MSG_ERRQUEUE != 0 && names::is_tcp(fd)
}

/// Buffer for bytes that the server discards (tcp(7), MSG_TRUNC). A UNIX-domain socket would store them.
fn discard_buffer(fd: c_int, flags: c_int) -> Option<iovec> {
    /// Buffer that is never read.
    struct Discarded(UnsafeCell<[u8; 64 << 10]>);
    // SAFETY: only the kernel and copies from memory write to the buffer, and nothing reads it.
    unsafe impl Sync for Discarded {}
    static DISCARDED: Discarded = Discarded(UnsafeCell::new([0; 64 << 10]));
    (flags & libc::MSG_TRUNC != 0 && names::is_tcp(fd))
        .then(|| iovec { iov_base: DISCARDED.0.get().cast(), iov_len: 64 << 10 })
}

/// Fortified variant of read(2): `size` is the size of the buffer, as determined by the compiler.
pub(crate) unsafe fn read_chk(fd: c_int, buffer: *mut c_void, len: size_t, size: size_t) -> ssize_t {
    if len > size {
        // SAFETY: libc's function has no precondition for a small buffer: it ends the process.
        return unsafe { real::__read_chk(fd, buffer, len, size) };
    }
    // SAFETY: the caller upholds the contract of read(2), which the fortified variant has, too.
    unsafe { read(fd, buffer, len) }
}

/// Fortified variant of recv(2): `size` is the size of the buffer, as determined by the compiler.
pub(crate) unsafe fn recv_chk(
    fd: c_int,
    buffer: *mut c_void,
    len: size_t,
    size: size_t,
    flags: c_int,
) -> ssize_t {
    if len > size {
        // SAFETY: libc's function has no precondition for a small buffer: it ends the process.
        return unsafe { real::__recv_chk(fd, buffer, len, size, flags) };
    }
    // SAFETY: the caller upholds the contract of recv(2), which the fortified variant has, too.
    unsafe { recv(fd, buffer, len, flags) }
}

/// Fortified variant of recvfrom(2): `size` is the size of the buffer, as determined by the compiler.
pub(crate) unsafe fn recvfrom_chk(
    fd: c_int,
    buffer: *mut c_void,
    len: size_t,
    size: size_t,
    flags: c_int,
    address: *mut sockaddr,
    address_len: *mut socklen_t,
) -> ssize_t {
    if len > size {
        // SAFETY: libc's function has no precondition for a small buffer: it ends the process.
        return unsafe { real::__recvfrom_chk(fd, buffer, len, size, flags, address, address_len) };
    }
    // SAFETY: the caller upholds the contract of recvfrom(2), which the fortified variant has, too.
    unsafe { recvfrom(fd, buffer, len, flags, address, address_len) }
}

/// Performs `call`, which gets the flags to use; waits at an idle point if the server's call would.
fn receive(fd: c_int, flags: c_int, call: impl FnMut(c_int) -> ssize_t) -> ssize_t {
    let mut call = Receive { fd, flags, call };
    if let Some(result) = call.attempt() {
        return result;
    }
    if flags & libc::MSG_DONTWAIT != 0 || memory_socket::fd_is_nonblocking(fd) {
        return errno::fail_size(Errno::AGAIN);
    }
    if !blocking::intercepts_calls() {
        return (call.call)(flags);
    }
    match blocking::wait(&mut call, super::socket_limit(fd, libc::SO_RCVTIMEO)) {
        WaitOutcome::Done(result) => result,
        WaitOutcome::TimedOut => errno::fail_size(Errno::AGAIN),
        WaitOutcome::Interrupted => errno::fail_size(Errno::INTR),
    }
}

/// Slot of a virtual connection that answers the call; `None` also for rare flags, which are left to the kernel.
fn answered_here(fd: c_int, flags: c_int) -> Option<Slot> {
    fd_table::slot(fd).filter(|_| flags & (libc::MSG_OOB | libc::MSG_ERRQUEUE) == 0)
}

/// # Safety
/// The parts are the server's own buffers.
unsafe fn from_memory(slot: Slot, parts: &[Unaligned<iovec>], flags: c_int) -> ssize_t {
    // SAFETY: the parts are the server's own buffers, by this function's contract.
    match unsafe { memory_socket::receive(slot, parts, flags & libc::MSG_PEEK != 0) } {
        Ok(count) => count as ssize_t,
        Err(error) => errno::fail_size(error),
    }
}

struct Receive<F> {
    fd: c_int,
    flags: c_int,
    call: F,
}

impl<F: FnMut(c_int) -> ssize_t> BlockingCall for Receive<F> {
    type Output = ssize_t;

    fn attempt(&mut self) -> Option<ssize_t> {
        let result = (self.call)(self.flags | libc::MSG_DONTWAIT);
        (result >= 0 || errno::last() != Errno::AGAIN).then_some(result)
    }

    fn sleep(&self, others: &[PollFd<'_>], limit: Option<Duration>) -> Result<(), Errno> {
        super::sleep_on(fd::borrow(self.fd), PollFlags::IN, others, limit)
    }
}
