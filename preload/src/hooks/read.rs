//! Reading from an internal connection: an idle point when nothing is there.

use std::time::Duration;

use libc::{c_int, c_uint, c_void, iovec, mmsghdr, msghdr, size_t, sockaddr, socklen_t, ssize_t, timespec};
use rustix::event::{PollFd, PollFlags};
use rustix::io::Errno;

use super::{random, rights};
use crate::blocking::BlockingCall;
use crate::blocking::{self, WaitOutcome};
use crate::memory_socket;
use crate::sys::fd_table::{self, FdKind, Slot};
use crate::sys::{errno, fd, real};

pub(crate) unsafe fn read(fd: c_int, buffer: *mut c_void, len: size_t) -> ssize_t {
    match fd_table::kind(fd) {
        // SAFETY: read(2) of a socket is recv(2) without flags.
        FdKind::Connection | FdKind::Virtual(_) => unsafe { recv(fd, buffer, len, 0) },
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
    let mut done = 0;
    loop {
        // SAFETY: the rest of the server's own buffer.
        let result = receive(fd, flags, |flags| unsafe {
            let part = iovec { iov_base: buffer.byte_add(done), iov_len: len - done };
            match answered_here(fd, flags) {
                Some(slot) => from_memory(slot, &[part], flags),
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
    if !address_len.is_null() {
        // On a stream no address comes with the bytes (recv(2)).
        // SAFETY: the server's own pointer.
        unsafe { *address_len = 0 };
    }
    // SAFETY: the server's own buffer.
    unsafe { recv(fd, buffer, len, flags) }
}

pub(crate) unsafe fn readv(fd: c_int, parts: *const iovec, count: c_int) -> ssize_t {
    if !fd_table::is_connection(fd) {
        // SAFETY: the server's own call.
        return unsafe { real::readv(fd, parts, count) };
    }
    // SAFETY: all zeroes is an empty message.
    let mut message: msghdr = unsafe { std::mem::zeroed() };
    message.msg_iov = parts.cast_mut();
    message.msg_iovlen = count.max(0).unsigned_abs() as _;
    // SAFETY: the server's own buffers.
    unsafe { recvmsg(fd, &mut message, 0) }
}

pub(crate) unsafe fn recvmsg(fd: c_int, message: *mut msghdr, flags: c_int) -> ssize_t {
    if !fd_table::is_connection(fd) {
        // SAFETY: the server's own call, and the message as the kernel has filled it.
        return unsafe {
            let result = real::recvmsg(fd, message, flags);
            if result >= 0 {
                rights::recognise(message);
            }
            result
        };
    }
    // SAFETY: the server's own message.
    let first = receive(fd, flags, |flags| unsafe {
        match answered_here(fd, flags) {
            Some(slot) => {
                let message = &mut *message;
                (message.msg_namelen, message.msg_controllen, message.msg_flags) = (0, 0, 0);
                from_memory(slot, super::elements(message.msg_iov, message.msg_iovlen), flags)
            }
            None => real::recvmsg(fd, message, flags),
        }
    });
    if first <= 0 || !waits_for_all(flags) {
        return first;
    }
    // SAFETY: the server's own message, whose parts recvmsg(2) wants valid.
    let parts = unsafe { super::elements((*message).msg_iov, (*message).msg_iovlen) };
    let mut done = first.unsigned_abs();
    while let Some((start, len)) = super::part_at(parts, done) {
        // SAFETY: within one of the server's own buffers.
        match unsafe { recv(fd, start, len, flags) } {
            ..=0 => break,
            more => done += more.unsigned_abs(),
        }
    }
    done as ssize_t
}

/// The time limit is left out: it is looked at between messages only (recvmmsg(2), "Bugs").
pub(crate) unsafe fn recvmmsg(
    fd: c_int,
    messages: *mut mmsghdr,
    count: c_uint,
    flags: c_int,
    limit: *mut timespec,
) -> c_int {
    if !fd_table::is_connection(fd) {
        // SAFETY: the server's own call.
        return unsafe { real::recvmmsg(fd, messages, count, flags, limit) };
    }
    // SAFETY: the server's own messages.
    let messages = unsafe { super::elements_mut(messages, count as usize) };
    super::one_by_one(messages, |header, done| {
        let later = if done > 0 && flags & libc::MSG_WAITFORONE != 0 { libc::MSG_DONTWAIT } else { 0 };
        // SAFETY: one of the server's own messages.
        unsafe { recvmsg(fd, header, flags & !libc::MSG_WAITFORONE | later) }
    })
}

/// Whether a call is to return only when the buffer is full, or the connection is over.
fn waits_for_all(flags: c_int) -> bool {
    flags & libc::MSG_WAITALL != 0 && flags & (libc::MSG_PEEK | libc::MSG_DONTWAIT) == 0
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
unsafe fn from_memory(slot: Slot, parts: &[iovec], flags: c_int) -> ssize_t {
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
