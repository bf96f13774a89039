//! Leaks of a server process: file descriptors, memory, threads and child processes. They are measured after the
//! warm-up, at intervals, and at the end of the process. A process that has leaked too much ends before its share of
//! iterations is over, so that no input is blamed for the leaks of all inputs.

use std::os::fd::AsRawFd;

use libloading::os::unix::Library;
use rustix::fs::{Mode, OFlags, open};
use rustix::process::{Resource, getrlimit};
use sockfuzz_protocol::Counter;

use crate::history;
use crate::process::process_table;
use crate::sys::{proc, report, threads};

/// Maximum number of iterations between two checks of descriptors, threads and processes.
const MAX_LOOK_INTERVAL: u32 = 128;

/// Maximum number of iterations between two checks of memory, which take more time.
const MAX_MEMORY_LOOK_INTERVAL: u32 = 512;

/// Parts into which the rest of a limit is divided. The next check is due when a server that leaks at its present rate
/// has used up one part.
const PARTS_LEFT: u64 = 4;

/// Threads that a process may have in addition to those after its warm-up.
const MAX_NEW_THREADS: u64 = 64;

/// Unreaped child processes that it may have in addition to those after its warm-up.
const MAX_NEW_PROCESSES: u64 = 64;

/// A leak of one descriptor in this many iterations, or a faster one, is reported in a line.
const ITERATIONS_PER_REPORTED_LEAK: u32 = 100;

/// Iterations after which the growth of memory counts as a leak. Memory allocated in the first ones is often kept for
/// good.
const MIN_ITERATIONS: u32 = 1000;

/// Function of AddressSanitizer's runtime, which keeps freed memory, as other sanitizers do.
const KEEPS_FREED_MEMORY: &[u8] = b"__asan_init\0";

/// Leak detector of one process.
#[derive(Debug)]
pub(super) struct LeakWatch {
    before: Taken,
    /// Bytes that the process may occupy in addition to those after its warm-up.
    memory_limit: u64,
    iterations: u32,
    looks: Looks,
    memory_looks: Looks,
    too_much: bool,
}

/// Amount of a resource that the server has leaked, and its limit.
#[derive(Debug, Clone, Copy)]
struct Share {
    taken: u64,
    most: u64,
}

impl Share {
    fn of(taken: u64, most: u64) -> Self {
        Self { taken, most }
    }

    /// Number of iterations in which a server uses up one part of the rest, at its rate in the `iterations` so far.
    fn iterations_left(self, iterations: u32) -> u64 {
        let part = self.most.saturating_sub(self.taken).saturating_mul(iterations.into()) / PARTS_LEFT;
        part.checked_div(self.taken).unwrap_or(u64::MAX)
    }
}

/// Schedule of checks: the more a server leaks, the sooner the next check is due.
#[derive(Debug)]
struct Looks {
    /// Iteration after which the next check is due.
    next: u32,
    max_interval: u32,
}

impl Looks {
    fn are_due(&self, iterations: u32) -> bool {
        iterations >= self.next
    }

    /// Schedules the next check by these shares. Returns whether any of them is above its limit.
    fn schedule_by(&mut self, iterations: u32, shares: &[Share]) -> bool {
        let soonest = shares.iter().map(|share| share.iterations_left(iterations)).min().unwrap_or(u64::MAX);
        self.next = iterations + soonest.clamp(1, self.max_interval.into()) as u32;
        shares.iter().any(|share| share.taken > share.most)
    }
}

#[derive(Debug, Clone, Copy)]
struct Taken {
    /// `None` when no descriptor is left to count them with.
    descriptors: Option<usize>,
    /// Resident memory of the server in bytes.
    memory: u64,
    threads: usize,
    /// Child processes that were not reaped.
    processes: usize,
}

impl Taken {
    fn now() -> Self {
        Self {
            descriptors: proc::count_server_fds(),
            memory: server_bytes(),
            threads: proc::count_threads(),
            processes: process_table::own_children().count(),
        }
    }
}

impl LeakWatch {
    /// Begins after the warm-up. The process may occupy `memory_limit` bytes more than now.
    pub(super) fn begin(memory_limit: u64) -> Self {
        Self {
            before: Taken::now(),
            memory_limit,
            iterations: 0,
            looks: Looks { next: 1, max_interval: MAX_LOOK_INTERVAL },
            memory_looks: Looks { next: 1, max_interval: MAX_MEMORY_LOOK_INTERVAL },
            too_much: false,
        }
    }

    /// Counts an iteration, reruns included.
    pub(super) fn count(&mut self) {
        self.iterations += 1;
    }

    /// Whether the process has leaked so much that it must end. Measures only when a check is due.
    pub(super) fn has_too_much(&mut self) -> bool {
        if self.looks.are_due(self.iterations) {
            let processes = process_table::own_children().count().saturating_sub(self.before.processes);
            let threads = if threads::is_single() {
                0
            } else {
                proc::count_threads().saturating_sub(self.before.threads)
            };
            self.too_much |= self.looks.schedule_by(
                self.iterations,
                &[
                    self.descriptors(),
                    Share::of(threads as u64, MAX_NEW_THREADS),
                    Share::of(processes as u64, MAX_NEW_PROCESSES),
                ],
            );
        }
        if self.memory_looks.are_due(self.iterations) {
            let taken = server_bytes().saturating_sub(self.before.memory);
            self.too_much |=
                self.memory_looks.schedule_by(self.iterations, &[Share::of(taken, self.memory_limit)]);
        }
        self.too_much
    }

    /// Leaked descriptors, as shown by the lowest free number. Half of those that were free may be in use.
    fn descriptors(&self) -> Share {
        let Some(most) = getrlimit(Resource::Nofile).current else { return Share::of(0, 1) };
        let before = self.before.descriptors.unwrap_or(0) as u64;
        let lowest = open(c"/dev/null", OFlags::PATH | OFlags::CLOEXEC, Mode::empty());
        let lowest = lowest.map_or(most, |lowest| lowest.as_raw_fd().unsigned_abs().into());
        Share::of(lowest.saturating_sub(before), most.saturating_sub(before) / 2)
    }

    /// Records the leaks in the status page, at the end of the process.
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

/// Returns the resident memory of the server in this process, in bytes.
fn server_bytes() -> u64 {
    proc::resident_bytes().saturating_sub(history::resident_bytes())
}

fn keeps_freed_memory() -> bool {
    // SAFETY: `get` requires the symbol's type for its use, but the symbol is only looked up.
    unsafe { Library::this().get::<unsafe extern "C" fn()>(KEEPS_FREED_MEMORY) }.is_ok()
}
