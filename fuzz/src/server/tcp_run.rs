//! A run over real TCP: one input for a fresh server without the preload. Answers through the preload are
//! compared with its answer.

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
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use procfs::net::{TcpNetEntry, TcpState, UnixNetEntry};
use procfs::process::{FDTarget, Process};
use rustix::io::{FdFlags, dup2, fcntl_setfd};
use sockfuzz_protocol::{Endpoint, Options, Switch};

use crate::input::compare::difference;
use crate::server::command::Server;
use crate::server::diagnose::{ThreadStates, describe_exit};
use crate::server::process_tree;
use crate::server::running::{RunningProcess, WaitOutcome};
use crate::server::single_run::{EXIT_TIMEOUT, RunConfig};
use crate::server::tcp_client::{self, TcpAnswers, TcpTimeouts};
use crate::util::memory_file::MemoryFile;
use crate::util::printable::last_lines;
use crate::util::{exit_code, problem::Problem};

/// Lines of the server's output that a message repeats.
const MAX_OUTPUT_LINES: usize = 4;

/// Result of a run over TCP.
#[derive(Debug)]
pub struct TcpRun {
    /// What came back.
    pub answers: TcpAnswers,
    /// How the server ended, if it did.
    pub end: Option<ExitStatus>,
}

impl TcpRun {
    /// All that the server answered, in the order of the connections' numbers.
    #[must_use]
    pub fn answer(&self) -> Vec<u8> {
        self.answers.bytes.concat()
    }

    /// Whether these answers are the same as `others`, as far as no reset has cut them.
    #[must_use]
    pub fn is_cut_from(&self, others: &[Vec<u8>]) -> bool {
        let TcpAnswers { bytes, reset, .. } = &self.answers;
        let is_cut = |((own, other), reset): ((&Vec<u8>, &Vec<u8>), &bool)| {
            let other = if *reset { &other[..other.len().min(own.len())] } else { other };
            difference(own, other).is_none()
        };
        reset.contains(&true) && bytes.iter().zip(others).zip(reset).all(is_cut)
    }
}

/// Answers an input over TCP, by a fresh server without the preload. With `expects_end`, the server is
/// given some time to end afterwards.
///
/// # Errors
/// When the server never listens, or the connection fails.
pub fn over_tcp(config: &RunConfig<'_>, input: &[u8], expects_end: bool) -> Result<TcpRun> {
    let options = config.options.parsed();
    let linger = Duration::from_millis(options.linger_ms.into());
    let timeouts = TcpTimeouts { timeout: config.timeout, linger };
    answer_over_tcp(config.server, &options, input, timeouts, expects_end)
}

/// Sends one input, raw or a session, over TCP, or over the UNIX-domain socket that `options` name.
///
/// # Errors
/// When the server never listens, or the connection fails.
fn answer_over_tcp(
    server: &Server,
    options: &Options,
    input: &[u8],
    timeouts: TcpTimeouts,
    expects_end: bool,
) -> Result<TcpRun> {
    let output = MemoryFile::new(b"")?;
    let _socket_file = SocketFile::new_at(options.port.as_ref());
    let activation = match options.socket_activation {
        Switch::On => Some(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?),
        Switch::Off => None,
    };
    let mut command =
        activation.as_ref().map_or_else(|| server.command(), |listener| socket_activated(server, listener));
    command.stdin(Stdio::null()).stdout(output.stdio()?).stderr(output.stdio()?);
    let mut running = RunningProcess::start_in_background(command)?;
    let mut first = match &activation {
        Some(_) => None,
        None => Some(
            wait_for_listener(&mut running, options.port.as_ref(), timeouts.timeout)
                .map_err(|error| without_preload(error, &output))?,
        ),
    };
    let dial = || match (first.take(), &activation) {
        (Some(connection), _) => Ok(connection),
        (None, Some(listener)) => TcpStream::connect(listener.local_addr()?),
        (None, None) => connect_to(options.port.as_ref(), timeouts.timeout)
            .ok_or_else(|| ErrorKind::ConnectionRefused.into()),
    };
    let session = tcp_client::session_of(input, options.input);
    let played = tcp_client::play(dial, &session, timeouts, process_tree::is_asleep);
    let patience = if expects_end || played.is_err() { EXIT_TIMEOUT } else { Duration::ZERO };
    let end = match running.wait(Some(Instant::now() + patience), || false)? {
        WaitOutcome::Ended(end) => Some(end),
        WaitOutcome::Done | WaitOutcome::TimedOut => None,
    };
    let answers = match played {
        // A server that has ended refuses further connections.
        Err(_) if end.is_some() => TcpAnswers::default(),
        other => other.context("cannot talk to the server")?,
    };
    Ok(TcpRun { answers, end })
}

/// Removes the file of a UNIX-domain socket that the server creates: a killed server leaves it behind,
/// and the next one fails to bind to it.
struct SocketFile<'a>(&'a Path);

impl<'a> SocketFile<'a> {
    fn new_at(endpoint: Option<&'a Endpoint>) -> Option<Self> {
        match endpoint {
            Some(Endpoint::Path(path)) if !path.starts_with('@') && fs::symlink_metadata(path).is_err() => {
                Some(Self(Path::new(path)))
            }
            _ => None,
        }
    }
}

impl Drop for SocketFile<'_> {
    fn drop(&mut self) {
        if fs::symlink_metadata(self.0).is_ok_and(|file| file.file_type().is_socket()) {
            // If it cannot be removed, the server reports that it cannot bind.
            let _ = fs::remove_file(self.0);
        }
    }
}

/// The server with its listener at descriptor 3, as systemd starts it (sd_listen_fds(3)). The shell that
/// replaces itself by the server knows the process id for `LISTEN_PID`.
fn socket_activated(server: &Server, listener: &TcpListener) -> Command {
    let mut command = Command::new("/bin/sh");
    command.args(["-c", "LISTEN_FDS=1 LISTEN_PID=$$ exec \"$0\" \"$@\""]);
    command.arg(&server.program).args(&server.arguments);
    let listener = listener.as_raw_fd();
    // SAFETY: between fork and exec only async-signal-safe code may run; the closure makes a single system
    // call and does not allocate. The listener outlives the start of the command, so its descriptor is
    // open; the child replaces its descriptor 3 on purpose, and `ManuallyDrop` does not close it.
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
    running: &mut RunningProcess,
    endpoint: Option<&Endpoint>,
    timeout: Duration,
) -> Result<TcpStream> {
    let mut found = None;
    // A server that goes to the background ends with the last of its processes.
    let waited = running.wait_for_all(Instant::now() + timeout, || {
        found = connect_to(endpoint, timeout);
        found.is_some()
    })?;
    if let Some(connection) = found {
        return Ok(connection);
    }
    let (exit, what) = match waited {
        WaitOutcome::Ended(end) => (exit_code::EXITS, format!("it ended: {}", describe_exit(end))),
        _ => (exit_code::NEVER_LISTENS, format!("it never listened; {}", ThreadStates::capture())),
    };
    let remedy = "repair what it reports; is its port taken by another server?";
    Err(Problem::new(exit, what, remedy).into())
}

fn connect_to(endpoint: Option<&Endpoint>, timeout: Duration) -> Option<TcpStream> {
    match endpoint {
        Some(Endpoint::Path(path)) => connect_to_path(path),
        Some(Endpoint::Port(port)) => connect_to_port(Some(*port), timeout),
        None => connect_to_port(None, timeout),
    }
}

/// A connection to the tree's oldest listening socket, or to the one with this port.
fn connect_to_port(port: Option<u16>, timeout: Duration) -> Option<TcpStream> {
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
    TcpStream::connect_timeout(&address, timeout).ok()
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
    // The client uses only operations that all stream sockets have.
    UnixStream::connect_addr(&address.ok()?).ok().map(OwnedFd::from).map(TcpStream::from)
}

/// Inode numbers of the tree's sockets.
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

fn without_preload(error: anyhow::Error, output: &MemoryFile) -> anyhow::Error {
    let lines = last_lines(&output.content().unwrap_or_default(), MAX_OUTPUT_LINES);
    let lines: String = lines.iter().map(|line| format!("\n  it said: {line}")).collect();
    error.context(format!("without the preload, over real TCP, the server does not serve{lines}\n  and"))
}
