//! Guard process, which ends the instances of afl-fuzz if sockfuzz is killed. Otherwise they would fuzz unsupervised.
//! (A parent-death signal, prctl(2), would only reach `cargo afl`, not afl-fuzz below it.)

use std::io::{self, BufRead, Write, stdin};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Result;
use rustix::process::{Pid, Signal, kill_process};
use serde::{Deserialize, Serialize};

use crate::campaign::control_group::ControlGroup;
use crate::server::process_tree;

/// Name of the hidden subcommand that runs the guard.
pub const SUBCOMMAND: &str = "guard";

/// Time limit for afl-fuzz to write its state after SIGINT.
pub(super) const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(20);

/// Interval of checking whether afl-fuzz has ended.
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// Message to the guard, as one line of JSON.
#[derive(Debug, Serialize, Deserialize)]
enum Message<Group> {
    /// A process to end.
    Watch(i32),
    /// A control group to remove.
    Remove(Group),
}

/// Handle of the guard process. Dropping it ends the guard; if sockfuzz is killed instead, the guard acts.
#[derive(Debug)]
pub struct Guard(Child);

impl Guard {
    /// Starts the guard.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start() -> io::Result<Self> {
        let program = std::env::current_exe()?;
        Command::new(program).arg(SUBCOMMAND).stdin(Stdio::piped()).stdout(Stdio::null()).spawn().map(Self)
    }

    /// Adds a process and its descendants to those that the guard ends.
    ///
    /// # Errors
    /// When the guard has ended.
    pub fn watch(&mut self, process: u32) -> io::Result<()> {
        self.send(&Message::<()>::Watch(process.cast_signed()))
    }

    /// Makes the guard remove the control group of these processes.
    ///
    /// # Errors
    /// When the guard has ended.
    pub fn remove(&mut self, group: &ControlGroup) -> io::Result<()> {
        self.send(&Message::Remove(group))
    }

    fn send(&mut self, message: &Message<impl Serialize>) -> io::Result<()> {
        let line = serde_json::to_string(message)?;
        self.0.stdin.as_mut().map_or(Ok(()), |pipe| writeln!(pipe, "{line}"))
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        // The guard may have ended already, with all descendants of this process.
        let _ = self.0.kill().and_then(|()| self.0.wait());
    }
}

/// Runs the guard: reads messages from stdin until sockfuzz, which writes them, has ended. Then ends the processes
/// and removes the control group.
///
/// # Errors
/// When stdin cannot be read.
pub fn run() -> Result<()> {
    // A name of its own, so that killing all processes named sockfuzz does not kill the guard.
    rustix::thread::set_name(c"campaign-guard")?;
    let mut watched = Vec::new();
    let mut group: Option<ControlGroup> = None;
    for line in stdin().lock().lines() {
        match serde_json::from_str(&line?)? {
            Message::Watch(process) => watched.extend(Pid::from_raw(process)),
            Message::Remove(given) => group = Some(given),
        }
    }
    let deadline = Instant::now() + SHUTDOWN_TIMEOUT;
    send(&watched, Signal::INT);
    while Instant::now() < deadline && !descendants(&watched).is_empty() {
        thread::sleep(POLL_INTERVAL);
    }
    send(&watched, Signal::KILL);
    drop(group);
    Ok(())
}

fn descendants(watched: &[Pid]) -> Vec<Pid> {
    let below = |root: &Pid| process_tree::descendants(root.as_raw_nonzero().get());
    watched.iter().flat_map(below).filter_map(|stat| Pid::from_raw(stat.pid)).collect()
}

/// Signals the descendants of the watched processes, then these. Any of them may have ended already.
fn send(watched: &[Pid], signal: Signal) {
    for process in descendants(watched).iter().chain(watched) {
        let _ = kill_process(*process, signal);
    }
}
