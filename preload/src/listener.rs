//! Taking over the fuzzed listener.
//!
//! `bind` on a TCP socket binds nothing yet: only `listen` tells a listener from an outgoing
//! connection, and only then is it known which listener is the fuzzed one. That one goes to the
//! transport; any other gets its real `bind`, late.

use std::net::SocketAddr;
use std::os::fd::{BorrowedFd, RawFd};
use std::ptr;
use std::sync::atomic::{AtomicPtr, AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::sockopt;
use rustix::net::{AddressFamily, SocketType, accept};
use sockfuzz_contract::{Phase, specs};

use crate::descriptors::{self, Kind};
use crate::event::Event;
use crate::transport::{self, Target};
use crate::{address, report, setup};

/// Port that a server is shown which asked for any free one.
const ANY_FREE_PORT: u16 = 40_080;

/// The fuzzed listener.
#[derive(Debug)]
pub(crate) struct Listener {
    /// Where the server believes it listens.
    pub(crate) shown: SocketAddr,
    /// Where the internal client connects to.
    pub(crate) target: Target,
    /// The server's descriptor of it.
    descriptor: RawFd,
}

static CURRENT: AtomicPtr<Listener> = AtomicPtr::new(ptr::null_mut());
/// Addresses that wait for `listen`.
static BOUND: Mutex<Vec<(RawFd, SocketAddr)>> = Mutex::new(Vec::new());
/// Connections made that the server has not accepted yet.
static BACKLOG: AtomicU32 = AtomicU32::new(0);
/// Counts like [`BACKLOG`], for threads that wait.
static DOOR: Event = Event::counting();

/// The fuzzed listener, once there is one.
pub(crate) fn current() -> Option<&'static Listener> {
    // SAFETY: null, or a box that was leaked.
    unsafe { CURRENT.load(Ordering::Acquire).as_ref() }
}

/// Remembers the address if `fd` may become the fuzzed listener; says whether it did.
pub(crate) fn note_bind(fd: RawFd, wanted: SocketAddr) -> bool {
    let Some(setup) = setup::get() else { return false };
    if setup.options.port.is_some_and(|port| port != wanted.port()) || !is_tcp(fd) {
        return false;
    }
    let mut bound = BOUND.lock().unwrap_or_else(PoisonError::into_inner);
    bound.retain(|(other, _)| *other != fd);
    bound.push((fd, wanted));
    descriptors::set(fd, Kind::Bound);
    true
}

/// The address that the server has asked for on `fd`.
pub(crate) fn bound_address(fd: RawFd) -> Option<SocketAddr> {
    let bound = BOUND.lock().unwrap_or_else(PoisonError::into_inner);
    bound.iter().find(|(other, _)| *other == fd).map(|(_, wanted)| *wanted)
}

/// What a server that binds `wanted` is shown: the same, but for a port that the kernel would pick.
pub(crate) fn shown_for(wanted: SocketAddr) -> SocketAddr {
    match wanted.port() {
        0 => SocketAddr::new(wanted.ip(), ANY_FREE_PORT),
        _ => wanted,
    }
}

/// Decides what a bound socket becomes, now that the server calls `listen` on it.
pub(crate) fn choose(wanted: SocketAddr) -> Kind {
    match current().filter(|_| descriptors::listening()) {
        None => Kind::Listener,
        Some(listener) if listener.shown.port() == wanted.port() => Kind::Mute,
        Some(_) => Kind::Foreign,
    }
}

/// Puts the transport's listener in the place of the server's socket.
pub(crate) fn take_over(fd: RawFd, shown: SocketAddr, kind: Kind) -> Result<(), Errno> {
    let setup = setup::get().ok_or(Errno::INVAL)?;
    let target = transport::take_over(setup.options.transport, fd, shown)?;
    descriptors::set(fd, kind);
    if kind == Kind::Listener {
        CURRENT.store(Box::into_raw(Box::new(Listener { shown, target, descriptor: fd })), Ordering::Release);
        let status = report::status();
        status.set_pid(std::process::id());
        status.set_port(shown.port());
        status.reach(Phase::Listening);
    } else {
        report::say(format_args!(
            "a second listener on port {} stays silent; only the first is fuzzed ({} chooses another port)",
            shown.port(),
            specs::PORT.variable
        ));
    }
    Ok(())
}

/// A connection is about to be made: one `accept` may go through.
pub(crate) fn offer() {
    BACKLOG.fetch_add(1, Ordering::SeqCst);
    DOOR.signal();
}

/// Takes the right to accept one connection; exactly one of several threads gets it.
pub(crate) fn claim() -> bool {
    let less = |waiting: u32| waiting.checked_sub(1);
    let claimed = BACKLOG.fetch_update(Ordering::SeqCst, Ordering::SeqCst, less).is_ok();
    if claimed {
        DOOR.take();
    }
    claimed
}

/// What threads wait for that block in `accept`: not the listener itself, at which all of them
/// would spin until the one that is let through has accepted. `None` when there is no need to wait.
pub(crate) fn door() -> Option<BorrowedFd<'static>> {
    let door = DOOR.descriptor();
    all_accepted().then_some(door)
}

/// Drops connections that wait to be accepted: they were made for another process.
pub(crate) fn flush() {
    let Some(listener) = current() else { return };
    let descriptor = descriptors::lend(listener.descriptor);
    let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
    while poll(&mut [PollFd::from_borrowed_fd(descriptor, PollFlags::IN)], Some(&at_once)) == Ok(1)
        && accept(descriptor).is_ok()
    {}
}

/// In a forked child no thread waits, and its parent's door is not its own.
pub(crate) fn after_fork() {
    DOOR.forget();
}

/// Whether the server has accepted every connection that was made.
pub(crate) fn all_accepted() -> bool {
    BACKLOG.load(Ordering::SeqCst) == 0
}

/// The server's end of an internal connection, in its own eyes.
pub(crate) fn connection_address() -> Option<SocketAddr> {
    current().map(|listener| address::of_connection(listener.shown))
}

/// The internal client, in the server's eyes.
pub(crate) fn client_address() -> Option<SocketAddr> {
    current().map(|listener| address::of_client(listener.shown))
}

fn is_tcp(fd: RawFd) -> bool {
    let socket = descriptors::lend(fd);
    let inet = matches!(sockopt::socket_domain(socket), Ok(AddressFamily::INET | AddressFamily::INET6));
    inet && sockopt::socket_type(socket) == Ok(SocketType::STREAM)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_connection_lets_one_accept_through() {
        offer();
        let won = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(claim)).collect();
            threads.into_iter().filter_map(|thread| thread.join().ok()).filter(|won| *won).count()
        });
        assert_eq!(won, 1);
        assert!(all_accepted());
    }
}
