//! setsockopt(2) and getsockopt(2): a socket that the server takes for TCP has TCP's options.

use std::ptr;

use libc::{c_int, c_void, socklen_t};
use rustix::io::Errno;

use crate::descriptors::{self, Kind};
use crate::errno;
use crate::exports::real;

/// `tcpi_state` of an established connection (include/net/tcp_states.h).
const TCP_ESTABLISHED: u8 = 1;

pub(crate) unsafe fn setsockopt(
    fd: c_int,
    level: c_int,
    name: c_int,
    value: *const c_void,
    len: socklen_t,
) -> c_int {
    // SAFETY: the server's own call.
    let result = unsafe { real::setsockopt(fd, level, name, value, len) };
    if result < 0 && is_posing(fd) && is_unknown_option(errno::last()) { 0 } else { result }
}

pub(crate) unsafe fn getsockopt(
    fd: c_int,
    level: c_int,
    name: c_int,
    value: *mut c_void,
    len: *mut socklen_t,
) -> c_int {
    if is_posing(fd) && level == libc::SOL_SOCKET {
        let shown = match name {
            libc::SO_DOMAIN => Some(super::names::family(fd)),
            libc::SO_PROTOCOL => Some(libc::IPPROTO_TCP),
            _ => None,
        };
        if let Some(shown) = shown {
            // SAFETY: the server's own pointers.
            unsafe { put(&shown.to_ne_bytes(), value, len) };
            return 0;
        }
    }
    // SAFETY: the server's own call.
    let result = unsafe { real::getsockopt(fd, level, name, value, len) };
    if result < 0 && is_posing(fd) && is_unknown_option(errno::last()) {
        let shown: &[u8] = match (level, name) {
            (libc::IPPROTO_TCP, libc::TCP_INFO) => &[TCP_ESTABLISHED],
            _ => &[],
        };
        // SAFETY: the server's own pointers.
        unsafe { put(shown, value, len) };
        return 0;
    }
    result
}

/// Fills the server's buffer: `shown`, then zeroes.
///
/// # Safety
/// `value` points at `*len` writable bytes, or one of the two is null.
unsafe fn put(shown: &[u8], value: *mut c_void, len: *mut socklen_t) {
    if value.is_null() || len.is_null() {
        return;
    }
    // SAFETY: given by the caller; no more than `*len` bytes are written.
    unsafe {
        let room = *len as usize;
        ptr::write_bytes(value.cast::<u8>(), 0, room);
        ptr::copy_nonoverlapping(shown.as_ptr(), value.cast::<u8>(), shown.len().min(room));
    }
}

fn is_posing(fd: c_int) -> bool {
    matches!(descriptors::kind(fd), Kind::Listener | Kind::Mute | Kind::Connection)
}

fn is_unknown_option(error: Errno) -> bool {
    matches!(error, Errno::OPNOTSUPP | Errno::NOPROTOOPT)
}
