//! Server without the preload, started as its user would start it, and connections to it.

use std::fs;
use std::io;
use std::mem::ManuallyDrop;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::os::unix::fs::FileTypeExt;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Result;
use rustix::io::{FdFlags, dup2, fcntl_setfd};
use sockfuzz_protocol::session::{Connection, Session};
use sockfuzz_protocol::{Endpoint, InputFormat, Options, Switch, Tls};

use crate::server::client_stream::ClientStream;
use crate::server::command::Server;
use crate::server::diagnose::{ThreadStates, describe_exit};
use crate::server::listening::{ServerAddress, accept_queue, connect_to};
use crate::server::process_tree;
use crate::server::running::{RunningProcess, WaitOutcome};
use crate::server::tcp_client::{self, TcpAnswers, TcpTimeouts};
use crate::server::tls_client::{TlsApplication, TlsSettings};
use crate::server::tls_probe::speaks_tls_by;
use crate::util::interrupt::{self, Interrupted};
use crate::util::memory_file::MemoryFile;
use crate::util::printable::last_lines;
use crate::util::{exit_code, problem::Problem};

/// Interval at which the queue of a listener is polled.
const ACCEPT_POLL_INTERVAL: Duration = Duration::from_millis(10);

/// Maximum number of lines of the server's output in a message.
const MAX_OUTPUT_LINES: usize = 4;

/// Running server without the preload. Dropping it kills all descendants of sockfuzz.
#[derive(Debug)]
pub(super) struct PlainServer {
    running: RunningProcess,
    address: ServerAddress,
    timeout: Duration,
    /// Settings of the client, if the server speaks TLS.
    tls: Option<TlsSettings>,
    /// Connection by which the listener was detected; the first `connect` returns it.
    first: Option<TcpStream>,
    output: MemoryFile,
    _activation: Option<TcpListener>,
    _socket_file: Option<SocketFile>,
}

impl PlainServer {
    /// Starts the server and waits until it listens.
    ///
    /// # Errors
    /// When it never listens.
    pub(super) fn start(server: &Server, options: &Options, timeout: Duration) -> Result<Self> {
        Self::start_by(server.command(), server, options, timeout)
    }

    /// Like [`Self::start`], by this command, which may be a debugger that runs the server.
    ///
    /// # Errors
    /// When the server never listens.
    pub(super) fn start_by(
        command: Command,
        server: &Server,
        options: &Options,
        timeout: Duration,
    ) -> Result<Self> {
        let settings = TlsSettings::of(options)?;
        let tls = speaks_tls(server, options, &settings, timeout)?.then_some(settings);
        Ok(Self { tls, ..Self::start_without_tls(command, options, timeout)? })
    }

    /// Starts a server to which [`Self::play`] speaks without TLS.
    fn start_without_tls(command: Command, options: &Options, timeout: Duration) -> Result<Self> {
        let output = MemoryFile::new(b"")?;
        let socket_file = SocketFile::new_at(options.port.as_ref());
        let activation = match options.socket_activation {
            Switch::On => Some(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?),
            Switch::Off => None,
        };
        let mut command = match &activation {
            None => command,
            Some(listener) => socket_activated(&command, listener),
        };
        command.stdin(Stdio::null()).stdout(output.stdio()?).stderr(output.stdio()?);
        let mut running = RunningProcess::start_in_background(command)?;
        let (address, first) = match &activation {
            Some(listener) => (ServerAddress::Tcp(listener.local_addr()?), None),
            None => {
                let (address, connection) = wait_for_listener(&mut running, options.port.as_ref(), timeout)
                    .map_err(|error| without_preload(error, &output))?;
                (address, Some(connection))
            }
        };
        Ok(Self {
            running,
            address,
            timeout,
            tls: None,
            first,
            output,
            _activation: activation,
            _socket_file: socket_file,
        })
    }

    /// Returns a connection to the server.
    ///
    /// # Errors
    /// When the connection fails, for example because the server has ended.
    fn connect(&mut self) -> io::Result<TcpStream> {
        self.first.take().map_or_else(|| self.address.connect(self.timeout), Ok)
    }

    /// Plays an input of this format: see [`tcp_client::play`].
    ///
    /// # Errors
    /// When a connection fails, for example because the server has ended.
    pub(super) fn play(
        &mut self,
        input: &[u8],
        format: InputFormat,
        timeouts: TcpTimeouts,
        expected: Option<&[Vec<u8>; Connection::COUNT]>,
    ) -> io::Result<TcpAnswers> {
        let session = Session::of_input(input, format);
        let dial = |connection| {
            let client = |settings: &TlsSettings| settings.client(TlsApplication::of(&session, connection));
            let tls = self.tls.as_ref().map(client).transpose()?;
            ClientStream::new(self.connect()?, tls)
        };
        tcp_client::play(dial, &session, timeouts, expected, process_tree::is_asleep)
    }

    /// Whether the server accepts a further connection within `patience`. A listener that cannot be watched counts as
    /// accepting.
    ///
    /// # Errors
    /// When the user interrupts.
    pub(super) fn accepts(&mut self, patience: Duration) -> Result<bool> {
        let ServerAddress::Tcp(address) = self.address else { return Ok(true) };
        let Ok(_probe) = self.address.connect(self.timeout) else { return Ok(true) };
        let deadline = Instant::now() + patience;
        while Instant::now() < deadline {
            if accept_queue(address.port()).is_none_or(|waiting| waiting == 0) {
                return Ok(true);
            }
            interrupt::check()?;
            thread::sleep(ACCEPT_POLL_INTERVAL);
        }
        Ok(self.end_within(Duration::ZERO)?.is_some())
    }

    /// Returns the process id of the command that started it.
    pub(super) fn pid(&self) -> i32 {
        self.running.pid()
    }

    /// Returns what the server has written to stdout and stderr.
    ///
    /// # Errors
    /// When the memory cannot be read.
    pub(super) fn output(&self) -> io::Result<Vec<u8>> {
        self.output.content()
    }

    /// Waits for the server to end, and returns its exit status; `None` if it has not ended in time.
    ///
    /// # Errors
    /// When the user interrupts.
    pub(super) fn end_within(&mut self, patience: Duration) -> Result<Option<ExitStatus>> {
        Ok(match self.running.wait(Some(Instant::now() + patience), || false)? {
            WaitOutcome::Ended(end) => Some(end),
            WaitOutcome::Done | WaitOutcome::TimedOut => None,
        })
    }
}

/// Servers that were asked whether they speak TLS, each with its listener and its answer.
static ASKED: Mutex<Vec<(Server, Option<Endpoint>, bool)>> = Mutex::new(Vec::new());

/// Whether a server speaks TLS. Unless the options say so, the server is asked once, in a process of its own: in one that is
/// used for inputs, the question would be an input itself.
///
/// # Errors
/// When it never listens.
fn speaks_tls(server: &Server, options: &Options, settings: &TlsSettings, timeout: Duration) -> Result<bool> {
    match options.tls {
        Tls::On => return Ok(true),
        Tls::Off | Tls::Raw => return Ok(false),
        Tls::Auto => {}
    }
    let mut asked = ASKED.lock().unwrap_or_else(PoisonError::into_inner);
    let known = asked.iter().find(|(other, port, _)| (other, port) == (server, &options.port));
    if let Some((_, _, answer)) = known {
        return Ok(*answer);
    }
    let mut plain = PlainServer::start_without_tls(server.command(), options, timeout)?;
    // A server that ends instead of an answer does not speak TLS.
    let answer = speaks_tls_by(|| plain.connect(), settings, timeout).unwrap_or(false);
    asked.push((server.clone(), options.port.clone(), answer));
    Ok(answer)
}

/// Path of a UNIX-domain socket that the server creates. The drop removes it, because a killed server leaves it
/// behind, and the next one fails to bind to it.
#[derive(Debug)]
struct SocketFile(PathBuf);

impl SocketFile {
    fn new_at(endpoint: Option<&Endpoint>) -> Option<Self> {
        match endpoint {
            Some(Endpoint::Path(path)) if !path.starts_with('@') && fs::symlink_metadata(path).is_err() => {
                Some(Self(path.into()))
            }
            _ => None,
        }
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if fs::symlink_metadata(&self.0).is_ok_and(|file| file.file_type().is_socket()) {
            // If it cannot be removed, the next server reports that it cannot bind.
            let _ = fs::remove_file(&self.0);
        }
    }
}

/// Returns the command that starts the server with its listener at file descriptor 3, like systemd
/// (sd_listen_fds(3)). A shell sets `LISTEN_PID` to its process id, then replaces itself by the server.
fn socket_activated(server: &Command, listener: &TcpListener) -> Command {
    let mut command = Command::new("/bin/sh");
    command.args(["-c", "LISTEN_FDS=1 LISTEN_PID=$$ exec \"$0\" \"$@\""]);
    command.arg(server.get_program()).args(server.get_args());
    command.envs(server.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let listener = listener.as_raw_fd();
    // SAFETY: `pre_exec` requires a closure that is async-signal-safe; it makes a single system call and does
    // not allocate. `borrow_raw` requires an open descriptor; the listener outlives the start of the command.
    // `from_raw_fd` requires ownership: the child process replaces descriptor 3, and `ManuallyDrop` keeps it open.
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
) -> Result<(ServerAddress, TcpStream)> {
    let mut found = None;
    // A server that goes to the background has ended when its last process has ended.
    let waited = running.wait_for_all(Instant::now() + timeout, || {
        found = connect_to(endpoint, timeout);
        found.is_some()
    })?;
    if let Some(found) = found {
        return Ok(found);
    }
    let (exit, what) = match waited {
        WaitOutcome::Ended(end) => (exit_code::EXITS, format!("it ended: {}", describe_exit(end))),
        _ => (exit_code::NEVER_LISTENS, format!("it never listened; {}", ThreadStates::capture())),
    };
    let remedy = "fix the error that it reports; check whether another server uses its port";
    Err(Problem::new(exit, what, remedy).into())
}

/// Adds that the server runs without the preload, unless the user has interrupted it.
fn without_preload(error: anyhow::Error, output: &MemoryFile) -> anyhow::Error {
    if error.is::<Interrupted>() {
        return error;
    }
    let lines = last_lines(&output.content().unwrap_or_default(), MAX_OUTPUT_LINES);
    let lines: String = lines.iter().map(|line| format!("\n  output: {line}")).collect();
    error.context(format!("without the preload, over real TCP, the server does not serve{lines}\n  cause"))
}
