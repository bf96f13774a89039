//! Threads and child processes that the server has created.

use std::cell::Cell;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::SeqCst};
use std::time::Duration;

/// Real time that is given, at the end of an iteration, to threads and processes that the server created in it
/// and that have not come to their ends.
pub(crate) const LATE_TIMEOUT: Duration = Duration::from_millis(50);

/// Number of the current iteration of this process.
static ITERATION: AtomicU32 = AtomicU32::new(0);

/// Threads in a short sleep that have slept in no earlier iteration.
static LATE_SLEEPERS: AtomicU32 = AtomicU32::new(0);

thread_local! {
    /// One more than the iteration in which this thread slept first; 0 before.
    static FIRST_SLEPT_IN: Cell<u32> = const { Cell::new(0) };
}

/// Changes whenever the server creates a thread or a child process; 0 before the first.
static GENERATION: AtomicU32 = AtomicU32::new(0);

/// Records a creation: of a thread before and again after it, of a child process once.
pub(crate) fn record_creation() {
    GENERATION.fetch_add(1, SeqCst);
}

/// Whether libc may create threads at any time.
static UNSEEN: AtomicBool = AtomicBool::new(false);

/// Records that libc may create threads for the server from now on, of which no hook tells.
pub(crate) fn expect_unseen() {
    UNSEEN.store(true, SeqCst);
}

/// Number that changes with every creation; 0 before the first.
pub(crate) fn generation() -> u32 {
    if UNSEEN.load(SeqCst) {
        record_creation();
    }
    GENERATION.load(SeqCst)
}

/// Whether the server has never had a second thread, nor a child process.
pub(crate) fn is_single() -> bool {
    GENERATION.load(SeqCst) == 0
}

/// An iteration begins.
pub(crate) fn begin_iteration() {
    ITERATION.fetch_add(1, SeqCst);
}

/// Sleeps, for `time`, in the calling thread. What a thread does that was created in this iteration belongs to
/// the iteration, also after a short sleep. (When it was created is not known, but when it slept first.)
pub(crate) fn sleep_for<T>(time: Duration, sleep: impl FnOnce() -> T) -> T {
    let iteration = ITERATION.load(SeqCst) + 1;
    let first = FIRST_SLEPT_IN.get();
    if first == 0 {
        FIRST_SLEPT_IN.set(iteration);
    }
    let is_late = time <= LATE_TIMEOUT && (first == 0 || first == iteration) && !is_single();
    LATE_SLEEPERS.fetch_add(is_late.into(), SeqCst);
    let result = sleep();
    LATE_SLEEPERS.fetch_sub(is_late.into(), SeqCst);
    result
}

/// Whether threads that belong to this iteration are in a short sleep.
pub(crate) fn has_late_sleepers() -> bool {
    LATE_SLEEPERS.load(SeqCst) != 0
}

/// In a forked child, where the other threads do not exist.
pub(crate) fn reset_after_fork() {
    LATE_SLEEPERS.store(0, SeqCst);
}
