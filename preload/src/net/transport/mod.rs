//! How bytes reach the server: one file per transport, one name for all of them.

pub(crate) mod bind_note;
mod name;
mod reset;
mod tcp;
mod unix;

use std::net::SocketAddr;
use std::os::fd::{AsFd, OwnedFd, RawFd};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::{SocketAddrUnix, listen};
use sockfuzz_protocol::Transport;

use crate::net::address::Address;
use crate::sys::{fd, real};

pub(crate) use reset::{GREETING, is_marked_for_reset, send_greeting, set_reset_on_close};
pub(crate) use tcp::is_in_flight;

/// Connections that may wait in a listener which the server did not make.
const BACKLOG_CONNECTIONS: i32 = 128;

/// Where the internal client connects to.
#[derive(Debug)]
pub(crate) enum Target {
    /// A socket in the abstract namespace.
    Unix(SocketAddrUnix),
    /// A loopback port of the kernel's choice.
    Tcp(SocketAddr),
}

/// Makes the server's bound but not yet listening socket `fd` the transport's.
pub(crate) fn take_over(transport: Transport, fd: RawFd, shown: &Address) -> Result<Target, Errno> {
    match (transport, shown) {
        (Transport::Tcp, Address::Ip(shown)) => tcp::take_over(fd, *shown).map(Target::Tcp),
        _ => unix::take_over(fd, shown).map(Target::Unix),
    }
}

/// The same for a socket that listens already.
pub(crate) fn take_over_listening(transport: Transport, fd: RawFd, shown: &Address) -> Result<Target, Errno> {
    let target = match (transport, shown) {
        (Transport::Tcp, Address::Ip(shown)) => tcp::take_over_listening(fd, *shown).map(Target::Tcp),
        _ => unix::take_over(fd, shown).map(Target::Unix),
    }?;
    listen(fd::borrow(fd), BACKLOG_CONNECTIONS)?;
    Ok(target)
}

/// Puts a fresh listener in the place of one of ours, at all its numbers.
pub(crate) fn replace_listener(
    transport: Transport,
    numbers: &[RawFd],
    shown: &Address,
) -> Result<Target, Errno> {
    let [first, others @ ..] = numbers else { return Err(Errno::BADF) };
    let had_owner = owner(*first) != 0;
    let target = take_over_listening(transport, *first, shown)?;
    others.iter().try_for_each(|&other| fd::replace(other, fd::borrow(*first)))?;
    if had_owner {
        // Whoever was to be sent signals of the old one was the server, and this is the server now.
        let me = rustix::process::getpid().as_raw_nonzero().get();
        // SAFETY: no pointers; a failure leaves the signals out.
        unsafe { real::fcntl64(*first, libc::F_SETOWN, me as usize) };
    }
    Ok(target)
}

/// The process that gets the signals of a descriptor (fcntl(2)); 0 for none.
fn owner(fd: RawFd) -> libc::c_int {
    // SAFETY: no pointers.
    unsafe { real::fcntl64(fd, libc::F_GETOWN, 0) }
}

/// A listener that a program may be handed.
pub(crate) fn make_listener(shown: &Address) -> Result<OwnedFd, Errno> {
    let listener = unix::make(shown)?;
    listen(&listener, BACKLOG_CONNECTIONS)?;
    Ok(listener)
}

/// What the server is shown in the place of `fd`, if that is a socket of ours.
pub(crate) fn shown_address_of(fd: RawFd) -> Option<Address> {
    name::read(fd::borrow(fd))
}

/// Whether whoever is at the other end of a connection has half-closed or closed it.
pub(crate) fn peer_has_closed(socket: impl AsFd) -> bool {
    let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
    let mut asked = [PollFd::new(&socket, PollFlags::RDHUP)];
    poll(&mut asked, Some(&at_once)).is_ok_and(|count| count > 0)
}

/// Opens an internal connection: the client's end, non-blocking and closed at `exec`.
pub(crate) fn connect(target: &Target, will_reset: bool) -> Result<OwnedFd, Errno> {
    match target {
        Target::Unix(address) => unix::connect(address, will_reset),
        Target::Tcp(address) => tcp::connect(*address),
    }
}
