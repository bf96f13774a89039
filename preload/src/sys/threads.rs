//! Threads and child processes that the server has created.

use std::cell::Cell;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU32, Ordering::SeqCst};
use std::time::Duration;

use rustix::process::getpid;
use rustix::thread::gettid;
use syscalls::{Sysno, syscall};

/// Real time that an iteration waits at its end for threads and processes that the server created in it and
/// that have not ended.
pub(crate) const LATE_TIMEOUT: Duration = Duration::from_millis(50);

/// Number of the current iteration of this process.
static ITERATION: AtomicU32 = AtomicU32::new(0);

/// Maximum number of late sleepers that are recorded at a time. Iterations do not wait for further ones.
const MAX_LATE_SLEEPERS: usize = 64;

/// Ids of threads in a short sleep that have slept in no earlier iteration; 0 marks a free entry. (A count would stay
/// wrong after a thread is cancelled in its sleep.)
static LATE_SLEEPERS: [AtomicI32; MAX_LATE_SLEEPERS] = [const { AtomicI32::new(0) }; MAX_LATE_SLEEPERS];

thread_local! {
    /// One more than the iteration in which this thread slept first; 0 before.
    static FIRST_SLEPT_IN: Cell<u32> = const { Cell::new(0) };
}

/// Counter that changes whenever the server creates a thread or a child process; 0 before the first.
static GENERATION: AtomicU32 = AtomicU32::new(0);

/// Records the creation of a thread (called before and again after it) or of a child process (called once).
pub(crate) fn record_creation() {
    GENERATION.fetch_add(1, SeqCst);
}

/// Whether libc may create threads at any time.
static UNSEEN: AtomicBool = AtomicBool::new(false);

/// Records that libc may create threads for the server from now on, which no hook sees.
pub(crate) fn expect_unseen() {
    UNSEEN.store(true, SeqCst);
}

/// Returns a number that changes with every creation; 0 before the first.
pub(crate) fn generation() -> u32 {
    if UNSEEN.load(SeqCst) {
        record_creation();
    }
    GENERATION.load(SeqCst)
}

/// Whether the server has never had a second thread or a child process.
pub(crate) fn is_single() -> bool {
    GENERATION.load(SeqCst) == 0
}

/// Begins the next iteration.
pub(crate) fn begin_iteration() {
    ITERATION.fetch_add(1, SeqCst);
}

/// Sleeps for `time` in the calling thread. The work of a thread that was created in this iteration belongs to it,
/// also after a short sleep. (The time of its first sleep stands in for that of its creation, which is unknown.)
pub(crate) fn sleep_for<T>(time: Duration, sleep: impl FnOnce() -> T) -> T {
    let iteration = ITERATION.load(SeqCst) + 1;
    let first = FIRST_SLEPT_IN.get();
    if first == 0 {
        FIRST_SLEPT_IN.set(iteration);
    }
    let is_late = time <= LATE_TIMEOUT && (first == 0 || first == iteration) && !is_single();
    if is_late {
        let me = own_number();
        let free = |place: &&AtomicI32| place.compare_exchange(0, me, SeqCst, SeqCst).is_ok();
        let _ = LATE_SLEEPERS.iter().find(free);
    }
    let result = sleep();
    if is_late {
        end_sleep();
    }
    result
}

/// Records that the calling thread does not sleep any more: the time is over, or a signal handler runs, which ends the
/// sleep and may leave it by siglongjmp(3).
pub(crate) fn end_sleep() {
    if !is_single() {
        let me = own_number();
        LATE_SLEEPERS
            .iter()
            .filter(|place| place.load(SeqCst) == me)
            .for_each(|place| place.store(0, SeqCst));
    }
}

/// Whether threads that belong to this iteration are in a short sleep.
pub(crate) fn has_late_sleepers() -> bool {
    let sleeps = |place: &AtomicI32| match place.load(SeqCst) {
        0 => false,
        thread if exists(thread) => true,
        ended => {
            let _taken_meanwhile = place.compare_exchange(ended, 0, SeqCst, SeqCst);
            false
        }
    };
    !is_single() && LATE_SLEEPERS.iter().any(sleeps)
}

fn own_number() -> i32 {
    gettid().as_raw_nonzero().get()
}

/// Whether this process has a thread with this id.
fn exists(thread: i32) -> bool {
    // SAFETY: tgkill(2) takes only numbers, and the signal 0 only checks for existence.
    unsafe { syscall!(Sysno::tgkill, getpid().as_raw_pid(), thread, 0) }.is_ok()
}

/// Clears the late sleepers in a forked child, where the other threads do not exist.
pub(crate) fn reset_after_fork() {
    LATE_SLEEPERS.iter().for_each(|place| place.store(0, SeqCst));
}

#[cfg(test)]
mod tests {
    use std::panic::{self, AssertUnwindSafe};
    use std::thread;

    use super::*;

    // There is only one test, because the table is global and tests run in parallel.
    #[test]
    fn a_thread_is_a_late_sleeper_until_it_wakes_or_ends() {
        const SHORT: Duration = Duration::from_millis(1);
        record_creation();
        let look = || {
            let sleeping = has_late_sleepers();
            // A signal handler runs.
            end_sleep();
            (sleeping, has_late_sleepers())
        };
        assert_eq!(sleep_for(SHORT, look), (true, false));
        assert_eq!(sleep_for(2 * LATE_TIMEOUT, look), (false, false));
        let cancelled = || panic::resume_unwind(Box::new(()));
        let ended = thread::spawn(move || {
            let _ = panic::catch_unwind(AssertUnwindSafe(|| sleep_for(SHORT, cancelled)));
            assert!(has_late_sleepers());
        });
        ended.join().expect("ends");
        // The kernel wakes the joiner before the thread is gone.
        while has_late_sleepers() {
            thread::yield_now();
        }
    }
}
