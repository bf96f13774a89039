//! Processes of the server that are not children of this one: a master that works while its child accepts, a
//! sibling, a grandchild for which nobody waits. Their crashes count for the iteration, too. The kernel sends no
//! signal for them, so this module looks for them in /proc.

use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::time::Duration;

use libc::c_int;
use rustix::event::Timespec;
use rustix::io::Errno;
use rustix::process::{Pid, Signal, kill_process};
use rustix::thread::{NanosleepRelativeResult, nanosleep};

use super::{ending, process_table};
use crate::determinism::clock;
use crate::sys::{config, proc};

/// Time limit for a process that still runs to die of the cause that has already ended another one.
const DEATH_TIMEOUT: Duration = Duration::from_millis(100);

/// Interval between two checks of such a process.
const POLL_INTERVAL: Timespec = Timespec { tv_sec: 0, tv_nsec: 1_000_000 };

/// Whether any process or thread has ended since the last call of [`recorded_crash`].
static HAVE_ENDED: AtomicBool = AtomicBool::new(false);

/// End of a process by a signal.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Crash {
    pub(crate) pid: i32,
    pub(crate) signal: c_int,
}

/// Records that a thread of this process, or another process, has ended.
pub(crate) fn record_end() {
    HAVE_ENDED.store(true, SeqCst);
}

/// Returns a crash of another process, if any end was recorded since the last call.
pub(super) fn recorded_crash() -> Option<Crash> {
    // Excludes this process's own children, whose ends the kernel reports to it.
    HAVE_ENDED.swap(false, SeqCst).then(|| find(process_table::relatives())).flatten()
}

/// Returns, in the forkserver, a crash of a process that lives beside its children and that no fork replaces.
pub(crate) fn lasting_crash() -> Option<Crash> {
    find(process_table::others())
}

/// Waits for a [`lasting_crash`] after a child has ended. Another process that is still dying may be the cause.
pub(crate) fn await_lasting_crash() -> Option<Crash> {
    let began = clock::real_now();
    loop {
        let wait = process_table::others().any(is_awake) && clock::real_now() - began < DEATH_TIMEOUT;
        let crash = lasting_crash();
        if crash.is_some() || !wait {
            return crash;
        }
        let NanosleepRelativeResult::Ok = nanosleep(&POLL_INTERVAL) else { continue };
    }
}

/// Waits for child processes of this one that still run. One of them may be dying, which this process has noticed by the
/// end of a pipe, before the kernel shows how it dies.
pub(crate) fn await_dying_children() {
    let began = clock::real_now();
    while process_table::living_children().any(is_awake) && clock::real_now() - began < DEATH_TIMEOUT {
        let NanosleepRelativeResult::Ok = nanosleep(&POLL_INTERVAL) else { continue };
    }
}

fn is_awake(process: i32) -> bool {
    proc::read_process(process).is_ok_and(|(state, _)| proc::is_awake(state))
}

/// Kills, in the forkserver, the processes that live beside its children. They hold AFL++'s pipes open, and AFL++
/// would wait for their ends.
pub(crate) fn kill() {
    for process in process_table::others().filter_map(Pid::from_raw) {
        let _it_may_be_gone = kill_process(process, Signal::KILL);
    }
}

/// Removes the processes that have ended so far. Called in the forkserver, before its first child.
pub(crate) fn forget_dead() {
    let is_dead = |&pid: &i32| proc::read_process(pid).is_ok_and(|(state, _)| proc::is_dead(state));
    process_table::others().filter(is_dead).for_each(process_table::remove);
}

fn find(mut processes: impl Iterator<Item = i32>) -> Option<Crash> {
    if !config::child_crashes_count() {
        return None;
    }
    processes.find_map(|pid| match proc::read_process(pid) {
        Ok((state, status)) if proc::is_dead(state) && libc::WIFSIGNALED(status) => {
            let signal = libc::WTERMSIG(status);
            ending::is_crash(signal).then_some(Crash { pid, signal })
        }
        Ok(_) => None,
        Err(error) => {
            if matches!(error, Errno::NOENT | Errno::SRCH) {
                // Its parent has reaped it, so the kernel may reuse its process id.
                process_table::remove(pid);
            }
            None
        }
    })
}
