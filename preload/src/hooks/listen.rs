//! bind(2), listen(2), connect(2): the life of a socket until it is known what it is for.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use libc::{c_int, sockaddr, socklen_t};
use rustix::io::Errno;

use crate::afl_loop;
use crate::net::address::{self, Address};
use crate::net::listener;
use crate::sys::fd_table::{self, FdKind};
use crate::sys::{errno, proc, real, report};

pub(crate) unsafe fn bind(fd: c_int, wanted: *const sockaddr, len: socklen_t) -> c_int {
    if matches!(fd_table::kind(fd), FdKind::Bound | FdKind::Listener | FdKind::SilentListener) {
        // It has an address already (bind(2)).
        return errno::fail(Errno::INVAL);
    }
    // SAFETY: the server's own pointer.
    match unsafe { address::read(wanted, len) } {
        Some(wanted) if listener::record_bind(fd, &wanted) => 0,
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
    if known && let Some(wanted) = listener::bound_address(fd) {
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
    unsafe { real::listen(fd, backlog) }
}

pub(crate) unsafe fn connect(fd: c_int, peer: *const sockaddr, len: socklen_t) -> c_int {
    if fd_table::kind(fd) == FdKind::Bound
        && let Some(wanted) = listener::bound_address(fd)
        && bind_for_real(fd, &wanted) < 0
    {
        return -1;
    }
    // SAFETY: the server's own pointer.
    match unsafe { address::read(peer, len) } {
        Some(peer) if listener::is_at_address(&peer) => refuse(&peer),
        // SAFETY: the server's own call.
        _ => unsafe { real::connect(fd, peer, len) },
    }
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
    let mut storage = [0_u8; size_of::<libc::sockaddr_storage>()];
    let mut len = storage.len() as socklen_t;
    let raw: *mut sockaddr = storage.as_mut_ptr().cast();
    // SAFETY: `storage` has room for every family, and `len` says how much was written.
    unsafe {
        address::write(wanted, raw, &mut len);
        real::bind(fd, raw, len)
    }
}
