//! Processes of the server of which this one is not the parent: a master that works while its child accepts, a
//! sibling, a grandchild for which nobody waits. Their crashes are the iteration's, too, but the kernel sends no
//! signal of them: they are seen in /proc.

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

/// How long a process that is still at work may take to die of what another one has died of.
const DEATH_TIMEOUT: Duration = Duration::from_millis(100);

/// Interval at which it is looked at.
const POLL_INTERVAL: Timespec = Timespec { tv_sec: 0, tv_nsec: 1_000_000 };

/// Whether any process or thread has ended since [`recorded_crash`] looked.
static HAVE_ENDED: AtomicBool = AtomicBool::new(false);

/// A process that a signal has ended.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Crash {
    pub(crate) pid: i32,
    pub(crate) signal: c_int,
}

/// Records that somebody has ended: a thread of this process, or a process.
pub(crate) fn record_end() {
    HAVE_ENDED.store(true, SeqCst);
}

/// A crash among the processes whose ends were recorded.
pub(super) fn recorded_crash() -> Option<Crash> {
    // Not one of its own children, whose ends it is told.
    HAVE_ENDED.swap(false, SeqCst).then(|| find(process_table::relatives())).flatten()
}

/// In the forkserver: a crash of a process that lives beside its children, and that no fork brings back.
pub(crate) fn lasting_crash() -> Option<Crash> {
    find(process_table::others())
}

/// The same where a child has just ended: what it has died of may be that another process dies.
pub(crate) fn await_lasting_crash() -> Option<Crash> {
    let began = clock::real_now();
    loop {
        let awake = |pid| proc::read_process(pid).is_ok_and(|(state, _)| proc::is_awake(state));
        let wait = process_table::others().any(awake) && clock::real_now() - began < DEATH_TIMEOUT;
        let crash = lasting_crash();
        if crash.is_some() || !wait {
            return crash;
        }
        let NanosleepRelativeResult::Ok = nanosleep(&POLL_INTERVAL) else { continue };
    }
}

/// In the forkserver: kills the processes that live beside its children. They hold AFL++'s pipes open, and it would
/// wait for them.
pub(crate) fn kill() {
    for process in process_table::others().filter_map(Pid::from_raw) {
        let _it_may_be_gone = kill_process(process, Signal::KILL);
    }
}

/// In the forkserver, before its first child: who has ended until now is none of the server's processes any more.
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
                // Reaped by whoever is its parent. Its number may come back.
                process_table::remove(pid);
            }
            None
        }
    })
}
