//! How the kernel lets the server's threads take turns.
//!
//! Normally a thread that is woken may push the one that has woken it off the processor at once, or
//! may not, as the kernel's accounting has it that moment. Who takes a lock first, who finds a queue
//! empty, then differs from run to run. Batch threads (sched(7), SCHED_BATCH) never do that to each
//! other: on afl-fuzz's one core each goes on until it waits.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use crate::sys::real;

/// The longest time that the kernel lets a thread go on while another one wants to run (sched(7), since
/// Linux 6.12), in nanoseconds. Normally that is less than a tick, and at one of them, every few dozen
/// iterations, a thread loses the processor in the middle of its work.
const SLICE_NANOS: u64 = 100_000_000;

/// Whether this process has been told; its threads and children inherit it.
static APPLIED: AtomicBool = AtomicBool::new(false);

/// Makes the calling thread, the first one, and those that it will create, take turns. Without success the
/// server runs as before, less stably.
pub(crate) fn use_batch_policy() {
    if APPLIED.swap(true, Relaxed) {
        return;
    }
    // SAFETY: no pointers.
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
    // SAFETY: 0 is the calling thread; the attributes are only read.
    let _best_effort =
        unsafe { real::syscall(libc::SYS_sched_setattr, 0, (&raw const attributes).addr(), 0, 0, 0, 0) };
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    #[test]
    fn threads_inherit_the_batch_policy() {
        // SAFETY: 0 is the calling thread.
        let policy = || unsafe { libc::sched_getscheduler(0) };
        let inherited = thread::spawn(move || {
            use_batch_policy();
            thread::spawn(policy).join().expect("ends")
        });
        assert_eq!(inherited.join().expect("ends"), libc::SCHED_BATCH);
        assert_eq!(policy(), libc::SCHED_OTHER);
    }
}
