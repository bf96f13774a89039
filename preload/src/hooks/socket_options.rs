//! setsockopt(2) and getsockopt(2): a socket that the server takes for TCP has TCP's options.

use std::ptr;
use std::time::Duration;

use libc::{c_int, c_void, socklen_t, timeval};
use rustix::io::Errno;
use rustix::net::AddressFamily;

use crate::memory_socket;
use crate::net::{address, transport};
use crate::sys::fd_table::{self, FdKind};
use crate::sys::{errno, fd, real};

/// `tcpi_state` of a connection (include/net/tcp_states.h): established; the client has half-closed it.
const TCP_ESTABLISHED: u8 = 1;
const TCP_CLOSE_WAIT: u8 = 8;

pub(crate) unsafe fn setsockopt(
    fd: c_int,
    level: c_int,
    name: c_int,
    value: *const c_void,
    len: socklen_t,
) -> c_int {
    if fd_table::is_virtual(fd)
        && level == libc::IPPROTO_TCP
        && is_grantable(level, name)
        && posed_family(fd).is_some()
    {
        return 0;
    }
    // SAFETY: the server's own pointer.
    if level == libc::SOL_SOCKET && unsafe { set_limit(fd, name, value, len) } {
        return 0;
    }
    // SAFETY: the server's own call.
    let result = unsafe { real::setsockopt(fd, level, name, value, len) };
    if result < 0 && is_granted(fd, level, name) { 0 } else { result }
}

pub(crate) unsafe fn getsockopt(
    fd: c_int,
    level: c_int,
    name: c_int,
    value: *mut c_void,
    len: *mut socklen_t,
) -> c_int {
    if (level, name) == (libc::SOL_SOCKET, libc::SO_ERROR)
        && let Some(error) = fd_table::slot(fd).and_then(memory_socket::take_error)
    {
        // SAFETY: the server's own pointers.
        unsafe { put(&error.raw_os_error().to_ne_bytes(), value, len) };
        return 0;
    }
    if level == libc::SOL_SOCKET
        && let Some(limit) = limit_of(fd, name)
    {
        // SAFETY: as above; any bytes may be read of it.
        unsafe { put(&to_bytes(limit), value, len) };
        return 0;
    }
    if level == libc::SOL_SOCKET
        && let Some(family) = posed_family(fd)
    {
        let shown = match name {
            libc::SO_DOMAIN => Some(address::raw_family(family)),
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
    if result < 0 && is_granted(fd, level, name) {
        let shown: &[u8] = match (level, name) {
            (libc::IPPROTO_TCP, libc::TCP_INFO) if is_half_closed(fd) => &[TCP_CLOSE_WAIT],
            (libc::IPPROTO_TCP, libc::TCP_INFO) => &[TCP_ESTABLISHED],
            _ => &[],
        };
        // SAFETY: the server's own pointers.
        unsafe { put(shown, value, len) };
        return 0;
    }
    result
}

/// SO_RCVTIMEO and SO_SNDTIMEO (socket(7)) of a virtual connection, all of which have one socket: whether that
/// is what the server sets. What is no time the kernel refuses.
///
/// # Safety
/// That of setsockopt(2).
unsafe fn set_limit(fd: c_int, name: c_int, value: *const c_void, len: socklen_t) -> bool {
    let set = |limit: &mut Option<Duration>| {
        if value.is_null() || (len as usize) < size_of::<timeval>() {
            return false;
        }
        // SAFETY: given by the caller.
        let time = unsafe { value.cast::<timeval>().read_unaligned() };
        let (Ok(seconds), 0..1_000_000) = (u64::try_from(time.tv_sec), time.tv_usec) else { return false };
        let wanted = Duration::from_secs(seconds) + Duration::from_micros(time.tv_usec.unsigned_abs());
        *limit = Some(wanted).filter(|wanted| !wanted.is_zero());
        true
    };
    fd_table::slot(fd).and_then(|slot| memory_socket::with_timeout(slot, name, set)).unwrap_or(false)
}

/// The limit of that name, if it is one and the connection is virtual; zero for none.
fn limit_of(fd: c_int, name: c_int) -> Option<Duration> {
    memory_socket::with_timeout(fd_table::slot(fd)?, name, |limit| limit.unwrap_or_default())
}

/// A `timeval`.
fn to_bytes(limit: Duration) -> [u8; size_of::<timeval>()] {
    let mut bytes = [0; size_of::<timeval>()];
    let (seconds, microseconds) = bytes.split_at_mut(size_of::<libc::time_t>());
    seconds.copy_from_slice(&limit.as_secs().to_ne_bytes());
    microseconds.copy_from_slice(&u64::from(limit.subsec_micros()).to_ne_bytes());
    bytes
}

/// Whether the client has sent its end: what lighttpd asks TCP_INFO for, before it takes EPOLLRDHUP for an
/// abort.
fn is_half_closed(fd: c_int) -> bool {
    match memory_socket::readiness(fd) {
        Some(ready) => ready & libc::EPOLLRDHUP as u32 != 0,
        None => transport::peer_has_closed(fd::borrow(fd)),
    }
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

/// Family of the TCP socket that the server takes this one for.
fn posed_family(fd: c_int) -> Option<AddressFamily> {
    let posing = matches!(fd_table::kind(fd), FdKind::Listener | FdKind::SilentListener | FdKind::Inherited)
        || fd_table::is_connection(fd);
    posing.then(|| super::names::family(fd)).flatten().filter(|&family| family != AddressFamily::UNIX)
}

/// Whether an option that the real socket does not know is to be granted all the same. Not one whose
/// effect the server would rely on: TLS in the kernel, the address behind a redirection.
fn is_granted(fd: c_int, level: c_int, name: c_int) -> bool {
    is_grantable(level, name) && is_unknown_option(errno::last()) && posed_family(fd).is_some()
}

fn is_grantable(level: c_int, name: c_int) -> bool {
    match level {
        libc::IPPROTO_TCP => name != libc::TCP_ULP,
        libc::IPPROTO_IP | libc::IPPROTO_IPV6 => name != libc::SO_ORIGINAL_DST,
        libc::SOL_SOCKET => true,
        _ => false,
    }
}

fn is_unknown_option(error: Errno) -> bool {
    matches!(error, Errno::OPNOTSUPP | Errno::NOPROTOOPT)
}
