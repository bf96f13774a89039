//! How the kernel lets the server's threads take turns.
//!
//! Normally a thread that is woken may push the one that has woken it off the processor at once, or
//! may not, as the kernel's accounting has it that moment. Who takes a lock first, who finds a queue
//! empty, then differs from run to run. Batch threads (sched(7), SCHED_BATCH) never do that to each
//! other: on afl-fuzz's one core each goes on until it waits.

/// Makes the calling thread, and those that it will create, take turns. Without success the server
/// runs as before, less stably.
pub(crate) fn take_turns() {
    let parameters = libc::sched_param { sched_priority: 0 };
    // SAFETY: 0 is the calling thread; the parameters are only read.
    let _best_effort = unsafe { libc::sched_setscheduler(0, libc::SCHED_BATCH, &raw const parameters) };
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    #[test]
    fn threads_inherit_the_way_of_taking_turns() {
        // SAFETY: 0 is the calling thread.
        let policy = || unsafe { libc::sched_getscheduler(0) };
        let inherited = thread::spawn(move || {
            take_turns();
            thread::spawn(policy).join().expect("ends")
        });
        assert_eq!(inherited.join().expect("ends"), libc::SCHED_BATCH);
        assert_eq!(policy(), libc::SCHED_OTHER);
    }
}
