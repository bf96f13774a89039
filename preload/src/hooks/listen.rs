//! bind(2), listen(2) and connect(2): the calls that decide whether a socket becomes the fuzzed listener.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use libc::{c_int, sa_family_t, sockaddr, socklen_t};
use rustix::io::Errno;

use super::early_registrations::EarlyRegistrations;
use super::files::sockets::follow_address;
use super::{arguments, descriptor, names, socket_options};
use crate::afl_loop;
use crate::net::address::{self, Address};
use crate::net::{bound_sockets, listener};
use crate::sys::fd_table::{self, FdKind};
use crate::sys::{errno, proc, real, report, user_memory};

pub(crate) unsafe fn bind(fd: c_int, wanted: *const sockaddr, len: socklen_t) -> c_int {
    let read = arguments::read_address(wanted, len);
    if matches!(fd_table::kind(fd), FdKind::Bound | FdKind::Listener | FdKind::SilentListener) {
        // The socket has an address already (bind(2)).
        return errno::fail(read.err().unwrap_or(Errno::INVAL));
    }
    match read {
        Ok(Some(wanted)) if listener::record_bind(fd, &wanted) => 0,
        // SAFETY: the caller upholds the contract of bind(2); the path may be another.
        _ => follow_address(wanted, len, |wanted, len| unsafe { real::bind(fd, wanted, len) }),
    }
}

pub(crate) unsafe fn listen(fd: c_int, backlog: c_int) -> c_int {
    let mut early_registrations = None;
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
                early_registrations = Some(EarlyRegistrations::remove(fd));
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
    // SAFETY: the caller upholds the contract of listen(2); a taken-over socket has the same descriptor.
    let result = unsafe { real::listen(fd, backlog) };
    if result == 0 {
        match fd_table::kind(fd) {
            FdKind::Unmanaged => listener::note_real(fd),
            _ => descriptor::listener_listens(fd),
        }
    }
    early_registrations.into_iter().for_each(EarlyRegistrations::restore);
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
        // SAFETY: the caller upholds the contract of connect(2); the path may be another.
        _ => follow_address(peer, len, |peer, len| unsafe { real::connect(fd, peer, len) }),
    }
}

/// Whether an address has a family. Without one, it is invalid, or dissolves a connection (connect(2)).
fn names_a_peer(peer: *const sockaddr, len: socklen_t) -> bool {
    // SAFETY: any bytes are a valid `sa_family_t`.
    let family = || unsafe { user_memory::read(peer.cast::<sa_family_t>()) };
    len as usize >= size_of::<sa_family_t>() && family() != Ok(libc::AF_UNSPEC as sa_family_t)
}

/// Refuses a connection of the server to its own address, where nothing listens, or another server does.
fn refuse(peer: &Address) -> c_int {
    static SAID: AtomicBool = AtomicBool::new(false);
    if !SAID.swap(true, Relaxed) {
        report::emit(format_args!(
            "the server connects to {peer}, its own listener: refused, because the fuzzer is the only client there"
        ));
    }
    errno::fail(Errno::CONNREFUSED)
}

/// Performs the deferred bind(2) of a socket that is not the fuzzed listener.
fn bind_for_real(fd: c_int, wanted: &Address) -> c_int {
    fd_table::set(fd, FdKind::Unmanaged);
    bound_sockets::end(fd);
    let mut storage = [0_u8; size_of::<libc::sockaddr_storage>()];
    let mut len = storage.len() as socklen_t;
    let raw: *mut sockaddr = storage.as_mut_ptr().cast();
    // SAFETY: `storage` has room for every address, and `len` is the number of bytes written.
    unsafe {
        address::write(wanted, raw, &mut len);
        follow_address(raw, len, |raw, len| real::bind(fd, raw, len))
    }
}
