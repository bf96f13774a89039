//! recvmsg(2) and recvmmsg(2) on an internal connection.

use libc::{c_int, c_uint, iovec, mmsghdr, msghdr, ssize_t, timespec};
use rustix::io::Errno;

use super::{
    answered_here, asks_for_errors, discard_buffer, from_memory, read_into, receive, recv, waits_for_all,
};
use crate::determinism::clock;
use crate::hooks::{arguments, elements, part_at, rights};
use crate::recording;
use crate::sys::user_memory::Unaligned;
use crate::sys::{errno, fd_table, real, user_memory};

pub(crate) unsafe fn recvmsg(fd: c_int, message: *mut msghdr, flags: c_int) -> ssize_t {
    if !fd_table::is_connection(fd) {
        // SAFETY: the caller upholds the contract of recvmsg(2); after a success, the kernel has filled the message.
        return unsafe {
            let result = real::recvmsg(fd, message, flags);
            if result >= 0 {
                rights::recognise(message);
            }
            received(fd, message, flags, result)
        };
    }
    // SAFETY: the server does not change its array of parts during its call.
    let (mut header, parts) = match unsafe { arguments::message(message) } {
        Ok(_) if asks_for_errors(fd, flags) => return errno::fail_size(Errno::AGAIN),
        Ok(checked) => checked,
        Err(error) => return errno::fail_size(error),
    };
    let discarded = discard_buffer(fd, flags).map(|discarded| {
        let iov_len = discarded.iov_len.min(arguments::total(parts));
        [Unaligned::new(iovec { iov_len, ..discarded })]
    });
    let parts = discarded.as_ref().map_or(parts, <[_; 1]>::as_slice);
    (header.msg_iov, header.msg_iovlen) = (parts.as_ptr().cast_mut().cast(), parts.len() as _);
    let first = receive(fd, flags, |flags| match answered_here(fd, flags) {
        Some(slot) => {
            (header.msg_namelen, header.msg_controllen) = (0, 0);
            header.msg_flags = flags & libc::MSG_CMSG_CLOEXEC;
            // SAFETY: the parts are the server's own buffers, or the one for discarded bytes.
            unsafe { from_memory(slot, parts, flags) }
        }
        // SAFETY: `header` is a copy of the server's message, for which the caller upholds the contract of recvmsg(2).
        None => unsafe { real::recvmsg(fd, &mut header, flags) },
    });
    if first < 0 {
        return first;
    }
    // SAFETY: `message` is the server's: no Rust reference points there.
    if let Err(error) = unsafe { write_back(&header, message) } {
        return errno::fail_size(error);
    }
    if first == 0 || !waits_for_all(flags) {
        return first;
    }
    let mut done = first.unsigned_abs();
    while let Some((start, len)) = part_at(parts, done) {
        // SAFETY: `part_at` returns bytes within one of the parts.
        match unsafe { recv(fd, start, len, flags) } {
            ..=0 => break,
            more => done += more.unsigned_abs(),
        }
    }
    done as ssize_t
}

/// Records what a call has read into a message, and returns the result of the call.
///
/// # Safety
/// The message is as the call has left it.
unsafe fn received(fd: c_int, message: *const msghdr, flags: c_int, result: ssize_t) -> ssize_t {
    // SAFETY: a call that has read something has used the message and its parts, by this function's contract.
    unsafe {
        let parts = match result {
            1.. => read_into((*message).msg_iov, (*message).msg_iovlen, result),
            _ => &[],
        };
        recording::received_parts(fd, parts, flags, result)
    }
}

/// Writes those fields of a message's header that the kernel writes.
///
/// # Safety
/// No Rust reference points at `message`.
unsafe fn write_back(header: &msghdr, message: *mut msghdr) -> Result<(), Errno> {
    // SAFETY: `user_memory` checks the fields, and no Rust reference points there, by this function's contract.
    unsafe {
        if !header.msg_name.is_null() {
            user_memory::write(&raw mut (*message).msg_namelen, header.msg_namelen)?;
        }
        user_memory::write(&raw mut (*message).msg_flags, header.msg_flags)?;
        user_memory::write(&raw mut (*message).msg_controllen, header.msg_controllen)
    }
}

pub(crate) unsafe fn recvmmsg(
    fd: c_int,
    messages: *mut mmsghdr,
    count: c_uint,
    flags: c_int,
    limit: *mut timespec,
) -> c_int {
    if !fd_table::is_connection(fd) {
        // SAFETY: the caller upholds the contract of recvmmsg(2); the arguments are unchanged.
        return unsafe {
            let received_count = real::recvmmsg(fd, messages, count, flags, limit);
            for message in elements(messages, received_count.max(0).unsigned_abs() as usize) {
                received(fd, &message.get().msg_hdr, flags, message.get().msg_len as ssize_t);
            }
            received_count
        };
    }
    let wanted = match arguments::limit(limit) {
        Ok(wanted) => wanted,
        Err(error) => return errno::fail(error),
    };
    let began = clock::now();
    let later = if flags & libc::MSG_WAITFORONE != 0 { libc::MSG_DONTWAIT } else { 0 };
    // SAFETY: messages and limit are the server's, so no Rust reference points there. `recvmsg` and `user_memory` check
    // their addresses.
    arguments::one_by_one(count, |done| unsafe {
        let flags = flags & !libc::MSG_WAITFORONE | if done > 0 { later } else { 0 };
        let message = messages.wrapping_add(done);
        let received = recvmsg(fd, message.cast(), flags);
        if received < 0 {
            return Err(errno::last());
        }
        user_memory::write(&raw mut (*message).msg_len, received as c_uint)?;
        // The limit is checked only between messages (recvmmsg(2), "Bugs").
        let Some(wanted) = wanted else { return Ok(true) };
        let left = wanted.saturating_sub(clock::now().saturating_sub(began));
        user_memory::write(limit, clock::to_timespec(left))?;
        Ok(!left.is_zero())
    })
}
