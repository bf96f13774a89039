//! Scheduling policy of the server's threads.
//!
//! By default, a woken thread may preempt the thread that has woken it, depending on the kernel's accounting at that
//! moment. Which thread takes a lock first, or finds a queue empty, then differs from run to run. Batch threads
//! (sched(7), SCHED_BATCH) never preempt each other at a wake-up: on afl-fuzz's single core, each runs until it waits.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use crate::sys::real;

/// Longest time for which a thread may run while another one is runnable, in nanoseconds (sched(7), since Linux 6.12).
/// By default this is less than a tick, so that at a tick, every few dozen iterations, a thread is preempted in the
/// middle of its work.
const SLICE_NANOS: u64 = 100_000_000;

/// Whether the policy was applied to this process; its threads and children inherit it.
static APPLIED: AtomicBool = AtomicBool::new(false);

/// Applies the batch policy to the calling thread, the first one, and to those that it will create. If that fails, the
/// server runs as before, less stably.
pub(crate) fn use_batch_policy() {
    if APPLIED.swap(true, Relaxed) {
        return;
    }
    // SAFETY: getpriority(2) takes no pointers.
    let niceness = unsafe { libc::getpriority(libc::PRIO_PROCESS, 0) };
    let attributes = libc::sched_attr {
        size: size_of::<libc::sched_attr>() as u32,
        sched_policy: libc::SCHED_BATCH as u32,
        sched_flags: 0,
        sched_nice: niceness,
        sched_priority: 0,
        sched_runtime: SLICE_NANOS,
        sched_deadline: 0,
        sched_period: 0,
    };
    // SAFETY: the kernel only reads the attributes, whose size they contain; 0 is the calling thread.
    let _best_effort =
        unsafe { real::syscall(libc::SYS_sched_setattr, 0, (&raw const attributes).addr(), 0, 0, 0, 0) };
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    #[test]
    fn threads_inherit_the_batch_policy() {
        // SAFETY: sched_getscheduler(2) takes no pointers; 0 is the calling thread.
        let policy = || unsafe { libc::sched_getscheduler(0) };
        let inherited = thread::spawn(move || {
            use_batch_policy();
            thread::spawn(policy).join().expect("the thread ends")
        });
        assert_eq!(inherited.join().expect("the thread ends"), libc::SCHED_BATCH);
        assert_eq!(policy(), libc::SCHED_OTHER);
    }
}
