//! How bytes reach the server: one file per transport, one name for all of them.

mod tcp;
mod unix;

use std::net::SocketAddr;
use std::os::fd::{OwnedFd, RawFd};

use rustix::io::Errno;
use rustix::net::SocketAddrUnix;
use sockfuzz_contract::Transport;

/// Where the internal client connects to.
#[derive(Debug)]
pub(crate) enum Target {
    /// A socket in the abstract namespace.
    Unix(SocketAddrUnix),
    /// A loopback port of the kernel's choice.
    Tcp(SocketAddr),
}

/// Makes the server's bound but not yet listening socket `fd` the transport's.
pub(crate) fn take_over(transport: Transport, fd: RawFd, shown: SocketAddr) -> Result<Target, Errno> {
    match transport {
        Transport::Unix => unix::take_over(fd).map(Target::Unix),
        Transport::Tcp => tcp::take_over(fd, shown).map(Target::Tcp),
    }
}

/// Opens an internal connection: the client's end, non-blocking and closed at `exec`.
pub(crate) fn connect(target: &Target) -> Result<OwnedFd, Errno> {
    match target {
        Target::Unix(address) => unix::connect(address),
        Target::Tcp(address) => tcp::connect(*address),
    }
}
