//! A server that runs: started in a way that it cannot outlive us, ended with all its children.

use std::io;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{
    Pid, PidfdFlags, Resource, Rlimit, Signal, pidfd_open, set_parent_process_death_signal, setrlimit,
};

use crate::interrupt;
use crate::server::process_tree;

/// How often a wait looks at what no descriptor announces.
const TICK: Duration = Duration::from_millis(5);

/// A started server. Dropping it ends the whole tree below this process.
#[derive(Debug)]
pub struct Running {
    child: Child,
}

/// Why a wait is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Waited {
    /// The server's first process ended.
    Ended(ExitStatus),
    /// What was waited for came true.
    Done,
    /// The time is up.
    TimedOut,
}

impl Running {
    /// Starts a server that nobody looks at: in a process group of its own, without core dumps.
    ///
    /// # Errors
    /// When the program cannot be started.
    pub fn start_unseen(mut command: Command) -> Result<Self> {
        command.process_group(0);
        // SAFETY: the closure runs between fork and exec and makes one system call only.
        unsafe {
            command.pre_exec(|| {
                let none = Rlimit { current: Some(0), maximum: Some(0) };
                Ok(setrlimit(Resource::Core, none)?)
            });
        }
        Self::start(command)
    }

    /// Starts a server in our process group, so that the terminal is its own as well.
    ///
    /// # Errors
    /// When the program cannot be started.
    pub fn start(mut command: Command) -> Result<Self> {
        // SAFETY: the closure runs between fork and exec and makes one system call only.
        unsafe {
            command.pre_exec(|| Ok(set_parent_process_death_signal(Some(Signal::KILL))?));
        }
        let child =
            command.spawn().with_context(|| format!("cannot start {}", command.get_program().display()))?;
        Ok(Self { child })
    }

    /// The first process.
    #[must_use]
    pub fn pid(&self) -> i32 {
        i32::try_from(self.child.id()).expect("process numbers are small")
    }

    /// How the first process ended, if it has.
    ///
    /// # Errors
    /// When the kernel does not tell.
    pub fn ended(&mut self) -> io::Result<Option<ExitStatus>> {
        self.child.try_wait()
    }

    /// Waits until the server ends, `done` says so, or the deadline has passed.
    ///
    /// # Errors
    /// When the user interrupts.
    pub fn wait(&mut self, deadline: Option<Instant>, mut done: impl FnMut() -> bool) -> Result<Waited> {
        let pid = Pid::from_child(&self.child);
        let end = pidfd_open(pid, PidfdFlags::empty()).context("cannot watch the server")?;
        loop {
            interrupt::check()?;
            if let Some(status) = self.ended()? {
                return Ok(Waited::Ended(status));
            }
            if done() {
                return Ok(Waited::Done);
            }
            if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                return Ok(Waited::TimedOut);
            }
            let tick = Timespec::try_from(TICK).expect("a tick is short");
            // An interrupted or failed wait only makes the next look come sooner.
            let _ = poll(&mut [PollFd::new(&end, PollFlags::IN)], Some(&tick));
        }
    }

    /// The same for a server that may go to the background: it has ended when its first process and
    /// all others have.
    ///
    /// # Errors
    /// When the user interrupts.
    pub fn wait_for_all(&mut self, deadline: Instant, mut done: impl FnMut() -> bool) -> Result<Waited> {
        loop {
            let waited = self.wait(Some(deadline), &mut done)?;
            if !matches!(waited, Waited::Ended(_)) || process_tree::own_descendants().is_empty() {
                return Ok(waited);
            }
            if done() {
                return Ok(Waited::Done);
            }
            if Instant::now() >= deadline {
                return Ok(Waited::TimedOut);
            }
            thread::sleep(TICK);
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        process_tree::end_descendants();
    }
}
