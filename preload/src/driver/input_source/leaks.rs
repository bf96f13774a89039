//! What the server takes and does not give back, measured over the life of a process: descriptors, memory, threads and
//! processes after the warm-up, from time to time, and at the end. A process that has taken too much ends before its
//! share of iterations is over, so that no input is blamed for what all of them have done.

use std::os::fd::AsRawFd;

use libloading::os::unix::Library;
use rustix::fs::{Mode, OFlags, open};
use rustix::process::{Resource, getrlimit};
use sockfuzz_protocol::Counter;

use crate::process::process_table;
use crate::sys::{proc, report, threads};

/// Iterations between two looks at descriptors and threads.
const LOOK_INTERVAL: u32 = 128;

/// At one look of so many, memory is looked at, too, which takes more time.
const LOOKS_PER_LONG_LOOK: u32 = 4;

/// Threads that a process may have more than after its warm-up.
const MAX_NEW_THREADS: usize = 64;

/// Processes that it may have forked and not reaped more than after its warm-up.
const MAX_NEW_PROCESSES: usize = 64;

/// One descriptor in this many iterations is worth a line.
const ITERATIONS_PER_REPORTED_LEAK: u32 = 100;

/// A process that has run fewer iterations to its end says nothing about memory: what it takes at first is for good.
const MIN_ITERATIONS: u32 = 1000;

/// AddressSanitizer and its like keep memory that was freed. (A function of the first one's runtime.)
const KEEPS_FREED_MEMORY: &[u8] = b"__asan_init\0";

/// The watch over one process.
#[derive(Debug)]
pub(super) struct LeakWatch {
    before: Taken,
    /// Bytes that the process may occupy.
    memory_limit: u64,
    iterations: u32,
    looks: u32,
    too_much: bool,
}

#[derive(Debug, Clone, Copy)]
struct Taken {
    /// `None` when there is no descriptor left to count them with.
    descriptors: Option<usize>,
    /// Resident, in bytes.
    memory: u64,
    threads: usize,
    /// Forked and not reaped.
    processes: usize,
}

impl Taken {
    fn now() -> Self {
        Self {
            descriptors: proc::count_server_fds(),
            memory: proc::resident_bytes(),
            threads: proc::count_threads(),
            processes: process_table::own_children().count(),
        }
    }
}

impl LeakWatch {
    /// Begins after the warm-up. The process is to occupy at most so many bytes more than now.
    pub(super) fn begin(memory_limit: u64) -> Self {
        let before = Taken::now();
        Self {
            before,
            memory_limit: before.memory.saturating_add(memory_limit),
            iterations: 0,
            looks: 0,
            too_much: false,
        }
    }

    /// Counts an iteration, be it one that repeats the one before.
    pub(super) fn count(&mut self) {
        self.iterations += 1;
    }

    /// Whether the process has taken so much that it is to end; looks from time to time.
    pub(super) fn has_too_much(&mut self) -> bool {
        let looks = self.iterations / LOOK_INTERVAL;
        if std::mem::replace(&mut self.looks, looks) != looks {
            self.too_much = self.uses_up_descriptors()
                || self.has_too_many_threads()
                || process_table::own_children().count() > self.before.processes + MAX_NEW_PROCESSES
                || looks.is_multiple_of(LOOKS_PER_LONG_LOOK) && proc::resident_bytes() > self.memory_limit;
        }
        self.too_much
    }

    fn has_too_many_threads(&self) -> bool {
        !threads::is_single() && proc::count_threads() > self.before.threads + MAX_NEW_THREADS
    }

    /// Whether half of the descriptors that were left are in use. (The lowest free number tells.)
    fn uses_up_descriptors(&self) -> bool {
        let Some(most) = getrlimit(Resource::Nofile).current else { return false };
        let before = self.before.descriptors.unwrap_or(0) as u64;
        let lowest = open(c"/dev/null", OFlags::PATH | OFlags::CLOEXEC, Mode::empty());
        lowest.map_or(true, |lowest| {
            lowest.as_raw_fd().unsigned_abs() as u64 > before + (most - before.min(most)) / 2
        })
    }

    /// At the end of the process.
    pub(super) fn report(&self) {
        let (before, after, iterations) = (self.before, Taken::now(), self.iterations);
        let status = report::status();
        if (self.too_much || iterations >= MIN_ITERATIONS) && !keeps_freed_memory() {
            status.add(Counter::LeakedMemory, after.memory.saturating_sub(before.memory));
        }
        status.add(Counter::LeakedThreads, after.threads.saturating_sub(before.threads) as u64);
        status.add(Counter::LeakedProcesses, after.processes.saturating_sub(before.processes) as u64);
        let (Some(before), Some(after)) = (before.descriptors, after.descriptors) else { return };
        let more = after.saturating_sub(before);
        status.add(Counter::Measured, iterations.into());
        status.add(Counter::Leaked, more as u64);
        if more >= (iterations / ITERATIONS_PER_REPORTED_LEAK).max(1) as usize {
            report::emit(format_args!(
                "descriptor leak: {more} more are open than {iterations} iterations ago"
            ));
        }
    }
}

fn keeps_freed_memory() -> bool {
    // SAFETY: the symbol is only looked up.
    unsafe { Library::this().get::<unsafe extern "C" fn()>(KEEPS_FREED_MEMORY) }.is_ok()
}
