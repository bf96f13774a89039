//! The descendants of this process. Servers fork, daemonize, and end before their children; as their
//! subreaper (prctl(2)), this process stays the ancestor of all of them and can kill every one.

use std::io;
use std::thread;
use std::time::{Duration, Instant};

use procfs::process::{Process, Stat, all_processes};
use rustix::process::{Pid, Signal, WaitOptions, getpid, kill_process, set_child_subreaper, wait};

/// How long processes may take to end after SIGKILL.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(5);

/// Makes this process the parent of orphaned descendants (PR_SET_CHILD_SUBREAPER).
///
/// # Errors
/// When the kernel refuses.
pub fn adopt_orphans() -> io::Result<()> {
    set_child_subreaper(Some(getpid()))?;
    Ok(())
}

/// Every descendant of `root` that has not ended. Processes that end meanwhile are left out.
#[must_use]
pub fn descendants(root: i32) -> Vec<Stat> {
    let Ok(processes) = all_processes() else {
        return Vec::new();
    };
    let mut others: Vec<Stat> = processes.filter_map(|process| process.ok()?.stat().ok()).collect();
    let mut found = Vec::new();
    let mut parents = vec![root];
    while let Some(parent) = parents.pop() {
        let (children, rest) = others.into_iter().partition(|stat| stat.ppid == parent);
        others = rest;
        parents.extend(children.iter().map(|stat: &Stat| stat.pid));
        found.extend(children);
    }
    found.retain(|stat| !matches!(stat.state, 'Z' | 'X'));
    found
}

/// Every descendant of this process that has not ended.
#[must_use]
pub fn own_descendants() -> Vec<Stat> {
    descendants(getpid().as_raw_nonzero().get())
}

/// Kills and reaps all descendants of this process, stopped ones included. Waiting for a child
/// afterwards is an error: it is reaped already.
pub fn kill_descendants() {
    let deadline = Instant::now() + SHUTDOWN_TIMEOUT;
    while Instant::now() < deadline {
        for pid in own_descendants().iter().map(|stat| stat.pid) {
            // It may have ended already.
            let _ = Pid::from_raw(pid).map(|pid| kill_process(pid, Signal::KILL));
        }
        match wait(WaitOptions::NOHANG) {
            Ok(Some(_)) => {}
            Ok(None) => thread::sleep(Duration::from_millis(1)),
            Err(_) => return,
        }
    }
}

/// Whether every thread of every descendant sleeps.
#[must_use]
pub fn is_asleep() -> bool {
    own_descendants()
        .iter()
        .filter_map(|stat| Process::new(stat.pid).ok()?.tasks().ok())
        .flatten()
        .filter_map(|task| task.ok()?.stat().ok())
        .all(|stat| !matches!(stat.state, 'R' | 'D'))
}
