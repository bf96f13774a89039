//! getsockname(2) and getpeername(2): with every transport, the server sees the addresses that it
//! requested, and clients of the same address family.

use libc::{c_int, sockaddr, socklen_t};
use rustix::net::AddressFamily;

use super::arguments;
use crate::net::address::Address;
use crate::net::{bound_sockets, listener, transport};
use crate::sys::fd_table::{self, FdKind};
use crate::sys::{errno, real};

pub(crate) unsafe fn getsockname(fd: c_int, name: *mut sockaddr, len: *mut socklen_t) -> c_int {
    let Some(shown) = shown(fd) else {
        // SAFETY: the caller upholds the contract of getsockname(2); the arguments are unchanged.
        return unsafe { real::getsockname(fd, name, len) };
    };
    // SAFETY: `name` and `len` are the server's: no Rust reference points there.
    unsafe { arguments::write_address(&shown, name, len) }.map_or_else(errno::fail, |()| 0)
}

pub(crate) unsafe fn getpeername(fd: c_int, name: *mut sockaddr, len: *mut socklen_t) -> c_int {
    match listener::client_address() {
        Some(client) if fd_table::is_connection(fd) => {
            // SAFETY: `name` and `len` are the server's: no Rust reference points there.
            unsafe { arguments::write_address(&client, name, len) }.map_or_else(errno::fail, |()| 0)
        }
        // SAFETY: the caller upholds the contract of getpeername(2); the arguments are unchanged.
        _ => unsafe { real::getpeername(fd, name, len) },
    }
}

/// Address family that the server is shown for a socket; `None` if it sees the socket's real one.
pub(super) fn family(fd: c_int) -> Option<AddressFamily> {
    match fd_table::kind(fd) {
        // Asked for each call on a connection, so the address is not built.
        FdKind::Listener | FdKind::Connection | FdKind::Virtual(_) => {
            listener::shown_address().map(Address::family)
        }
        _ => shown(fd).map(|shown| shown.family()),
    }
}

/// Whether the server is shown `fd` as a TCP socket.
pub(super) fn is_tcp(fd: c_int) -> bool {
    family(fd).is_some_and(|family| family != AddressFamily::UNIX)
}

/// Address that the server is shown instead of the socket's real name; `None` if it sees the real one.
fn shown(fd: c_int) -> Option<Address> {
    match fd_table::kind(fd) {
        FdKind::Bound => bound_sockets::address(fd).map(listener::shown_address_for),
        FdKind::SilentListener => bound_sockets::address(fd)
            .map(listener::shown_address_for)
            .or_else(|| listener::shown_address().cloned()),
        FdKind::Listener => listener::shown_address().cloned(),
        FdKind::Connection | FdKind::Virtual(_) => listener::connection_address(),
        FdKind::Inherited => transport::shown_address_of(fd),
        FdKind::Unmanaged | FdKind::Protected | FdKind::Random | FdKind::Reserved | FdKind::Recorded => None,
    }
}
