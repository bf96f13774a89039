//! Started process, killed with all its descendants when it is dropped or when sockfuzz ends.

use std::io;
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitStatus};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{
    Pid, PidfdFlags, Resource, Rlimit, Signal, pidfd_open, set_parent_process_death_signal, setrlimit,
};

use crate::server::process_tree;
use crate::util::interrupt;
use crate::util::notice;

/// Interval at which conditions are polled that no file descriptor signals.
const POLL_INTERVAL: Duration = Duration::from_millis(5);

/// Started process. Dropping it kills all descendants of sockfuzz.
#[derive(Debug)]
pub struct RunningProcess {
    child: Child,
}

/// Why a wait ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WaitOutcome {
    /// The process ended.
    Ended(ExitStatus),
    /// The condition became true.
    Done,
    /// The deadline has passed.
    TimedOut,
}

impl RunningProcess {
    /// Starts a command in a process group of its own, without core dumps.
    ///
    /// # Errors
    /// When the program cannot be started.
    pub fn start_in_background(mut command: Command) -> Result<Self> {
        command.process_group(0);
        // SAFETY: `pre_exec` requires a closure that is async-signal-safe; this one makes a single system
        // call and does not allocate.
        unsafe {
            command.pre_exec(|| {
                let none = Rlimit { current: Some(0), maximum: Some(0) };
                Ok(setrlimit(Resource::Core, none)?)
            });
        }
        Self::start(command)
    }

    /// Starts a command in the process group of sockfuzz, so that it can use the terminal.
    ///
    /// # Errors
    /// When the program cannot be started.
    pub fn start(mut command: Command) -> Result<Self> {
        // SAFETY: `pre_exec` requires a closure that is async-signal-safe; this one makes a single system
        // call and does not allocate.
        unsafe {
            command.pre_exec(|| Ok(set_parent_process_death_signal(Some(Signal::KILL))?));
        }
        notice::print_command(&command);
        let child =
            command.spawn().with_context(|| format!("cannot start {}", command.get_program().display()))?;
        Ok(Self { child })
    }

    /// Returns the process id.
    #[must_use]
    pub fn pid(&self) -> i32 {
        i32::try_from(self.child.id()).expect("process ids are small")
    }

    /// Takes the pipes to its stdin and from its stdout, if it was started with both.
    pub fn take_pipes(&mut self) -> Option<(ChildStdin, ChildStdout)> {
        self.child.stdin.take().zip(self.child.stdout.take())
    }

    /// Returns the exit status, if the process has ended.
    ///
    /// # Errors
    /// When waitpid(2) fails.
    pub fn ended(&mut self) -> io::Result<Option<ExitStatus>> {
        self.child.try_wait()
    }

    /// Waits until the process ends, `done` returns true, or the deadline has passed.
    ///
    /// # Errors
    /// When the user interrupts.
    pub fn wait(&mut self, deadline: Option<Instant>, mut done: impl FnMut() -> bool) -> Result<WaitOutcome> {
        let pid = Pid::from_child(&self.child);
        let end = pidfd_open(pid, PidfdFlags::empty()).context("cannot watch the server")?;
        loop {
            interrupt::check()?;
            if let Some(status) = self.ended()? {
                return Ok(WaitOutcome::Ended(status));
            }
            if done() {
                return Ok(WaitOutcome::Done);
            }
            if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                return Ok(WaitOutcome::TimedOut);
            }
            let interval = Timespec::try_from(POLL_INTERVAL).expect("the interval is short");
            // An interrupted or failed poll only shortens the interval.
            let _ = poll(&mut [PollFd::new(&end, PollFlags::IN)], Some(&interval));
        }
    }

    /// Like [`Self::wait`], but for a server that may go to the background: waits until all its processes
    /// have ended.
    ///
    /// # Errors
    /// When the user interrupts.
    pub fn wait_for_all(&mut self, deadline: Instant, mut done: impl FnMut() -> bool) -> Result<WaitOutcome> {
        loop {
            let waited = self.wait(Some(deadline), &mut done)?;
            if !matches!(waited, WaitOutcome::Ended(_)) || process_tree::own_descendants().is_empty() {
                return Ok(waited);
            }
            if done() {
                return Ok(WaitOutcome::Done);
            }
            if Instant::now() >= deadline {
                return Ok(WaitOutcome::TimedOut);
            }
            thread::sleep(POLL_INTERVAL);
        }
    }
}

impl Drop for RunningProcess {
    fn drop(&mut self) {
        process_tree::kill_descendants();
    }
}
