//! Descriptors that arrive in a message (unix(7), SCM_RIGHTS): a server may pass a connection, or a
//! listener, from one of its processes to another.

use std::iter;

use libc::{c_int, msghdr};

use crate::memory_socket;
use crate::net::listener;
use crate::process::children;
use crate::sys::fd_table::{self, FdKind};

/// Looks at the descriptors in a message that was received.
///
/// # Safety
/// `message` points at a message as recvmsg(2) leaves it.
pub(super) unsafe fn recognise(message: *const msghdr) {
    // SAFETY: given by the caller; the kernel has written the headers.
    unsafe { for_each(message, listener::adopt) }
}

/// The server is about to pass descriptors on: what is virtual becomes real, and whoever receives a
/// connection may answer on it.
///
/// # Safety
/// `message` points at a message for sendmsg(2).
pub(super) unsafe fn pass_on(message: *const msghdr) {
    let look = |fd| match fd_table::kind(fd) {
        FdKind::Virtual(_) => {
            memory_socket::fall_back("it passes a descriptor on");
            children::record_handover();
        }
        FdKind::Listener => memory_socket::fall_back("it passes a descriptor on"),
        FdKind::Connection => children::record_handover(),
        _ => {}
    };
    // SAFETY: given by the caller.
    unsafe { for_each(message, look) }
}

/// # Safety
/// `message` points at a message with valid headers.
unsafe fn for_each(message: *const msghdr, look: impl Fn(c_int)) {
    // SAFETY: given by the caller.
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
