//! Transports, by which bytes reach the server: one file each, with a common interface.

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
pub(crate) use tcp::{acknowledge, is_in_flight};

/// Backlog of a listener on which the server itself does not call listen(2).
const BACKLOG_CONNECTIONS: i32 = 128;

/// Address that the internal client connects to.
#[derive(Debug)]
pub(crate) enum Target {
    /// A socket in the abstract namespace.
    Unix(SocketAddrUnix),
    /// A loopback port that the kernel has picked.
    Tcp(SocketAddr),
}

/// Makes `fd` the transport's: a socket that the server has bound, but that does not listen yet. Returns the address to
/// connect to.
pub(crate) fn take_over(transport: Transport, fd: RawFd, shown: &Address) -> Result<Target, Errno> {
    match (transport, shown) {
        (Transport::Tcp, Address::Ip(shown)) => tcp::take_over(fd, *shown).map(Target::Tcp),
        _ => unix::take_over(fd, shown).map(Target::Unix),
    }
}

/// Makes `fd`, a socket that listens already, the transport's. Returns the address to connect to.
pub(crate) fn take_over_listening(transport: Transport, fd: RawFd, shown: &Address) -> Result<Target, Errno> {
    let target = match (transport, shown) {
        (Transport::Tcp, Address::Ip(shown)) => tcp::take_over_listening(fd, *shown).map(Target::Tcp),
        _ => unix::take_over(fd, shown).map(Target::Unix),
    }?;
    listen(fd::borrow(fd), BACKLOG_CONNECTIONS)?;
    Ok(target)
}

/// Replaces a taken-over listener by a fresh one, at all its descriptors.
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
        // The owner that received the old listener's signals was the server, which is this process now.
        let me = rustix::process::getpid().as_raw_nonzero().get();
        // SAFETY: F_SETOWN takes no pointer. (After a failure there are no signals.)
        unsafe { real::fcntl64(*first, libc::F_SETOWN, me as usize) };
    }
    Ok(target)
}

/// Process that receives the signals of a descriptor (fcntl(2)); 0 for none.
fn owner(fd: RawFd) -> libc::c_int {
    // SAFETY: F_GETOWN takes no pointer.
    unsafe { real::fcntl64(fd, libc::F_GETOWN, 0) }
}

/// Makes a listener that a program may inherit.
pub(crate) fn make_listener(shown: &Address) -> Result<OwnedFd, Errno> {
    let listener = unix::make(shown)?;
    listen(&listener, BACKLOG_CONNECTIONS)?;
    Ok(listener)
}

/// Address that the server is shown for `fd`, if that is a taken-over UNIX-domain listener, or a connection to one.
pub(crate) fn shown_address_of(fd: RawFd) -> Option<Address> {
    name::read(fd::borrow(fd))
}

/// Whether the peer has half-closed or closed the connection.
pub(crate) fn peer_has_closed(socket: impl AsFd) -> bool {
    let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
    let mut asked = [PollFd::new(&socket, PollFlags::RDHUP)];
    poll(&mut asked, Some(&at_once)).is_ok_and(|count| count > 0)
}

/// Opens an internal connection; returns the client's end, which is non-blocking and close-on-exec.
pub(crate) fn connect(target: &Target, will_reset: bool) -> Result<OwnedFd, Errno> {
    match target {
        Target::Unix(address) => unix::connect(address, will_reset),
        Target::Tcp(address) => tcp::connect(*address),
    }
}
