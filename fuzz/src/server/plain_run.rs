//! One input, brought to a fresh server over real TCP, without the preload: what the preloaded
//! answer is compared with.

use std::fs;
use std::io::ErrorKind;
use std::mem::ManuallyDrop;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream};
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::fs::FileTypeExt;
use std::os::unix::net::{SocketAddr as SocketAddrUnix, UnixStream};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use procfs::net::{TcpNetEntry, TcpState, UnixNetEntry};
use procfs::process::{FDTarget, Process};
use rustix::io::{FdFlags, dup2, fcntl_setfd};
use sockfuzz_protocol::{Endpoint, Options, Switch};

use crate::memory_file::MemoryFile;
use crate::printable::last_lines;
use crate::problem::{Problem, exit};
use crate::server::diagnose::{Stops, ending};
use crate::server::running::{Running, Waited};
use crate::server::{Server, process_tree};
use crate::tcp_client::{self, Pace};

/// Answers one input, raw or a session, over TCP, or over the UNIX-domain socket that `options` name.
///
/// # Errors
/// When the server does not come to listen, or the connection cannot be made.
pub fn answer_over_tcp(server: &Server, options: &Options, input: &[u8], pace: Pace) -> Result<Vec<u8>> {
    let words = MemoryFile::new(b"")?;
    let _leftover = Leftover::of(options.port.as_ref());
    let handed = match options.socket_activation {
        Switch::On => Some(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?),
        Switch::Off => None,
    };
    let mut command =
        handed.as_ref().map_or_else(|| server.command(), |listener| activated(server, listener));
    command.stdin(Stdio::null()).stdout(words.stdio()?).stderr(words.stdio()?);
    let mut running = Running::start_unseen(command)?;
    let mut first = match &handed {
        Some(_) => None,
        None => Some(
            wait_for_listener(&mut running, options.port.as_ref(), pace.timeout)
                .map_err(|error| without_preload(error, &words))?,
        ),
    };
    let dial = || match (first.take(), &handed) {
        (Some(connection), _) => Ok(connection),
        (None, Some(listener)) => TcpStream::connect(listener.local_addr()?),
        (None, None) => {
            connect_to(options.port.as_ref(), pace.timeout).ok_or_else(|| ErrorKind::ConnectionRefused.into())
        }
    };
    let session = tcp_client::session_of(input, options.input);
    tcp_client::play(dial, &session, pace, process_tree::is_asleep).context("cannot talk to the server")
}

/// The file of a UNIX-domain socket that was not there before the server made it: a server that is
/// killed leaves it behind, and the next one stumbles over it.
struct Leftover<'a>(&'a Path);

impl<'a> Leftover<'a> {
    fn of(place: Option<&'a Endpoint>) -> Option<Self> {
        match place {
            Some(Endpoint::Path(path)) if !path.starts_with('@') && fs::symlink_metadata(path).is_err() => {
                Some(Self(Path::new(path)))
            }
            _ => None,
        }
    }
}

impl Drop for Leftover<'_> {
    fn drop(&mut self) {
        if fs::symlink_metadata(self.0).is_ok_and(|file| file.file_type().is_socket()) {
            // At worst the server complains about it.
            let _ = fs::remove_file(self.0);
        }
    }
}

/// The server as systemd would start it, with its listener at descriptor 3 (sd_listen_fds(3)). A
/// shell's process becomes the server's: only so is its number known before.
fn activated(server: &Server, listener: &TcpListener) -> Command {
    let mut command = Command::new("/bin/sh");
    command.args(["-c", "LISTEN_FDS=1 LISTEN_PID=$$ exec \"$0\" \"$@\""]);
    command.arg(&server.program).args(&server.arguments);
    let listener = listener.as_raw_fd();
    // SAFETY: the closure runs between fork and exec and makes one system call only, on a descriptor
    // that is open until the command has been started.
    unsafe {
        command.pre_exec(move || {
            let mut third = ManuallyDrop::new(OwnedFd::from_raw_fd(3));
            let listener = BorrowedFd::borrow_raw(listener);
            if third.as_raw_fd() == listener.as_raw_fd() {
                return Ok(fcntl_setfd(listener, FdFlags::empty())?);
            }
            Ok(dup2(listener, &mut third)?)
        });
    }
    command
}

fn wait_for_listener(
    running: &mut Running,
    place: Option<&Endpoint>,
    patience: Duration,
) -> Result<TcpStream> {
    let mut found = None;
    // A server may go to the background: then it ends with the last of its processes.
    let waited = running.wait_for_all(Instant::now() + patience, || {
        found = connect_to(place, patience);
        found.is_some()
    })?;
    if let Some(connection) = found {
        return Ok(connection);
    }
    let (exit, what) = match waited {
        Waited::Ended(end) => (exit::EXITS, format!("it ended: {}", ending(end))),
        _ => (exit::NEVER_LISTENS, format!("it never listened; {}", Stops::look())),
    };
    let remedy = "repair what it reports; is its port taken by another server?";
    Err(Problem::new(exit, what, remedy).into())
}

fn connect_to(place: Option<&Endpoint>, patience: Duration) -> Option<TcpStream> {
    match place {
        Some(Endpoint::Path(path)) => connect_to_path(path),
        Some(Endpoint::Port(port)) => connect_to_port(Some(*port), patience),
        None => connect_to_port(None, patience),
    }
}

/// A connection to the tree's oldest listening socket, or to the one with this port.
fn connect_to_port(port: Option<u16>, patience: Duration) -> Option<TcpStream> {
    let sockets = sockets();
    let process = Process::myself().ok()?;
    let address = [process.tcp(), process.tcp6()]
        .into_iter()
        .flatten()
        .flatten()
        .filter(|entry| entry.state == TcpState::Listen && sockets.contains(&entry.inode))
        .filter(|entry| port.is_none_or(|port| entry.local_address.port() == port))
        .min_by_key(|entry: &TcpNetEntry| entry.inode)
        .map(|entry| reachable(entry.local_address))?;
    TcpStream::connect_timeout(&address, patience).ok()
}

/// A connection to the tree's UNIX-domain socket at this path; `@` begins an abstract name.
fn connect_to_path(path: &str) -> Option<TcpStream> {
    let sockets = sockets();
    let entries = Process::myself().ok()?.unix().ok()?;
    let is_it = |entry: &UnixNetEntry| entry.path.as_deref() == Some(Path::new(path));
    entries.iter().find(|entry| is_it(entry) && sockets.contains(&entry.inode))?;
    let address = match path.strip_prefix('@') {
        Some(name) => SocketAddrUnix::from_abstract_name(name),
        None => SocketAddrUnix::from_pathname(path),
    };
    // What the client does with a stream socket is the same for all of them.
    UnixStream::connect_addr(&address.ok()?).ok().map(OwnedFd::from).map(TcpStream::from)
}

/// Inode numbers of the tree's sockets.
fn sockets() -> Vec<u64> {
    process_tree::own_descendants()
        .iter()
        .filter_map(|stat| Process::new(stat.pid).ok()?.fd().ok())
        .flatten()
        .filter_map(|descriptor| match descriptor.ok()?.target {
            FDTarget::Socket(inode) => Some(inode),
            _ => None,
        })
        .collect()
}

/// A wildcard address, as one connects to it.
fn reachable(mut address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        address.set_ip(match address.ip() {
            IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
        });
    }
    address
}

fn without_preload(error: anyhow::Error, words: &MemoryFile) -> anyhow::Error {
    let said = last_lines(&words.content().unwrap_or_default(), 4);
    let said: String = said.iter().map(|line| format!("\n  it said: {line}")).collect();
    error.context(format!("without the preload, over real TCP, the server does not serve{said}\n  and"))
}
