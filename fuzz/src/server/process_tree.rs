//! Descendants of this process. Servers fork, daemonize, and end before their child processes. As a subreaper
//! (prctl(2)), this process remains the ancestor of all of them and can kill each one.

use std::fs;
use std::io;
use std::thread;
use std::time::{Duration, Instant};

use procfs::process::{Process, Stat, all_processes};
use rustix::process::{Pid, Signal, WaitOptions, getpid, kill_process, set_child_subreaper, wait};

use crate::util::interrupt;

/// Maximum time for processes to end after SIGKILL.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(5);

/// Interval at which ending processes are polled.
const STOP_POLL_INTERVAL: Duration = Duration::from_millis(10);

/// Makes this process the parent of orphaned descendants (PR_SET_CHILD_SUBREAPER).
///
/// # Errors
/// When the kernel refuses.
pub fn adopt_orphans() -> io::Result<()> {
    set_child_subreaper(Some(getpid()))?;
    Ok(())
}

/// Undoes [`adopt_orphans`]: orphans that were started from now on outlive this process.
///
/// # Errors
/// When the kernel refuses.
pub fn release_orphans() -> io::Result<()> {
    set_child_subreaper(None)?;
    Ok(())
}

/// Returns every descendant of `root` that has not ended. Processes that end during the search are omitted.
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

/// Returns every descendant of this process that has not ended.
#[must_use]
pub fn own_descendants() -> Vec<Stat> {
    descendants(getpid().as_raw_nonzero().get())
}

/// Returns the process ids of all descendants, for polling. If the kernel lists children (CONFIG_PROC_CHILDREN),
/// only these are read, not every process of the machine. Some may have ended, and a process may be missing if
/// its sibling ends at this moment (proc_pid_task_tid_children(5)).
#[must_use]
pub fn poll_own_descendants() -> Vec<i32> {
    let mut found = Vec::new();
    let mut parents = vec![getpid().as_raw_nonzero().get()];
    while let Some(parent) = parents.pop() {
        let Some(children) = children(parent) else {
            return own_descendants().iter().map(|stat| stat.pid).collect();
        };
        parents.extend(&children);
        found.extend(children);
    }
    found
}

/// Returns the children of all threads of a process, ended or not; `None` if the kernel does not list them.
fn children(process: i32) -> Option<Vec<i32>> {
    let mut all = Vec::new();
    let Ok(tasks) = fs::read_dir(format!("/proc/{process}/task")) else {
        return Some(all);
    };
    for task in tasks.flatten() {
        match fs::read_to_string(task.path().join("children")) {
            Ok(list) => all.extend(list.split_whitespace().filter_map(|pid| pid.parse::<i32>().ok())),
            // Either the kernel lists no children, or the thread has ended.
            Err(_) if task.path().exists() => return None,
            Err(_) => {}
        }
    }
    Some(all)
}

/// Kills and reaps all descendants of this process, including stopped ones. Waiting for a child process
/// afterwards fails, because it has been reaped.
pub fn kill_descendants() {
    let deadline = Instant::now() + SHUTDOWN_TIMEOUT;
    while Instant::now() < deadline {
        for pid in poll_own_descendants() {
            // The process may have ended already.
            let _ = Pid::from_raw(pid).map(|pid| kill_process(pid, Signal::KILL));
        }
        match wait(WaitOptions::NOHANG) {
            Ok(Some(_)) => {}
            Ok(None) => thread::sleep(Duration::from_millis(1)),
            Err(_) => return,
        }
    }
}

/// Asks all descendants of this process to end (SIGTERM), and kills those that live on after `patience`, or when the user
/// interrupts.
pub fn stop_descendants(patience: Duration) {
    let deadline = Instant::now() + patience;
    own_descendants().iter().for_each(|stat| signal(stat.pid, libc::SIGTERM));
    while !own_descendants().is_empty() && Instant::now() < deadline && interrupt::check().is_ok() {
        thread::sleep(STOP_POLL_INTERVAL);
    }
    kill_descendants();
}

/// Sends a signal to a process, which may have ended already.
pub fn signal(process: i32, signal: i32) {
    // SAFETY: kill(2) takes numbers and has no precondition.
    unsafe { libc::kill(process, signal) };
}

/// Whether every thread of every descendant sleeps.
#[must_use]
pub fn is_asleep() -> bool {
    // The complete but slow search through all processes runs only if all polled descendants sleep.
    are_asleep(poll_own_descendants()) && are_asleep(own_descendants().iter().map(|stat| stat.pid))
}

fn are_asleep(processes: impl IntoIterator<Item = i32>) -> bool {
    processes
        .into_iter()
        .filter_map(|pid| Process::new(pid).ok()?.tasks().ok())
        .flatten()
        .filter_map(|task| task.ok()?.stat().ok())
        .all(|stat| !matches!(stat.state, 'R' | 'D'))
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn children_are_polled() {
        let mut child = Command::new("sleep").arg("10").spawn().expect("sleep starts");
        let pid = i32::try_from(child.id()).expect("small");
        assert!(poll_own_descendants().contains(&pid));
        assert!(own_descendants().iter().any(|stat| stat.pid == pid));
        child.kill().and_then(|()| child.wait()).expect("it ends");
        assert!(!poll_own_descendants().contains(&pid));
    }
}
