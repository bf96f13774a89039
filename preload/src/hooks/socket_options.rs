//! setsockopt(2) and getsockopt(2): a socket that the server sees as TCP has TCP's options. If the kernel has a socket
//! of another kind there, a TCP socket, its shadow, answers in its place.

mod log;
mod shadow;

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use libc::{c_int, c_void, socklen_t, timeval};
use rustix::io::Errno;
use rustix::net::AddressFamily;
use sockfuzz_protocol::Transport;

use crate::memory_socket;
use crate::net::{address, transport};
use crate::sys::fd_table::{self, FdKind};
use crate::sys::{config, errno, fd, real, user_memory};
use log::SetOption;

/// `tcpi_state` of a connection (include/net/tcp_states.h): established, and half-closed by the client.
const TCP_ESTABLISHED: u8 = 1;
const TCP_CLOSE_WAIT: u8 = 8;

/// Upper limit for the size of the kernel's `tcp_info`.
const MAX_INFO_BYTES: usize = 512;

pub(crate) unsafe fn setsockopt(
    fd: c_int,
    level: c_int,
    name: c_int,
    value: *const c_void,
    len: socklen_t,
) -> c_int {
    let Some(family) = posed_family(fd) else {
        // SAFETY: the caller upholds the contract of setsockopt(2); the arguments are unchanged.
        return unsafe { real::setsockopt(fd, level, name, value, len) };
    };
    // SAFETY: the caller upholds the contract of setsockopt(2), on whichever socket.
    let set_on = |socket| unsafe { real::setsockopt(socket, level, name, value, len) };
    if !fd_table::is_connection(fd) {
        // Without a free descriptor for the shadow, every option is accepted.
        let Ok(shadow) = shadow::listener(family) else { return 0 };
        let result = set_on(shadow::number(&shadow));
        shadow::options_changed();
        return result;
    }
    if (level, name) == (libc::IPPROTO_TCP, libc::TCP_FASTOPEN) {
        // This option is for listeners.
        return errno::fail(Errno::INVAL);
    }
    let option = SetOption::read(level, name, value, len);
    if !option.is_some_and(|option| log::record_known(fd, option)) {
        if let Ok(shadow) = shadow::connection(fd, family)
            && set_on(shadow::number(&shadow)) < 0
        {
            return -1;
        }
        option.into_iter().for_each(|option| log::record_new(fd, option));
    }
    if level == libc::SOL_SOCKET {
        match fd_table::slot(fd) {
            Some(slot) => drop(memory_socket::with_timeout(slot, name, |limit| *limit = read_limit(value))),
            // Options that a UNIX-domain socket does not have are without effect.
            None => drop(errno::untouched(|| set_on(fd))),
        }
    }
    0
}

pub(crate) unsafe fn getsockopt(
    fd: c_int,
    level: c_int,
    name: c_int,
    value: *mut c_void,
    len: *mut socklen_t,
) -> c_int {
    // SAFETY: the caller upholds the contract of getsockopt(2), on whichever socket.
    let get_from = |socket| unsafe { real::getsockopt(socket, level, name, value, len) };
    let pending = || fd_table::slot(fd).and_then(memory_socket::take_error);
    // SAFETY: `value` and `len` are the server's: no Rust reference points there.
    let put = |shown: &[u8]| unsafe { put(shown, value, len) }.map_or_else(errno::fail, |()| 0);
    match (posed_family(fd), level, name) {
        (_, libc::SOL_SOCKET, libc::SO_ERROR) => match pending() {
            Some(error) => put(&error.raw_os_error().to_ne_bytes()),
            None => get_from(fd),
        },
        (None, ..) | (_, libc::SOL_SOCKET, libc::SO_ACCEPTCONN) => get_from(fd),
        (Some(family), libc::SOL_SOCKET, libc::SO_DOMAIN) => put(&address::raw_family(family).to_ne_bytes()),
        (_, libc::SOL_SOCKET, libc::SO_PROTOCOL) => put(&libc::IPPROTO_TCP.to_ne_bytes()),
        (Some(family), libc::IPPROTO_TCP, libc::TCP_INFO) => {
            let mut info = [0; MAX_INFO_BYTES];
            info[0] = if is_half_closed(fd) { TCP_CLOSE_WAIT } else { TCP_ESTABLISHED };
            put(&info[..info_len(family)])
        }
        (Some(family), ..) if fd_table::is_connection(fd) => match shadow::connection(fd, family) {
            Ok(shadow) => get_from(shadow::number(&shadow)),
            Err(_) => put(&[0; size_of::<c_int>()]),
        },
        (Some(family), ..) => match shadow::listener(family) {
            Ok(shadow) => get_from(shadow::number(&shadow)),
            Err(_) => put(&[0; size_of::<c_int>()]),
        },
    }
}

/// Keeps the options of a socket that is about to become the fuzzed listener.
pub(super) fn keep_listener(fd: c_int, family: AddressFamily) {
    if family != AddressFamily::UNIX && replaces_tcp() {
        shadow::keep_listener(fd, family);
    }
}

/// Applies the listener's time limits to a connection that was accepted, and forgets options recorded for its number.
pub(super) fn accepted(fd: c_int) {
    log::clear(fd);
    let limits = shadow::limits();
    if limits == [None; 2] || posed_family(fd).is_none() {
        return;
    }
    for (name, limit) in [libc::SO_RCVTIMEO, libc::SO_SNDTIMEO].into_iter().zip(limits) {
        let Some(wanted) = limit else { continue };
        match fd_table::slot(fd) {
            Some(slot) => drop(memory_socket::with_timeout(slot, name, |limit| *limit = Some(wanted))),
            None => {
                let value = timeval {
                    tv_sec: wanted.as_secs() as libc::time_t,
                    tv_usec: wanted.subsec_micros().into(),
                };
                // SAFETY: the value is on this stack, and its size is given.
                unsafe {
                    let value = (&raw const value).cast();
                    real::setsockopt(fd, libc::SOL_SOCKET, name, value, size_of::<timeval>() as socklen_t)
                };
            }
        }
    }
}

/// Records that `copy` is a duplicate of `fd`.
pub(super) fn duplicated(fd: c_int, copy: c_int) {
    log::duplicate(fd, copy);
}

/// Time limit for accepting a connection (socket(7), SO_RCVTIMEO).
pub(super) fn accept_limit(fd: c_int) -> Option<Duration> {
    match posed_family(fd) {
        Some(_) => shadow::limits()[0],
        None => super::socket_limit(fd, libc::SO_RCVTIMEO),
    }
}

/// Reads a time limit that the kernel has accepted.
fn read_limit(value: *const c_void) -> Option<Duration> {
    // SAFETY: any bytes are a valid `timeval`.
    let time = unsafe { user_memory::read(value.cast::<timeval>()) }.ok()?;
    match (u64::try_from(time.tv_sec), u64::try_from(time.tv_usec)) {
        (Ok(0), Ok(0)) => None,
        (Ok(seconds), Ok(microseconds)) => {
            Some(Duration::from_secs(seconds) + Duration::from_micros(microseconds))
        }
        // The kernel treats a negative limit as no time at all.
        _ => Some(Duration::ZERO),
    }
}

/// Size of the kernel's `tcp_info` in bytes, which grows from version to version.
fn info_len(family: AddressFamily) -> usize {
    static LEN: AtomicUsize = AtomicUsize::new(0);
    if LEN.load(Relaxed) == 0
        && let Ok(shadow) = shadow::listener(family)
    {
        let mut info = [0_u8; MAX_INFO_BYTES];
        let mut len = info.len() as socklen_t;
        // SAFETY: `info` has room for `len` bytes.
        unsafe {
            let info = info.as_mut_ptr().cast();
            real::getsockopt(shadow::number(&shadow), libc::IPPROTO_TCP, libc::TCP_INFO, info, &mut len);
        }
        LEN.store(len as usize, Relaxed);
    }
    LEN.load(Relaxed).min(MAX_INFO_BYTES)
}

/// Whether the client has half-closed the connection. lighttpd asks TCP_INFO for this before it treats EPOLLRDHUP as
/// an abort.
fn is_half_closed(fd: c_int) -> bool {
    match memory_socket::readiness(fd) {
        Some(ready) => ready & libc::EPOLLRDHUP as u32 != 0,
        None => transport::peer_has_closed(fd::borrow(fd)),
    }
}

/// Fills the server's buffer as getsockopt(2) does.
///
/// # Safety
/// No Rust reference points at the two addresses.
unsafe fn put(shown: &[u8], value: *mut c_void, len: *mut socklen_t) -> Result<(), Errno> {
    // SAFETY: no Rust reference points there, by this function's contract; any bytes are a valid `socklen_t`.
    unsafe {
        let room = usize::try_from(user_memory::read(len)?.cast_signed()).map_err(|_| Errno::INVAL)?;
        let shown = &shown[..shown.len().min(room)];
        user_memory::write_bytes(value.cast(), shown)?;
        user_memory::write(len, shown.len() as socklen_t)
    }
}

/// Whether the transport replaces TCP sockets by others.
fn replaces_tcp() -> bool {
    config::get().is_some_and(|config| config.options.transport != Transport::Tcp)
}

/// Address family of the TCP socket that the server sees, if the kernel has a socket of another kind there.
fn posed_family(fd: c_int) -> Option<AddressFamily> {
    let posing = match fd_table::kind(fd) {
        FdKind::Virtual(_) | FdKind::Inherited => true,
        FdKind::Listener | FdKind::SilentListener | FdKind::Connection => replaces_tcp(),
        _ => false,
    };
    posing.then(|| super::names::family(fd)).flatten().filter(|&family| family != AddressFamily::UNIX)
}
