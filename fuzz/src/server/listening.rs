//! Listeners of the process tree, found in /proc, and connections to them.

use std::collections::HashSet;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::os::fd::OwnedFd;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr as SocketAddrUnix, UnixStream};
use std::path::Path;
use std::time::Duration;

use procfs::net::{TcpNetEntry, TcpState, UnixNetEntry};
use procfs::process::{FDTarget, Process};
use sockfuzz_protocol::Endpoint;

use crate::server::process_tree;

/// Address at which the server listens.
#[derive(Debug)]
pub(super) enum ServerAddress {
    Tcp(SocketAddr),
    Unix(SocketAddrUnix),
}

impl ServerAddress {
    /// Returns a connection.
    ///
    /// # Errors
    /// When nothing listens there any more.
    pub(super) fn connect(&self, timeout: Duration) -> io::Result<TcpStream> {
        match self {
            Self::Tcp(address) => TcpStream::connect_timeout(address, timeout),
            // The client uses only operations that all stream sockets have.
            Self::Unix(address) => UnixStream::connect_addr(address).map(OwnedFd::from).map(TcpStream::from),
        }
    }
}

/// Finds the server's listener, and connects to it.
pub(super) fn connect_to(
    endpoint: Option<&Endpoint>,
    timeout: Duration,
) -> Option<(ServerAddress, TcpStream)> {
    let address = match endpoint {
        Some(Endpoint::Path(path)) => listening_at(path),
        Some(Endpoint::Port(port)) => listening_on(Some(*port)),
        None => listening_on(None),
    }?;
    let connection = address.connect(timeout).ok()?;
    Some((address, connection))
}

/// Whether the process tree has the listener that is given, or any TCP listener.
pub(super) fn is_listening(endpoint: Option<&Endpoint>) -> bool {
    match endpoint {
        Some(Endpoint::Path(path)) => listening_at(path).is_some(),
        Some(Endpoint::Port(port)) => listener(Some(*port)).is_some(),
        None => listener(None).is_some(),
    }
}

/// Returns the inode numbers of all stream sockets of this machine that some process has open; `None` if they cannot be
/// read.
pub(super) fn open_sockets() -> Option<HashSet<u64>> {
    let process = Process::myself().ok()?;
    // A machine may be without IPv6.
    let tcp = process.tcp().ok()?.into_iter().chain(process.tcp6().unwrap_or_default());
    let unix = process.unix().ok()?.into_iter();
    Some(tcp.map(|entry| entry.inode).chain(unix.map(|entry| entry.inode)).collect())
}

/// Returns the address of the process tree's oldest listening socket, or of the one with the given port.
fn listening_on(port: Option<u16>) -> Option<ServerAddress> {
    listener(port).map(|entry| ServerAddress::Tcp(reachable(entry.local_address)))
}

/// Returns the process tree's oldest listening socket, or the oldest one with the given port.
fn listener(port: Option<u16>) -> Option<TcpNetEntry> {
    let is_wanted = |entry: &TcpNetEntry| port.is_none_or(|port| entry.local_address.port() == port);
    listeners().into_iter().find(is_wanted)
}

/// Returns the process tree's listening TCP sockets, the oldest first.
fn listeners() -> Vec<TcpNetEntry> {
    let sockets = sockets();
    let Ok(process) = Process::myself() else { return Vec::new() };
    let entries = [process.tcp(), process.tcp6()].into_iter().flatten().flatten();
    let mut listeners: Vec<_> =
        entries.filter(|entry| entry.state == TcpState::Listen && sockets.contains(&entry.inode)).collect();
    listeners.sort_by_key(|entry| entry.inode);
    listeners
}

/// Returns the ports on which the process tree listens, that of the oldest socket first.
pub(super) fn ports() -> Vec<u16> {
    let mut ports = Vec::new();
    for port in listeners().iter().map(|entry| entry.local_address.port()) {
        if !ports.contains(&port) {
            ports.push(port);
        }
    }
    ports
}

/// Returns the number of connections that wait to be accepted by a listener of the process tree (proc_net_tcp: of a
/// listening socket, the receive queue).
pub(super) fn accept_queue(port: u16) -> Option<u32> {
    listener(Some(port)).map(|entry| entry.rx_queue)
}

/// Returns the address of the process tree's UNIX-domain socket at this path; `@` begins an abstract name.
fn listening_at(path: &str) -> Option<ServerAddress> {
    let sockets = sockets();
    let entries = Process::myself().ok()?.unix().ok()?;
    let is_it = |entry: &UnixNetEntry| entry.path.as_deref() == Some(Path::new(path));
    entries.iter().find(|entry| is_it(entry) && sockets.contains(&entry.inode))?;
    let address = match path.strip_prefix('@') {
        Some(name) => SocketAddrUnix::from_abstract_name(name),
        None => SocketAddrUnix::from_pathname(path),
    };
    address.ok().map(ServerAddress::Unix)
}

/// Returns the inode numbers of the process tree's sockets.
fn sockets() -> Vec<u64> {
    process_tree::poll_own_descendants()
        .into_iter()
        .filter_map(|pid| Process::new(pid).ok()?.fd().ok())
        .flatten()
        .filter_map(|descriptor| match descriptor.ok()?.target {
            FDTarget::Socket(inode) => Some(inode),
            _ => None,
        })
        .collect()
}

/// Replaces a wildcard address by the loopback address.
fn reachable(mut address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        address.set_ip(match address.ip() {
            IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
        });
    }
    address
}
