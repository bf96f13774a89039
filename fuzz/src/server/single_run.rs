//! Single run: one input for a fresh server, through the preload.

use std::fmt;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::ExitStatus;
use std::time::{Duration, Instant};

use anyhow::Result;
use procfs::process::Stat;
use sockfuzz_protocol::session::Connection;
use sockfuzz_protocol::{AnswerFormat, Counter, Phase, SandboxMode, TlsFound, answers, specs};

use crate::options::PreloadOptions;
use crate::server::command::Server;
use crate::server::crash_stack::{CrashStack, RecordedCrash};
use crate::server::diagnose::{Diagnosis, SANDBOX_REMEDY, ThreadStates};
use crate::server::running::{RunningProcess, WaitOutcome};
use crate::server::status_file::StatusFile;
use crate::server::tcp_client::TcpTimeouts;
use crate::server::{process_tree, sanitizers};
use crate::util::memory_file::MemoryFile;
use crate::util::problem::Problem;

/// Maximum time for the first process to end after its run has finished.
pub const EXIT_TIMEOUT: Duration = Duration::from_millis(500);

/// Maximum time for a process without remaining threads to end after the time limit of its run.
const ENDING_TIMEOUT: Duration = Duration::from_secs(5);

/// Configuration of single runs of one server.
#[derive(Debug, Clone, Copy)]
pub struct RunConfig<'a> {
    /// The server.
    pub server: &'a Server,
    /// The preload library.
    pub library: &'a Path,
    /// Options of the preload.
    pub options: &'a PreloadOptions,
    /// Time limit of one run.
    pub timeout: Duration,
}

/// Server started with the preload, and the files to which it writes.
#[derive(Debug)]
pub(super) struct RunningServer {
    pub(super) running: RunningProcess,
    pub(super) status: StatusFile,
    /// Answers, in the format [`AnswerFormat::Pieces`].
    pub(super) stdout: MemoryFile,
    /// Output of the server.
    pub(super) stderr: MemoryFile,
    /// What its processes record of their crashes.
    pub(super) crashes: MemoryFile,
}

/// How a single run ended.
#[derive(Debug)]
pub enum RunEnd {
    /// The session was played to its end.
    Finished,
    /// The first process ended before that.
    Ended(ExitStatus),
    /// The first process ended and left others behind, although the preload keeps it if it can intercept its end.
    Background(ExitStatus, Vec<Stat>),
    /// The time limit was reached.
    TimedOut(ThreadStates),
}

/// Kind of a finding: the effect of an input on the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FindingKind {
    /// The input ends the server by a signal.
    Crash,
    /// The input keeps the server busy beyond the time limit.
    Hang,
    /// The server answers the input as a rule forbids: see [`crate::input::judge`].
    WrongAnswer,
}

impl FindingKind {
    /// All kinds.
    pub const ALL: [Self; 3] = [Self::Crash, Self::Hang, Self::WrongAnswer];
}

impl fmt::Display for FindingKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Crash => "crash",
            Self::Hang => "hang",
            Self::WrongAnswer => "wrong answer",
        })
    }
}

/// Result of a single run.
#[derive(Debug)]
pub struct SingleRun {
    /// Answers, by connection.
    pub answers: [Vec<u8>; Connection::COUNT],
    /// Output of the server: stdout and stderr.
    pub output: Vec<u8>,
    /// How the run ended.
    pub end: RunEnd,
    /// Last phase that the server reached.
    pub phase: Phase,
    /// Port that the server believes to listen on; 0 if it is not known.
    pub port: u16,
    /// Ports of its other listeners, as far as they are known.
    pub other_ports: Vec<u16>,
    /// Whether the server exited by itself, even if after a complete answer.
    pub exited: bool,
    /// Whether the preload reported an internal error.
    pub internal_error: bool,
    /// Whether the server has drawn keys for hash maps of Rust's std.
    pub draws_hash_keys: bool,
    /// Why transport `memory` fell back to `unix`, if it did.
    pub memory_fallback: Option<String>,
    /// What the server speaks; `None` if it did not come so far.
    pub tls: Option<TlsFound>,
    /// Crash that ended it, if the process has recorded that.
    pub crash: Option<RecordedCrash>,
}

impl SingleRun {
    /// Returns the kind of finding that the input is, if any, provided that the server serves.
    #[must_use]
    pub fn finding(&self) -> Option<FindingKind> {
        match &self.end {
            RunEnd::Ended(status) if status.signal().is_some() => Some(FindingKind::Crash),
            RunEnd::TimedOut(_) => Some(FindingKind::Hang),
            _ => None,
        }
    }

    /// Returns the stack of the crash that ended the server, if the process has recorded it.
    #[must_use]
    pub fn crash_stack(&self) -> Option<CrashStack> {
        self.crash.as_ref().map(RecordedCrash::stack)
    }

    /// Returns the answers of all connections, concatenated in the order of the connections' numbers.
    #[must_use]
    pub fn answer(&self) -> Vec<u8> {
        self.answers.concat()
    }
}

impl RunConfig<'_> {
    /// Returns the time limits of a client over TCP that correspond to those of the one in the preload.
    #[must_use]
    pub fn tcp_timeouts(&self) -> TcpTimeouts {
        let linger = Duration::from_millis(self.options.parsed().linger_ms.into());
        TcpTimeouts { timeout: self.timeout, linger }
    }

    /// Runs one input.
    ///
    /// # Errors
    /// When the server cannot be started, or the user interrupts. A crash, an exit or a hang of the server is
    /// not an error.
    pub fn run(&self, input: &[u8]) -> Result<SingleRun> {
        let RunningServer { mut running, status, stdout, stderr, crashes } = self.start(input)?;
        let deadline = Instant::now() + self.timeout;
        let finished = || status.phase() == Phase::Finished;
        let first = running.wait(Some(deadline), finished)?;
        let killed_before = matches!(first, WaitOutcome::Ended(end) if end.signal().is_some());
        let waited = match first {
            WaitOutcome::Done => running.wait(Some(Instant::now() + EXIT_TIMEOUT), || false)?,
            // The kernel may still be freeing the memory of the process, which takes long on a busy machine.
            WaitOutcome::TimedOut if process_tree::own_descendants().is_empty() => {
                running.wait(Some(Instant::now() + ENDING_TIMEOUT), || false)?
            }
            other => other,
        };
        let left = process_tree::own_descendants();
        let end = match waited {
            // A process other than the first one may have finished the run.
            _ if finished() && !killed_before => RunEnd::Finished,
            WaitOutcome::Ended(end) if end.success() && !left.is_empty() => RunEnd::Background(end, left),
            WaitOutcome::Ended(end) => RunEnd::Ended(end),
            WaitOutcome::Done | WaitOutcome::TimedOut => RunEnd::TimedOut(ThreadStates::capture()),
        };
        drop(running);
        let crash = match end {
            RunEnd::Ended(status) => RecordedCrash::of_end(&crashes, status)?,
            _ => None,
        };
        Ok(SingleRun {
            answers: answers::sort(&stdout.content()?),
            output: stderr.content()?,
            end,
            phase: status.phase(),
            port: status.port(),
            other_ports: status.other_ports(),
            exited: status.count(Counter::Exits) > 0,
            internal_error: status.count(Counter::InternalErrors) > 0,
            draws_hash_keys: status.has_hash_keys(),
            memory_fallback: status.memory_fallback(),
            tls: status.tls(),
            crash,
        })
    }

    /// Starts the server with the given bytes on its stdin.
    pub(super) fn start(&self, stdin: &[u8]) -> Result<RunningServer> {
        let status = StatusFile::in_memory()?;
        let [stdin, stdout, stderr, crashes] = [stdin, b"", b"", b""].map(MemoryFile::new);
        let (stdout, stderr, crashes) = (stdout?, stderr?, crashes?);
        let mut command = self.server.preloaded(self.library, self.options, &status);
        command.envs(sanitizers::options());
        command.env(specs::ANSWERS.variable, AnswerFormat::Pieces.to_string());
        command.env(specs::CRASHES.variable, crashes.path());
        command.stdin(stdin?.stdio()?).stdout(stdout.stdio()?).stderr(stderr.stdio()?);
        let running = RunningProcess::start_in_background(command)?;
        Ok(RunningServer { running, status, stdout, stderr, crashes })
    }

    /// Whether the server runs in the sandbox.
    #[must_use]
    pub fn is_sandboxed(&self) -> bool {
        self.options.parsed().sandbox != SandboxMode::Off
    }

    /// Returns the reason why the server cannot be used with any input; `None` if it has served.
    ///
    /// # Errors
    /// The errors of [`Self::run`], because a server that fails in the sandbox is run again without it.
    pub fn server_problem(&self, run: &SingleRun) -> Result<Option<Problem>> {
        let Some(problem) = self.startup_problem(run) else { return Ok(None) };
        if !self.is_sandboxed() {
            return Ok(Some(problem));
        }
        let off = self.options.with(specs::SANDBOX.variable, SandboxMode::Off.to_string());
        let without = RunConfig { options: &off, ..*self };
        // The input is empty, because the server only has to start.
        let works_without = without.startup_problem(&without.run(b"")?).is_none();
        Ok(Some(if works_without {
            problem.with_cause("it works without the sandbox", SANDBOX_REMEDY)
        } else {
            problem
        }))
    }

    fn startup_problem(&self, run: &SingleRun) -> Option<Problem> {
        let diagnosis = self.diagnosis(run);
        match &run.end {
            RunEnd::Background(status, left) => Some(diagnosis.daemonized(*status, left)),
            _ if run.phase >= Phase::Accepted => None,
            _ if run.internal_error => Some(diagnosis.internal_error()),
            RunEnd::Ended(status) => Some(diagnosis.exited(*status)),
            RunEnd::Finished => Some(diagnosis.stuck(&ThreadStates::default(), self.timeout)),
            RunEnd::TimedOut(threads) => Some(diagnosis.stuck(threads, self.timeout)),
        }
    }

    /// Returns the diagnosis of this run, for messages.
    #[must_use]
    pub fn diagnosis<'a>(&'a self, run: &'a SingleRun) -> Diagnosis<'a> {
        Diagnosis { server: self.server, phase: run.phase, output: &run.output }
    }
}
