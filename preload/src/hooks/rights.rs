//! Descriptors in messages (unix(7), SCM_RIGHTS): a server may pass a connection, or a listener, from
//! one of its processes to another.

use std::iter;

use libc::{c_int, msghdr};

use crate::memory_socket;
use crate::net::listener;
use crate::process::children;
use crate::recording;
use crate::sys::fd_table::{self, FdKind};
use crate::sys::user_memory;

/// Records the descriptors in a message that was received.
///
/// # Safety
/// `message` points at a message as recvmsg(2) leaves it.
pub(super) unsafe fn recognise(message: *const msghdr) {
    // SAFETY: the message is as recvmsg(2) leaves it, by this function's contract, so its headers are valid.
    unsafe {
        for_each(message, |fd| {
            listener::adopt(fd);
            recording::adopt(fd);
        })
    }
}

/// Prepares for a message that passes descriptors on: virtual sockets become real, and the receiver of
/// a connection may answer on it.
///
/// # Safety
/// The server does not change the message during its call.
pub(super) unsafe fn pass_on(message: *const msghdr) {
    // SAFETY: any bytes are a valid `msghdr`.
    let Ok(header) = (unsafe { user_memory::read(message) }) else { return };
    if !user_memory::is_readable(header.msg_control, header.msg_controllen) {
        return;
    }
    let look = |fd| match fd_table::kind(fd) {
        FdKind::Virtual(_) => {
            memory_socket::fall_back("it passes on a descriptor in a message");
            children::record_handover();
        }
        FdKind::Listener => memory_socket::fall_back("it passes on a descriptor in a message"),
        FdKind::Connection => children::record_handover(),
        _ => {}
    };
    // SAFETY: the control messages are readable, and do not change, by this function's contract.
    unsafe { for_each(&header, look) }
}

/// # Safety
/// `message` points at a message with valid headers.
unsafe fn for_each(message: *const msghdr, look: impl Fn(c_int)) {
    // SAFETY: the headers are valid, by this function's contract, so the descriptors are within the control messages.
    unsafe {
        let first = libc::CMSG_FIRSTHDR(message);
        let headers = iter::successors(first.as_ref(), |&header| libc::CMSG_NXTHDR(message, header).as_ref());
        for header in headers {
            if (header.cmsg_level, header.cmsg_type) == (libc::SOL_SOCKET, libc::SCM_RIGHTS) {
                let data = libc::CMSG_DATA(header).cast::<c_int>();
                let count = header.cmsg_len.saturating_sub(libc::CMSG_LEN(0) as usize) / size_of::<c_int>();
                (0..count).map(|index| data.add(index).read_unaligned()).for_each(&look);
            }
        }
    }
}
