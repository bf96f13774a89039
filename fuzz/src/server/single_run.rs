//! One input, brought to a fresh server by the preload.

use std::path::Path;
use std::process::ExitStatus;
use std::time::{Duration, Instant};

use anyhow::Result;
use procfs::process::Stat;
use sockfuzz_protocol::session::Connection;
use sockfuzz_protocol::{AnswerFormat, Phase, RuntimeFound, SandboxMode, answers, specs};

use crate::cli::PreloadOptions;
use crate::memory_file::MemoryFile;
use crate::problem::Problem;
use crate::sandbox::TOO_TIGHT;
use crate::server::diagnose::{Evidence, Stops};
use crate::server::running::{Running, Waited};
use crate::server::{Server, process_tree, sanitizers};
use crate::status_file::StatusFile;

/// How long the first process of a server whose run is finished may take to end.
pub(crate) const GRACE: Duration = Duration::from_millis(500);

/// What every single run of one server has in common.
#[derive(Debug, Clone, Copy)]
pub struct Setup<'a> {
    /// The server.
    pub server: &'a Server,
    /// The preload library.
    pub library: &'a Path,
    /// What the preload is told.
    pub options: &'a PreloadOptions,
    /// How long one run may take.
    pub timeout: Duration,
}

/// How a single run ended.
#[derive(Debug)]
pub enum End {
    /// As it should: the connection is over.
    Finished,
    /// The first process ended before that.
    Ended(ExitStatus),
    /// The first process ended and left others behind. (One whose calls the preload sees stays.)
    Background(ExitStatus, Vec<Stat>),
    /// The time was up.
    TimedOut(Stops),
}

/// What came of a single run.
#[derive(Debug)]
pub struct SingleRun {
    /// What the server answered on each connection.
    pub answers: [Vec<u8>; Connection::COUNT],
    /// What the server wrote to its stdout and stderr.
    pub words: Vec<u8>,
    /// How it ended.
    pub end: End,
    /// How far the server came.
    pub phase: Phase,
    /// Where the preload found the AFL++ runtime.
    pub runtime: RuntimeFound,
    /// Why transport `memory` was left, if it was.
    pub left_memory: Option<String>,
}

impl SingleRun {
    /// All that the server answered, in the order of the connections' numbers.
    #[must_use]
    pub fn answer(&self) -> Vec<u8> {
        self.answers.concat()
    }
}

impl Setup<'_> {
    /// Runs one input.
    ///
    /// # Errors
    /// When the server cannot be started, or the user interrupts. A server that misbehaves is no
    /// error.
    pub fn run(&self, input: &[u8]) -> Result<SingleRun> {
        let status = StatusFile::in_memory()?;
        let [stdin, stdout, stderr] = [input, b"", b""].map(MemoryFile::new);
        let (stdout, stderr) = (stdout?, stderr?);
        let mut command = self.server.preloaded(self.library, self.options, &status);
        command.envs(sanitizers::options());
        command.env(specs::ANSWERS.variable, AnswerFormat::Pieces.to_string());
        command.stdin(stdin?.stdio()?).stdout(stdout.stdio()?).stderr(stderr.stdio()?);
        let mut running = Running::start_unseen(command)?;
        let deadline = Instant::now() + self.timeout;
        let finished = || status.phase() == Phase::Finished;
        let waited = match running.wait(Some(deadline), finished)? {
            Waited::Done => running.wait(Some(Instant::now() + GRACE), || false)?,
            other => other,
        };
        let left = process_tree::own_descendants();
        let end = match waited {
            _ if finished() => End::Finished,
            Waited::Ended(end) if end.success() && !left.is_empty() => End::Background(end, left),
            Waited::Ended(end) => End::Ended(end),
            Waited::Done | Waited::TimedOut => End::TimedOut(Stops::look()),
        };
        drop(running);
        Ok(SingleRun {
            answers: answers::sort(&stdout.content()?),
            words: stderr.content()?,
            end,
            phase: status.phase(),
            runtime: status.runtime(),
            left_memory: status.memory_fallback(),
        })
    }

    /// Whether the server runs in the sandbox.
    #[must_use]
    pub fn is_sandboxed(&self) -> bool {
        self.options.parsed().sandbox != SandboxMode::Off
    }

    /// Why this run proves the server a dud, whatever the input was; none when it served.
    ///
    /// # Errors
    /// Those of [`Self::run`]: a server that runs in the sandbox is tried without it.
    pub fn dud(&self, run: &SingleRun) -> Result<Option<Problem>> {
        let Some(problem) = self.symptom(run) else { return Ok(None) };
        if !self.is_sandboxed() {
            return Ok(Some(problem));
        }
        let off = self.options.with(specs::SANDBOX.variable, SandboxMode::Off.to_string());
        let without = Setup { options: &off, ..*self };
        // Nothing is asked of it: it has to start only, as it does whenever the user starts it.
        let to_blame = without.symptom(&without.run(b"")?).is_none();
        Ok(Some(if to_blame { problem.because("it does without the sandbox", TOO_TIGHT) } else { problem }))
    }

    fn symptom(&self, run: &SingleRun) -> Option<Problem> {
        let evidence = self.evidence(run);
        match &run.end {
            End::Background(status, left) => Some(evidence.daemonized(*status, left)),
            _ if run.phase >= Phase::Accepted => None,
            End::Ended(status) => Some(evidence.exited(*status)),
            End::Finished => Some(evidence.stuck(&Stops::default(), self.timeout)),
            End::TimedOut(stops) => Some(evidence.stuck(stops, self.timeout)),
        }
    }

    /// What a message about this run is made of.
    #[must_use]
    pub fn evidence<'a>(&'a self, run: &'a SingleRun) -> Evidence<'a> {
        Evidence { server: self.server, phase: run.phase, words: &run.words }
    }
}
