//! bind(2), listen(2), connect(2): the life of a socket until it is known what it is for.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use libc::{c_int, sa_family_t, sockaddr, socklen_t};
use rustix::io::Errno;

use super::{arguments, descriptor, names, socket_options};
use crate::afl_loop;
use crate::net::address::{self, Address};
use crate::net::{bound_sockets, listener};
use crate::sys::fd_table::{self, FdKind};
use crate::sys::{errno, proc, real, report, user_memory};

pub(crate) unsafe fn bind(fd: c_int, wanted: *const sockaddr, len: socklen_t) -> c_int {
    let read = arguments::read_address(wanted, len);
    if matches!(fd_table::kind(fd), FdKind::Bound | FdKind::Listener | FdKind::SilentListener) {
        // It has an address already (bind(2)).
        return errno::fail(read.err().unwrap_or(Errno::INVAL));
    }
    match read {
        Ok(Some(wanted)) if listener::record_bind(fd, &wanted) => 0,
        // SAFETY: the server's own call.
        _ => unsafe { real::bind(fd, wanted, len) },
    }
}

pub(crate) unsafe fn listen(fd: c_int, backlog: c_int) -> c_int {
    let known = match fd_table::kind(fd) {
        FdKind::Bound => true,
        FdKind::Unmanaged => listener::record_unbound(fd),
        _ => false,
    };
    if known && let Some(wanted) = bound_sockets::address(fd) {
        proc::open();
        let _guard = listener::takeover_lock();
        match listener::classify(&wanted) {
            FdKind::Unmanaged => {
                if bind_for_real(fd, &wanted) < 0 {
                    return -1;
                }
            }
            kind => {
                let shown = listener::shown_address_for(wanted.clone());
                socket_options::keep_listener(fd, wanted.family());
                if let Err(error) = listener::take_over(fd, shown, kind) {
                    report::emit(format_args!("the listener on {wanted} could not be taken over: {error}"));
                    return errno::fail(error);
                }
            }
        }
    }
    if fd_table::kind(fd) == FdKind::Unmanaged {
        afl_loop::refuse_spares();
    }
    // SAFETY: the server's own call; a taken-over socket listens under its own descriptor.
    let result = unsafe { real::listen(fd, backlog) };
    if result == 0 {
        descriptor::listener_listens(fd);
    }
    result
}

pub(crate) unsafe fn connect(fd: c_int, peer: *const sockaddr, len: socklen_t) -> c_int {
    let read = arguments::read_address(peer, len);
    if let Err(error) = read
        && fd_table::kind(fd) != FdKind::Unmanaged
    {
        return errno::fail(error);
    }
    if names::is_tcp(fd) && fd_table::kind(fd) != FdKind::Bound && names_a_peer(peer, len) {
        return errno::fail(Errno::ISCONN);
    }
    if fd_table::kind(fd) == FdKind::Bound
        && let Some(wanted) = bound_sockets::address(fd)
        && bind_for_real(fd, &wanted) < 0
    {
        return -1;
    }
    match read {
        Ok(Some(peer)) if listener::is_at_address(&peer) => refuse(&peer),
        // SAFETY: the server's own call.
        _ => unsafe { real::connect(fd, peer, len) },
    }
}

/// Whether an address has a family: one without is invalid, or ends a connection (connect(2)).
fn names_a_peer(peer: *const sockaddr, len: socklen_t) -> bool {
    // SAFETY: any bytes are a family.
    let family = || unsafe { user_memory::read(peer.cast::<sa_family_t>()) };
    len as usize >= size_of::<sa_family_t>() && family() != Ok(libc::AF_UNSPEC as sa_family_t)
}

/// The server connects to itself. Nobody listens there, or somebody else's server.
fn refuse(peer: &Address) -> c_int {
    static SAID: AtomicBool = AtomicBool::new(false);
    if !SAID.swap(true, Relaxed) {
        report::emit(format_args!(
            "the server connects to {peer}, its own listener: refused, the fuzzer is its only client"
        ));
    }
    errno::fail(Errno::CONNREFUSED)
}

/// The socket is not the fuzzed listener after all.
fn bind_for_real(fd: c_int, wanted: &Address) -> c_int {
    fd_table::set(fd, FdKind::Unmanaged);
    bound_sockets::end(fd);
    let mut storage = [0_u8; size_of::<libc::sockaddr_storage>()];
    let mut len = storage.len() as socklen_t;
    let raw: *mut sockaddr = storage.as_mut_ptr().cast();
    // SAFETY: `storage` has room for every family, and `len` says how much was written.
    unsafe {
        address::write(wanted, raw, &mut len);
        real::bind(fd, raw, len)
    }
}
