//! sendmsg(2) and sendmmsg(2) on an internal connection.

use std::ptr;

use libc::{c_int, c_uint, cmsghdr, mmsghdr, msghdr, ssize_t};
use rustix::io::Errno;

use super::{answered_here, to_memory, transmit};
use crate::hooks::{arguments, names, part_at, rights};
use crate::recording;
use crate::sys::{errno, fd_table, real, user_memory};

pub(crate) unsafe fn sendmsg(fd: c_int, message: *const msghdr, flags: c_int) -> ssize_t {
    if !fd_table::is_connection(fd) {
        recording::answers(fd);
        // SAFETY: the caller upholds the contract of sendmsg(2), and does not change the message during the call.
        return unsafe {
            rights::pass_on(message);
            real::sendmsg(fd, message, flags)
        };
    }
    // SAFETY: the server does not change its array of parts during its call.
    let (mut header, parts) = match unsafe { arguments::message(message) } {
        Ok(checked) => checked,
        Err(error) => return errno::fail_size(error),
    };
    if !header.msg_name.is_null() && names::is_tcp(fd) {
        let len = header.msg_namelen.min(size_of::<libc::sockaddr_storage>() as _);
        if let Err(error) = arguments::address(header.msg_name.cast(), len) {
            return errno::fail_size(error);
        }
        // TCP ignores the name, a UNIX-domain socket does not.
        (header.msg_name, header.msg_namelen) = (ptr::null_mut(), 0);
    }
    match answered_here(fd) {
        Some(Ok(slot)) => {
            return match check_control(&header) {
                // SAFETY: the server does not change its parts and buffers during its call.
                Ok(()) => unsafe { to_memory(slot, parts) },
                Err(error) => errno::fail_size(error),
            };
        }
        Some(Err(error)) => return errno::fail_size(error),
        None => {}
    }
    transmit(fd, flags, arguments::total(parts), |done, flags| {
        if done == 0 {
            // SAFETY: `header` is a copy of the server's message, for which the caller upholds the contract of
            // sendmsg(2).
            return unsafe { real::sendmsg(fd, &header, flags) };
        }
        let Some((start, len)) = part_at(parts, done) else { return 0 };
        // SAFETY: `part_at` returns bytes within one of the server's buffers.
        unsafe { real::send(fd, start, len, flags) }
    })
}

/// Checks the control messages, which have no effect on a stream here (linux/net/core/sock.c: sock_cmsg_send).
fn check_control(message: &msghdr) -> Result<(), Errno> {
    let len = message.msg_controllen;
    if len > c_int::MAX as usize {
        return Err(Errno::NOBUFS);
    }
    if !user_memory::is_readable(message.msg_control, len) {
        return Err(Errno::FAULT);
    }
    let mut at = 0;
    while at + size_of::<cmsghdr>() <= len {
        // SAFETY: any bytes are a valid `cmsghdr`; these are within the readable control messages.
        let header = unsafe {
            user_memory::read(message.msg_control.cast::<u8>().wrapping_add(at).cast::<cmsghdr>())
        }?;
        let header_len = header.cmsg_len;
        if header_len < size_of::<cmsghdr>() || header_len > len - at {
            return Err(Errno::INVAL);
        }
        at += header_len.next_multiple_of(align_of::<cmsghdr>());
    }
    Ok(())
}

pub(crate) unsafe fn sendmmsg(fd: c_int, messages: *mut mmsghdr, count: c_uint, flags: c_int) -> c_int {
    if !fd_table::is_connection(fd) {
        recording::answers(fd);
        // SAFETY: the caller upholds the contract of sendmmsg(2); the arguments are unchanged.
        return unsafe { real::sendmmsg(fd, messages, count, flags) };
    }
    // SAFETY: the messages are the server's, so no Rust reference points there. `sendmsg` and `user_memory` check their
    // addresses.
    arguments::one_by_one(count, |done| unsafe {
        let message = messages.wrapping_add(done);
        let sent = sendmsg(fd, message.cast_const().cast(), flags);
        if sent < 0 {
            return Err(errno::last());
        }
        user_memory::write(&raw mut (*message).msg_len, sent as c_uint)?;
        Ok(true)
    })
}
