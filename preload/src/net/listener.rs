//! Takeover of the fuzzed listener.
//!
//! `bind` on a TCP socket only records the address, because only `listen` distinguishes a listener from
//! an outgoing connection, and the fuzzed listener from others. The transport takes over the fuzzed one;
//! any other gets its real `bind` then. A listener that the server has inherited is taken over when the
//! server first waits at it.

use std::net::SocketAddr;
use std::os::fd::RawFd;
use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketType, accept, getsockname, sockopt};
use sockfuzz_protocol::{Endpoint, Phase, Transport};

use crate::net::address::{self, Address};
use crate::net::bound_sockets;
use crate::net::transport::{self, Target};
use crate::sys::fd_table::{self, FdKind};
use crate::sys::signal_guard::SignalGuard;
use crate::sys::{config, fd, proc, report};

/// Port that is shown to a server that requests any free one.
pub(crate) const ANY_FREE_PORT: u16 = 40_080;

/// The fuzzed listener.
#[derive(Debug)]
pub(crate) struct Listener {
    /// Address at which the server appears to listen.
    shown: &'static Address,
    /// Address that the internal client connects to.
    pub(crate) target: Target,
    /// Server's descriptor of the listener.
    descriptor: RawFd,
}

static CURRENT: AtomicPtr<Listener> = AtomicPtr::new(ptr::null_mut());
/// Address at which the server appears to listen; also set in a process that only has a connection.
static SHOWN: AtomicPtr<Address> = AtomicPtr::new(ptr::null_mut());
/// Returns the fuzzed listener, once there is one.
pub(crate) fn current() -> Option<&'static Listener> {
    // SAFETY: the pointer is null, or from a box that was leaked.
    unsafe { CURRENT.load(Ordering::Acquire).as_ref() }
}

/// Returns the address at which the server appears to listen.
pub(crate) fn shown_address() -> Option<&'static Address> {
    // SAFETY: the pointer is null, or from a box that was leaked.
    unsafe { SHOWN.load(Ordering::Acquire).as_ref() }
}

/// Whether `peer` is the address at which the server appears to listen.
pub(crate) fn is_at_address(peer: &Address) -> bool {
    shown_address().is_some_and(|shown| *peer == *shown || *peer == address::server_end_of(shown))
}

/// Records the address if `fd` may become the fuzzed listener; returns whether it did.
pub(crate) fn record_bind(fd: RawFd, wanted: &Address) -> bool {
    let candidate = fd >= 0
        && is_eligible(wanted)
        && classify(wanted) != FdKind::Unmanaged
        && is_stream(fd, wanted.family());
    if candidate {
        bound_sockets::record(fd, wanted);
    }
    candidate
}

/// Records the address of a TCP socket that is about to listen unbound, whose port the kernel would pick; returns
/// whether it did. If a socket has arrived unseen by the hooks, its note may have the address.
pub(crate) fn record_unbound(fd: RawFd) -> bool {
    if bound_sockets::adopt(fd) {
        return true;
    }
    let own = (fd >= 0).then(|| getsockname(fd::borrow(fd)));
    let own = own.and_then(Result::ok).and_then(|own| SocketAddr::try_from(own).ok());
    own.is_some_and(|own| own.port() == 0 && record_bind(fd, &Address::Ip(own)))
}

/// Address that is shown to a server that binds `wanted`: it differs only in a port that the kernel would pick.
pub(crate) fn shown_address_for(wanted: Address) -> Address {
    match wanted {
        Address::Ip(mut ip) if ip.port() == 0 => {
            ip.set_port(ANY_FREE_PORT);
            Address::Ip(ip)
        }
        other => other,
    }
}

/// Takes the lock under which the fuzzed listener is chosen: several threads may each make a listener.
pub(crate) fn takeover_lock() -> TakeoverGuard {
    static CHOOSING: Mutex<()> = Mutex::new(());
    let signals = SignalGuard::enter();
    TakeoverGuard { _lock: CHOOSING.lock().unwrap_or_else(PoisonError::into_inner), _signals: signals }
}

/// Guard of [`takeover_lock`]. The lock is released before deferred signals are delivered.
pub(crate) struct TakeoverGuard {
    _lock: MutexGuard<'static, ()>,
    _signals: SignalGuard,
}

/// Returns what a bound socket becomes when the server calls `listen` on it.
pub(crate) fn classify(wanted: &Address) -> FdKind {
    if config::get().is_none() {
        // A program that is not fuzzed has inherited the socket.
        return FdKind::Unmanaged;
    }
    match shown_address().filter(|_| fd_table::has_listener()) {
        None => FdKind::Listener,
        Some(Address::Ip(shown)) if shown.port() == wanted.port() => FdKind::SilentListener,
        Some(shown) if shown == wanted => FdKind::SilentListener,
        Some(_) => FdKind::Unmanaged,
    }
}

/// Replaces the server's socket by the transport's listener.
pub(crate) fn take_over(fd: RawFd, shown: Address, kind: FdKind) -> Result<(), Errno> {
    let config = config::get().ok_or(Errno::INVAL)?;
    let duplicates = bound_sockets::duplicates(fd);
    bound_sockets::end(fd);
    let target = transport::take_over(config.options.transport, fd, &shown)?;
    fd_table::set(fd, kind);
    for duplicate in duplicates {
        fd::replace(duplicate, fd::borrow(fd))?;
        fd_table::set(duplicate, kind);
    }
    if kind == FdKind::Listener {
        begin(fd, shown, target);
    } else {
        report::emit(format_args!(
            "the listener on {shown} gets no connections: the client connects to the first listener there"
        ));
    }
    Ok(())
}

/// Classifies a descriptor that the server has inherited, or received from another process: it may be a
/// listener, or a connection to a taken-over one.
pub(crate) fn adopt(fd: RawFd) {
    let socket = fd::borrow(fd);
    if sockopt::socket_type(socket) != Ok(SocketType::STREAM) {
        return;
    }
    if sockopt::socket_acceptconn(socket) == Ok(true) {
        fd_table::set(fd, FdKind::Inherited);
    } else if let Some(address) = transport::shown_address_of(fd) {
        if shown_address().is_none() {
            show(address);
        }
        fd_table::set(fd, FdKind::Connection);
    } else {
        bound_sockets::adopt(fd);
    }
}

/// Whether `fd`, at which the server is about to wait, is the fuzzed listener. An inherited listener
/// becomes that now, if there is no other.
pub(crate) fn is_fuzzed(fd: RawFd) -> bool {
    match fd_table::kind(fd) {
        FdKind::Listener => true,
        FdKind::Inherited => {
            fd_table::set(fd, FdKind::Unmanaged);
            take_over_inherited(fd)
        }
        _ => false,
    }
}

/// Notes the port of a socket of the server that listens for real, if it has one.
pub(crate) fn note_real(fd: RawFd) {
    own_address(fd).iter().for_each(|own| report::status().note_other_port(own.port()));
}

/// Returns the address to which a socket is bound, if its kind is known.
fn own_address(fd: RawFd) -> Option<Address> {
    getsockname(fd::borrow(fd)).ok()?.try_into().ok()
}

fn take_over_inherited(fd: RawFd) -> bool {
    let Some(config) = config::get() else { return false };
    let Some(address) = transport::shown_address_of(fd).or_else(|| own_address(fd)) else { return false };
    let _guard = takeover_lock();
    if fd_table::has_listener() || !is_eligible(&address) {
        report::status().note_other_port(address.port());
        return false;
    }
    proc::open();
    match transport::take_over_listening(config.options.transport, fd, &address) {
        Ok(target) => {
            fd_table::set(fd, FdKind::Listener);
            begin(fd, address, target);
            true
        }
        Err(error) => {
            report::emit(format_args!("the listener on {address} could not be taken over: {error}"));
            false
        }
    }
}

/// Makes `fd` the fuzzed listener.
fn begin(fd: RawFd, address: Address, target: Target) {
    let listener = Listener { shown: show(address), target, descriptor: fd };
    let status = report::status();
    status.set_pid(std::process::id());
    status.set_port(listener.shown.port());
    CURRENT.store(Box::into_raw(Box::new(listener)), Ordering::Release);
    status.reach(Phase::Listening);
}

fn show(address: Address) -> &'static Address {
    let address = Box::leak(Box::new(address));
    SHOWN.store(address, Ordering::Release);
    address
}

/// Whether a listener on `address` may be the fuzzed one. A UNIX-domain address must be given by the option: servers
/// also have UNIX-domain listeners for other purposes.
fn is_eligible(address: &Address) -> bool {
    config::get().is_some_and(|config| match (&config.options.port, address) {
        (None, address) => matches!(address, Address::Ip(_)),
        (Some(Endpoint::Port(port)), address) => address.port() == *port,
        (Some(Endpoint::Path(path)), address) => address.path().is_some() && address.to_string() == *path,
    })
}

/// Replaces the listener in a child of the forkserver, which shares it with its parent and its siblings, and must not
/// accept their connections. Returns whether it did.
pub(crate) fn isolate() -> bool {
    let Some(listener) = current() else { return true };
    let transport = config::get().map_or(Transport::Unix, |config| config.options.transport);
    let numbers: Vec<RawFd> = fd_table::listeners().collect();
    if numbers.is_empty() {
        return true;
    }
    match transport::replace_listener(transport, &numbers, listener.shown) {
        Ok(target) => {
            let own = Listener { shown: listener.shown, target, descriptor: listener.descriptor };
            CURRENT.store(Box::into_raw(Box::new(own)), Ordering::Release);
            true
        }
        Err(_) => {
            flush(listener.descriptor);
            false
        }
    }
}

/// Closes pending connections: they were made for another process.
fn flush(descriptor: RawFd) {
    let descriptor = fd::borrow(descriptor);
    let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
    while poll(&mut [PollFd::from_borrowed_fd(descriptor, PollFlags::IN)], Some(&at_once)) == Ok(1)
        && accept(descriptor).is_ok()
    {}
}

/// Server's descriptor of the listener, if it still is that.
pub(crate) fn fd() -> Option<RawFd> {
    let descriptor = current()?.descriptor;
    (fd_table::kind(descriptor) == FdKind::Listener).then_some(descriptor)
}

/// Address of the server's end of an internal connection, as the server is shown it.
pub(crate) fn connection_address() -> Option<Address> {
    shown_address().map(address::server_end_of)
}

/// Address of the internal client, as the server is shown it.
pub(crate) fn client_address() -> Option<Address> {
    shown_address().map(address::client_of)
}

fn is_stream(fd: RawFd, family: AddressFamily) -> bool {
    let socket = fd::borrow(fd);
    sockopt::socket_domain(socket) == Ok(family) && sockopt::socket_type(socket) == Ok(SocketType::STREAM)
}
