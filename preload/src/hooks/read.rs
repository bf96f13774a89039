//! Reading from an internal connection: an idle point when nothing is there.

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
use crate::sys::fd_table::{self, FdKind, Slot};
use crate::sys::user_memory::Unaligned;
use crate::sys::{errno, fd, real};

pub(crate) use messages::{recvmmsg, recvmsg};

pub(crate) unsafe fn read(fd: c_int, buffer: *mut c_void, len: size_t) -> ssize_t {
    match fd_table::kind(fd) {
        FdKind::Connection | FdKind::Virtual(_) => match arguments::buffer(buffer, len) {
            Err(error) => errno::fail_size(error),
            // The socket is not asked for nothing.
            Ok(()) if len == 0 => 0,
            // SAFETY: read(2) of a socket is recv(2) without flags.
            Ok(()) => unsafe { recv(fd, buffer, len, 0) },
        },
        // SAFETY: the server's own buffer.
        FdKind::Random => unsafe { random::draw(buffer, len) },
        // SAFETY: the server's own call.
        _ => unsafe { real::read(fd, buffer, len) },
    }
}

pub(crate) unsafe fn recv(fd: c_int, buffer: *mut c_void, len: size_t, flags: c_int) -> ssize_t {
    if !fd_table::is_connection(fd) {
        // SAFETY: the server's own call.
        return unsafe { real::recv(fd, buffer, len, flags) };
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
        // SAFETY: the rest of the server's own buffer.
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
        // SAFETY: the server's own call.
        return unsafe { real::recvfrom(fd, buffer, len, flags, address, address_len) };
    }
    // SAFETY: the server's own buffer.
    let result = unsafe { recv(fd, buffer, len, flags) };
    // On a stream no address comes with the bytes (recv(2)).
    // SAFETY: the server's own pointer.
    match (result >= 0 && !address.is_null()).then(|| unsafe { arguments::write_no_address(address_len) }) {
        Some(Err(error)) => errno::fail_size(error),
        _ => result,
    }
}

pub(crate) unsafe fn readv(fd: c_int, parts: *const iovec, count: c_int) -> ssize_t {
    if !fd_table::is_connection(fd) {
        // SAFETY: the server's own call.
        return unsafe { real::readv(fd, parts, count) };
    }
    // SAFETY: the server's own array, which it leaves alone during its call.
    match unsafe { arguments::message_of(parts, count) } {
        Err(error) => errno::fail_size(error),
        // The socket is not asked for nothing.
        Ok(None) => 0,
        // SAFETY: a message of ours with the server's own parts.
        Ok(Some(mut message)) => unsafe { recvmsg(fd, &mut message, 0) },
    }
}

/// Whether a call is to return only when the buffer is full, or the connection is over.
fn waits_for_all(flags: c_int) -> bool {
    flags & libc::MSG_WAITALL != 0 && flags & (libc::MSG_PEEK | libc::MSG_DONTWAIT) == 0
}

/// Whether a call asks for errors that came by the network (ip(7), MSG_ERRQUEUE): loopback has none. A UNIX-domain
/// socket has no such queue and ignores the flag.
fn asks_for_errors(fd: c_int, flags: c_int) -> bool {
    flags & libc::MSG_ERRQUEUE != 0 && names::is_tcp(fd)
}

/// Where bytes go that the server wants dropped (tcp(7), MSG_TRUNC). A UNIX-domain socket would store them.
fn discard_buffer(fd: c_int, flags: c_int) -> Option<iovec> {
    /// Bytes that nobody reads.
    struct Discarded(UnsafeCell<[u8; 64 << 10]>);
    // SAFETY: it is written by the kernel and by copies from memory, and never read.
    unsafe impl Sync for Discarded {}
    static DISCARDED: Discarded = Discarded(UnsafeCell::new([0; 64 << 10]));
    (flags & libc::MSG_TRUNC != 0 && names::is_tcp(fd))
        .then(|| iovec { iov_base: DISCARDED.0.get().cast(), iov_len: 64 << 10 })
}

/// The fortified name: `size` is what the compiler knows of the buffer.
pub(crate) unsafe fn read_chk(fd: c_int, buffer: *mut c_void, len: size_t, size: size_t) -> ssize_t {
    if len > size {
        // SAFETY: libc ends the process, as it would without us.
        return unsafe { real::__read_chk(fd, buffer, len, size) };
    }
    // SAFETY: the server's own call.
    unsafe { read(fd, buffer, len) }
}

/// The fortified name: `size` is what the compiler knows of the buffer.
pub(crate) unsafe fn recv_chk(
    fd: c_int,
    buffer: *mut c_void,
    len: size_t,
    size: size_t,
    flags: c_int,
) -> ssize_t {
    if len > size {
        // SAFETY: libc ends the process, as it would without us.
        return unsafe { real::__recv_chk(fd, buffer, len, size, flags) };
    }
    // SAFETY: the server's own call.
    unsafe { recv(fd, buffer, len, flags) }
}

/// The fortified name: `size` is what the compiler knows of the buffer.
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
        // SAFETY: libc ends the process, as it would without us.
        return unsafe { real::__recvfrom_chk(fd, buffer, len, size, flags, address, address_len) };
    }
    // SAFETY: the server's own call.
    unsafe { recvfrom(fd, buffer, len, flags, address, address_len) }
}

/// Does `call`, given the flags to use; waits at an idle point if the server would.
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

/// Where the bytes are, if they are ours; the kernel knows best what to say to the odd flags.
fn answered_here(fd: c_int, flags: c_int) -> Option<Slot> {
    fd_table::slot(fd).filter(|_| flags & (libc::MSG_OOB | libc::MSG_ERRQUEUE) == 0)
}

/// # Safety
/// The parts are the server's own buffers.
unsafe fn from_memory(slot: Slot, parts: &[Unaligned<iovec>], flags: c_int) -> ssize_t {
    // SAFETY: given by the caller.
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
