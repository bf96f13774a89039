//! A process that outlives sockfuzz, should that be killed: it ends the instances of afl-fuzz, which would otherwise
//! fuzz on with nobody to watch them. (A death signal would reach `cargo afl` only, not afl-fuzz below it.)

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

/// How long afl-fuzz may take to write its state after SIGINT.
pub(super) const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(20);

/// Interval of looking whether it has ended.
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// What the guard is told, as one line of JSON.
#[derive(Debug, Serialize, Deserialize)]
enum Message<Group> {
    /// A process to end.
    Watch(i32),
    /// A control group to remove.
    Remove(Group),
}

/// The guard, as sockfuzz sees it. Dropping it ends the guard; being killed makes it act.
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

    /// Entrusts a process and its descendants to the guard.
    ///
    /// # Errors
    /// When the guard has ended.
    pub fn watch(&mut self, process: u32) -> io::Result<()> {
        self.send(&Message::<()>::Watch(process.cast_signed()))
    }

    /// Entrusts the control group of these processes to the guard.
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
        // It may have ended already, with all descendants of this process.
        let _ = self.0.kill().and_then(|()| self.0.wait());
    }
}

/// Runs the guard: reads messages from stdin until sockfuzz, which writes them, has ended; then ends the processes and
/// removes the control group.
///
/// # Errors
/// When stdin cannot be read.
pub fn run() -> Result<()> {
    // Not by the same name: who kills every sockfuzz by its name means the campaign.
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

/// Signals the processes below those that are watched, then these: any of them may have ended meanwhile.
fn send(watched: &[Pid], signal: Signal) {
    for process in descendants(watched).iter().chain(watched) {
        let _ = kill_process(*process, signal);
    }
}
