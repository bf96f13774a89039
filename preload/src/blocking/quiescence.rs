//! Quiescence: whether the server's other threads and its child processes sleep. The kernel reports that, so it does
//! not matter in which call or in which runtime they sleep.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};

use rustix::fs::{Mode, openat};
use rustix::io::{Errno, fcntl_dupfd_cloexec};
use rustix::process::{Pid, getpid};
use rustix::thread::sched_getaffinity;

use super::new_processes::NewProcesses;
use super::preemption;
use super::process_stat::ProcessStat;
use super::yield_probe::{ProbeResult, YieldProbe};
use crate::process::{children, process_table, relatives};
use crate::sys::fd_table::{self, FdKind};
use crate::sys::proc::{self, DIRECTORY};
use crate::sys::threads;

/// Number of threads whose stat files are kept open; those of others are opened each time. (If the server's
/// RLIMIT_NOFILE forbids such high descriptors, all are opened each time.)
const MAX_OPEN_STAT_FILES: usize = 64;

/// Lowest descriptor of a stat file: above the other protected descriptors.
const FIRST_STAT_FD: RawFd = 210;

/// Watched threads and processes. Protected by the driver guard.
pub(super) struct Quiescence {
    watched: [Option<WatchedThread>; MAX_OPEN_STAT_FILES],
    /// Sum of [`threads::generation`] and [`process_table::generation`] when the list was made.
    generation: u32,
    /// Whether there are threads that are not watched.
    overflow: bool,
    /// Whether one of these was awake when the list was made.
    overflow_awake: bool,
    probe: YieldProbe,
    new_processes: NewProcesses,
}

/// Thread of this process, or first thread of another process.
struct WatchedThread {
    id: i32,
    of: Owner,
    stat: OwnedFd,
}

/// Process that a thread belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Owner {
    ThisProcess,
    Other,
}

impl WatchedThread {
    fn new(id: i32, of: Owner, stat: OwnedFd) -> Self {
        fd_table::protect(stat.as_raw_fd());
        Self { id, of, stat }
    }

    fn look(&self) -> Result<ProcessStat, Errno> {
        ProcessStat::read(self.stat.as_fd())
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
            new_processes: NewProcesses::new(),
        }
    }

    /// Prepares for checks by the calling thread, which has just become the driver.
    pub(super) fn begin(&mut self) {
        self.probe.begin();
    }

    /// Whether any other thread runs or is runnable. Without /proc that is unknown, and the server counts as idle.
    pub(super) fn others_are_awake(&mut self) -> bool {
        let has_processes = children::any() || process_table::has_others();
        if threads::is_single() && !has_processes {
            return false;
        }
        // Only /proc shows the state of other processes.
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
                } else if !awake {
                    self.probe.record_contradiction();
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
        loop {
            let before = preemption::context_switches_of_this_thread();
            match self.scan() {
                ThreadScan::Awake => return true,
                ThreadScan::Asleep { programs: true, .. } if self.watch_new_descendants() => {}
                // A thread that was seen asleep may have been woken by one that was scanned later, if any could run in
                // the meantime. A second scan practically excludes that.
                ThreadScan::Asleep { others: 2.., .. }
                    if preemption::context_switches_of_this_thread() != before || !self.share_one_core() =>
                {
                    return matches!(self.scan(), ThreadScan::Awake);
                }
                ThreadScan::Asleep { .. } => return false,
            }
        }
    }

    /// Whether the calling thread and all watched threads are bound to the same single core (as under afl-fuzz).
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
        let mut others = 0;
        let mut programs = false;
        for slot in &mut self.watched {
            match slot {
                Some(thread) if thread.id != me => match thread.look() {
                    Ok(stat) if stat.is_awake() => return ThreadScan::Awake,
                    Ok(stat) => {
                        others += 1;
                        programs |= thread.of == Owner::Other && stat.has_executed();
                        if stat.is_dead() {
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
        ThreadScan::Asleep { others, programs }
    }

    /// Watches processes that programs have created, which no hook sees. Returns whether any of them was not watched
    /// before.
    fn watch_new_descendants(&mut self) -> bool {
        let Ok(processes) = proc::open_processes() else { return false };
        let me = getpid();
        let mut found = false;
        let mut new_processes = std::mem::take(&mut self.new_processes);
        new_processes.for_each(processes.as_fd(), |id, stat| {
            let is_parent = |thread: &WatchedThread| thread.of == Owner::Other && stat.is_child_of(thread.id);
            let is_descendant =
                stat.is_child_of(me.as_raw_pid()) || self.watched.iter().flatten().any(is_parent);
            if is_descendant && id != me {
                found |= self.watch(id.as_raw_pid(), Owner::Other, processes.as_fd());
            }
        });
        self.new_processes = new_processes;
        found
    }

    /// Lists the threads and processes again.
    fn refresh(&mut self) -> Result<(), Errno> {
        let tasks = proc::open_tasks()?;
        self.overflow = false;
        self.overflow_awake = false;
        proc::for_each_number(&tasks, |id| {
            self.watch(id, Owner::ThisProcess, tasks.as_fd());
        })?;
        if children::any() || process_table::has_others() {
            let processes = openat(&tasks, c"../..", DIRECTORY, Mode::empty())?;
            process_table::others().for_each(|id| {
                self.watch(id, Owner::Other, processes.as_fd());
            });
        }
        Ok(())
    }

    /// Watches a thread or a process, if that is possible; returns whether it is newly watched.
    fn watch(&mut self, id: i32, of: Owner, directory: BorrowedFd<'_>) -> bool {
        // An id may be reused. Then a read from the old file fails, because the old thread is gone.
        let known = |slot: &Option<WatchedThread>| {
            slot.as_ref().is_some_and(|thread| thread.id == id && thread.look().is_ok())
        };
        if self.watched.iter().any(known) {
            return false;
        }
        let slot = self.watched.iter_mut().find(|slot| slot.as_ref().is_none_or(|thread| thread.id == id));
        // A thread that has just ended needs no watching.
        let Ok(stat) = proc::open_stat(directory, id) else { return false };
        match (slot, fcntl_dupfd_cloexec(&stat, FIRST_STAT_FD)) {
            (Some(slot), Ok(stat)) => {
                *slot = Some(WatchedThread::new(id, of, stat));
                true
            }
            _ => {
                let is_awake = || ProcessStat::read(stat.as_fd()).is_ok_and(ProcessStat::is_awake);
                self.overflow = true;
                self.overflow_awake |= id != own_id() && is_awake();
                false
            }
        }
    }
}

enum ThreadScan {
    Awake,
    Asleep {
        /// Number of other threads.
        others: usize,
        /// Whether a process among them has executed a program, which may have created processes unseen.
        programs: bool,
    },
}

fn own_id() -> i32 {
    rustix::thread::gettid().as_raw_nonzero().get()
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
            tell.send(own_id()).expect("the id is awaited");
            sleep.recv().expect("the thread is woken");
        });
        let id = told.recv().expect("the thread sends its id");
        quiescence.refresh().expect("/proc is mounted");
        assert!(watched(&quiescence, id));
        wake.send(()).expect("the thread sleeps");
        sleeper.join().expect("the thread ends");
        // Its entry in /proc outlives it for a moment: the kernel wakes the joining thread first.
        for thread in quiescence.watched.iter().flatten().filter(|thread| thread.id == id) {
            while thread.look().is_ok() {
                thread::yield_now();
            }
        }
    }
}
