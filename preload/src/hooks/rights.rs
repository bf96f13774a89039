//! Descriptors that arrive in a message (unix(7), SCM_RIGHTS): a server may pass a connection, or a
//! listener, from one of its processes to another.

use std::iter;

use libc::{c_int, msghdr};

use crate::memory_socket;
use crate::net::listener;
use crate::process::children;
use crate::sys::fd_table::{self, FdKind};
use crate::sys::user_memory;

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
/// The server leaves the message alone during its call.
pub(super) unsafe fn pass_on(message: *const msghdr) {
    // SAFETY: any bytes are a `msghdr`.
    let Ok(header) = (unsafe { user_memory::read(message) }) else { return };
    if !user_memory::is_readable(header.msg_control, header.msg_controllen) {
        return;
    }
    let look = |fd| match fd_table::kind(fd) {
        FdKind::Virtual(_) => {
            memory_socket::fall_back("it passes a descriptor on");
            children::record_handover();
        }
        FdKind::Listener => memory_socket::fall_back("it passes a descriptor on"),
        FdKind::Connection => children::record_handover(),
        _ => {}
    };
    // SAFETY: the control messages are readable, and stay as they are by the caller's word.
    unsafe { for_each(&header, look) }
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
