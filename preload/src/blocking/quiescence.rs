//! Quiescence: whether the server's other threads and its child processes sleep. The kernel decides, so
//! that it does not matter in which call, or in whose runtime, they do.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};

use rustix::fs::{Mode, openat};
use rustix::io::{Errno, fcntl_dupfd_cloexec};
use rustix::process::Pid;
use rustix::thread::sched_getaffinity;

use super::preemption;
use super::yield_probe::{ProbeResult, YieldProbe};
use crate::process::{children, process_table, relatives};
use crate::sys::fd_table::{self, FdKind};
use crate::sys::proc::{self, DIRECTORY};
use crate::sys::threads;

/// Threads whose state files are kept open; the others' are opened each time. (So are all where the
/// server has forbidden itself such high descriptors.)
const MAX_OPEN_STAT_FILES: usize = 64;

/// Lowest number of a state file: above the other protected descriptors.
const FIRST_STAT_FD: RawFd = 210;

/// The watched threads. Protected by the driver guard.
pub(super) struct Quiescence {
    watched: [Option<WatchedThread>; MAX_OPEN_STAT_FILES],
    /// Value of [`threads::generation`] when the list was made.
    generation: u32,
    /// Whether there are more threads than are watched.
    overflow: bool,
    /// Whether one of those was awake when the list was made.
    overflow_awake: bool,
    probe: YieldProbe,
}

struct WatchedThread {
    id: i32,
    stat: OwnedFd,
}

impl WatchedThread {
    fn new(id: i32, stat: OwnedFd) -> Self {
        fd_table::protect(stat.as_raw_fd());
        Self { id, stat }
    }
}

impl Drop for WatchedThread {
    fn drop(&mut self) {
        fd_table::set(self.stat.as_raw_fd(), FdKind::Unmanaged);
    }
}

impl Quiescence {
    pub(super) const fn new() -> Self {
        Self {
            watched: [const { None }; MAX_OPEN_STAT_FILES],
            generation: 0,
            overflow: false,
            overflow_awake: false,
            probe: YieldProbe::new(),
        }
    }

    /// Prepares for checks by the calling thread, which has just become the driver.
    pub(super) fn begin(&mut self) {
        self.probe.begin();
    }

    /// Whether any other thread runs or could run. Without /proc nobody can tell, and the server
    /// is taken for idle.
    pub(super) fn others_are_awake(&mut self) -> bool {
        let has_processes = children::any() || process_table::has_others();
        if threads::is_single() && !has_processes {
            return false;
        }
        // Of other processes, only /proc tells.
        if has_processes {
            let awake = self.others_are_awake_by_proc();
            if awake && threads::is_single() {
                // Like a thread, such a process may make the current call ready.
                threads::record_creation();
            }
            return awake;
        }
        match self.probe.probe() {
            ProbeResult::Idle => false,
            ProbeResult::Busy => true,
            ProbeResult::Unknown { idle } => {
                let awake = self.others_are_awake_by_proc();
                if idle {
                    let asleep = !awake && self.share_one_core();
                    self.probe.record_agreement(asleep);
                }
                awake
            }
        }
    }

    fn others_are_awake_by_proc(&mut self) -> bool {
        let generation = threads::generation().wrapping_add(process_table::generation());
        if self.generation != generation || self.overflow {
            self.generation = generation;
            if self.refresh().is_err() {
                return false;
            }
            if self.overflow_awake {
                return true;
            }
        }
        let before = preemption::context_switches_of_this_thread();
        match self.scan() {
            ThreadScan::Awake => true,
            // A thread that was seen asleep may have been woken by one that was seen later, if any could run
            // in the meantime; a second scan narrows that to nothing.
            ThreadScan::Asleep(2..)
                if preemption::context_switches_of_this_thread() != before || !self.share_one_core() =>
            {
                matches!(self.scan(), ThreadScan::Awake)
            }
            ThreadScan::Asleep(_) => false,
        }
    }

    /// Whether none of the threads may run anywhere but where the calling one does, and that is one core
    /// (as afl-fuzz has it).
    fn share_one_core(&self) -> bool {
        let core = |id| {
            let cores = sched_getaffinity(id).ok()?;
            (cores.count() == 1).then_some(cores)
        };
        let own = core(None);
        own.is_some()
            && self.watched.iter().flatten().all(|thread| {
                let id = Pid::from_raw(thread.id);
                id.is_some() && core(id) == own
            })
    }

    fn scan(&mut self) -> ThreadScan {
        let me = own_id();
        let mut asleep = 0;
        for slot in &mut self.watched {
            match slot {
                Some(thread) if thread.id != me => match read_state(thread.stat.as_fd()) {
                    Ok(state) if proc::is_awake(state) => return ThreadScan::Awake,
                    Ok(state) => {
                        asleep += 1;
                        if proc::is_dead(state) {
                            relatives::record_end();
                        }
                    }
                    Err(_) => {
                        *slot = None;
                        relatives::record_end();
                    }
                },
                _ => {}
            }
        }
        ThreadScan::Asleep(asleep)
    }

    /// Lists the threads again.
    fn refresh(&mut self) -> Result<(), Errno> {
        let tasks = proc::open_tasks()?;
        self.overflow = false;
        self.overflow_awake = false;
        proc::for_each_number(&tasks, |id| self.watch(id, tasks.as_fd()))?;
        if children::any() || process_table::has_others() {
            let processes = openat(&tasks, c"../..", DIRECTORY, Mode::empty())?;
            process_table::others().for_each(|id| self.watch(id, processes.as_fd()));
        }
        Ok(())
    }

    fn watch(&mut self, id: i32, tasks: BorrowedFd<'_>) {
        // A number may come back; its old file tells that the old thread is gone.
        let known = |slot: &Option<WatchedThread>| {
            slot.as_ref().is_some_and(|thread| thread.id == id && read_state(thread.stat.as_fd()).is_ok())
        };
        if self.watched.iter().any(known) {
            return;
        }
        let slot = self.watched.iter_mut().find(|slot| slot.as_ref().is_none_or(|thread| thread.id == id));
        // A thread that has just ended needs no watching.
        let Ok(stat) = proc::open_stat(tasks, id) else { return };
        match (slot, fcntl_dupfd_cloexec(&stat, FIRST_STAT_FD)) {
            (Some(slot), Ok(stat)) => *slot = Some(WatchedThread::new(id, stat)),
            _ => {
                self.overflow = true;
                self.overflow_awake |= id != own_id() && read_state(stat.as_fd()).is_ok_and(proc::is_awake);
            }
        }
    }
}

enum ThreadScan {
    Awake,
    /// Number of other threads, all asleep.
    Asleep(usize),
}

fn own_id() -> i32 {
    rustix::thread::gettid().as_raw_nonzero().get()
}

/// Reads a thread's state (proc_pid_stat(5), field 3).
fn read_state(stat: BorrowedFd<'_>) -> Result<u8, Errno> {
    let mut text = [0_u8; 64];
    let len = rustix::io::pread(stat, &mut text, 0)?;
    proc::state(&text[..len]).ok_or(Errno::SRCH)
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::thread;

    use super::*;

    #[test]
    fn threads_are_watched_from_their_creation_to_their_end() {
        let mut quiescence = Quiescence::new();
        let watched =
            |quiescence: &Quiescence, id| quiescence.watched.iter().flatten().any(|thread| thread.id == id);
        let (wake, sleep) = mpsc::channel::<()>();
        let (tell, told) = mpsc::channel();
        let sleeper = thread::spawn(move || {
            tell.send(own_id()).expect("told");
            sleep.recv().expect("woken");
        });
        let id = told.recv().expect("tells");
        quiescence.refresh().expect("/proc is mounted");
        assert!(watched(&quiescence, id));
        wake.send(()).expect("sleeps");
        sleeper.join().expect("ends");
        // Its entry in /proc outlives it for a moment: the kernel tells the joiner first.
        for thread in quiescence.watched.iter().flatten().filter(|thread| thread.id == id) {
            while read_state(thread.stat.as_fd()).is_ok() {
                thread::yield_now();
            }
        }
    }
}
