//! getsockname(2) and getpeername(2): the server sees TCP addresses, whatever the transport.

use libc::{c_int, sockaddr, socklen_t};

use crate::descriptors::{self, Kind};
use crate::exports::real;
use crate::{address, listener};

pub(crate) unsafe fn getsockname(fd: c_int, name: *mut sockaddr, len: *mut socklen_t) -> c_int {
    let shown = match descriptors::kind(fd) {
        Kind::Bound => listener::bound_address(fd).map(listener::shown_for),
        Kind::Listener | Kind::Mute => listener::current().map(|listener| listener.shown),
        Kind::Connection => listener::connection_address(),
        Kind::Foreign | Kind::Kept => None,
    };
    let Some(shown) = shown else {
        // SAFETY: the server's own call.
        return unsafe { real::getsockname(fd, name, len) };
    };
    // SAFETY: the server's own pointers.
    unsafe { address::write(shown, name, len) };
    0
}

pub(crate) unsafe fn getpeername(fd: c_int, name: *mut sockaddr, len: *mut socklen_t) -> c_int {
    match listener::client_address() {
        Some(client) if descriptors::kind(fd) == Kind::Connection => {
            // SAFETY: the server's own pointers.
            unsafe { address::write(client, name, len) };
            0
        }
        // SAFETY: the server's own call.
        _ => unsafe { real::getpeername(fd, name, len) },
    }
}

/// Address family that the server believes a taken-over socket to have.
pub(super) fn family(fd: c_int) -> c_int {
    let shown = match descriptors::kind(fd) {
        Kind::Bound => listener::bound_address(fd),
        _ => listener::current().map(|listener| listener.shown),
    };
    if shown.is_some_and(|shown| shown.is_ipv6()) { libc::AF_INET6 } else { libc::AF_INET }
}
