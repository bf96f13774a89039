//! getsockname(2) and getpeername(2): the server sees the addresses that it asked for, and TCP
//! clients, whatever the transport.

use libc::{c_int, sockaddr, socklen_t};
use rustix::net::AddressFamily;

use crate::net::address::{self, Address};
use crate::net::{listener, transport};
use crate::sys::fd_table::{self, FdKind};
use crate::sys::real;

pub(crate) unsafe fn getsockname(fd: c_int, name: *mut sockaddr, len: *mut socklen_t) -> c_int {
    let Some(shown) = shown(fd) else {
        // SAFETY: the server's own call.
        return unsafe { real::getsockname(fd, name, len) };
    };
    // SAFETY: the server's own pointers.
    unsafe { address::write(&shown, name, len) };
    0
}

pub(crate) unsafe fn getpeername(fd: c_int, name: *mut sockaddr, len: *mut socklen_t) -> c_int {
    match listener::client_address() {
        Some(client) if fd_table::is_connection(fd) => {
            // SAFETY: the server's own pointers.
            unsafe { address::write(&client, name, len) };
            0
        }
        // SAFETY: the server's own call.
        _ => unsafe { real::getpeername(fd, name, len) },
    }
}

/// Address family that the server believes a socket to have, if that is not its real one's
/// business.
pub(super) fn family(fd: c_int) -> Option<AddressFamily> {
    shown(fd).map(|shown| shown.family())
}

/// What a socket says of itself in the place of its real name.
fn shown(fd: c_int) -> Option<Address> {
    match fd_table::kind(fd) {
        FdKind::Bound => listener::bound_address(fd).map(listener::shown_address_for),
        FdKind::SilentListener => listener::bound_address(fd)
            .map(listener::shown_address_for)
            .or_else(|| listener::shown_address().cloned()),
        FdKind::Listener => listener::shown_address().cloned(),
        FdKind::Connection | FdKind::Virtual(_) => listener::connection_address(),
        FdKind::Inherited => transport::shown_address_of(fd),
        FdKind::Unmanaged | FdKind::Protected | FdKind::Random | FdKind::Reserved => None,
    }
}
