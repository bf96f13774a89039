//! Threads and child processes that the server has created.

use std::cell::Cell;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU32, Ordering::SeqCst};
use std::time::Duration;

use rustix::process::getpid;
use rustix::thread::gettid;
use syscalls::{Sysno, syscall};

/// Real time that is given, at the end of an iteration, to threads and processes that the server created in it
/// and that have not come to their ends.
pub(crate) const LATE_TIMEOUT: Duration = Duration::from_millis(50);

/// Number of the current iteration of this process.
static ITERATION: AtomicU32 = AtomicU32::new(0);

/// Late sleepers that are known at a time; further ones are not waited for.
const MAX_LATE_SLEEPERS: usize = 64;

/// Threads in a short sleep that have slept in no earlier iteration, by their numbers; 0 marks a free place. A count
/// would be wrong for ever after a thread that is cancelled in its sleep.
static LATE_SLEEPERS: [AtomicI32; MAX_LATE_SLEEPERS] = [const { AtomicI32::new(0) }; MAX_LATE_SLEEPERS];

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

/// Records that the calling thread does not sleep: the time is over, or a handler runs, which ends the sleep, and may
/// leave it by siglongjmp(3).
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

/// Whether this process has a thread with this number.
fn exists(thread: i32) -> bool {
    // SAFETY: the signal 0 only asks.
    unsafe { syscall!(Sysno::tgkill, getpid().as_raw_pid(), thread, 0) }.is_ok()
}

/// In a forked child, where the other threads do not exist.
pub(crate) fn reset_after_fork() {
    LATE_SLEEPERS.iter().for_each(|place| place.store(0, SeqCst));
}

#[cfg(test)]
mod tests {
    use std::panic::{self, AssertUnwindSafe};
    use std::thread;

    use super::*;

    // One test for all of it: the table is global, and tests run in parallel.
    #[test]
    fn a_thread_is_a_late_sleeper_until_it_wakes_or_ends() {
        const SHORT: Duration = Duration::from_millis(1);
        record_creation();
        let look = || {
            let sleeping = has_late_sleepers();
            // A handler runs.
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
        // The kernel tells the joiner before the thread is gone.
        while has_late_sleepers() {
            thread::yield_now();
        }
    }
}
