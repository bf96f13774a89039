//! Preemption of the server's threads: involuntary context switches away from a thread that had work to do.
//!
//! The server's threads run under SCHED_BATCH (see [`crate::determinism::scheduling`]). But sometimes the kernel stops
//! a thread for work of its own, and then continues with another thread. An iteration in which that happened is not
//! representative.

use std::mem::MaybeUninit;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

use crate::sys::threads;

/// Involuntary switches of threads while they drove, in intervals that are over.
static EXEMPT_SWITCHES: AtomicU64 = AtomicU64::new(0);
/// Involuntary switches of the driving thread before it drove.
static DRIVER_SWITCHES_BEFORE: AtomicU64 = AtomicU64::new(0);

/// Interval in which the calling thread does no work of the server: it holds the driver guard, or has just released it.
pub(super) struct ExemptInterval {
    before: u64,
}

impl ExemptInterval {
    pub(super) fn begin() -> Self {
        let before = involuntary_switches(libc::RUSAGE_THREAD);
        DRIVER_SWITCHES_BEFORE.store(before, SeqCst);
        Self { before }
    }
}

impl Drop for ExemptInterval {
    fn drop(&mut self) {
        let now = involuntary_switches(libc::RUSAGE_THREAD);
        EXEMPT_SWITCHES.fetch_add(now.wrapping_sub(self.before), SeqCst);
    }
}

/// Returns the number of involuntary context switches of non-driver threads. To be called by the driver.
pub(crate) fn count() -> u64 {
    if threads::is_single() {
        return 0;
    }
    // In a forked child, the kernel's counters restart at 0, but the variables here keep their values. The result is
    // then shifted, but grows as before.
    let driving = involuntary_switches(libc::RUSAGE_THREAD).wrapping_sub(DRIVER_SWITCHES_BEFORE.load(SeqCst));
    involuntary_switches(libc::RUSAGE_SELF).wrapping_sub(EXEMPT_SWITCHES.load(SeqCst)).wrapping_sub(driving)
}

/// Returns the number of involuntary context switches: getrusage(2), `ru_nivcsw`.
fn involuntary_switches(of: libc::c_int) -> u64 {
    usage(of).ru_nivcsw.cast_unsigned()
}

/// Returns the number of context switches away from the calling thread: getrusage(2), `ru_nvcsw` and `ru_nivcsw`.
pub(super) fn context_switches_of_this_thread() -> u64 {
    let usage = usage(libc::RUSAGE_THREAD);
    (usage.ru_nivcsw + usage.ru_nvcsw).cast_unsigned()
}

fn usage(of: libc::c_int) -> libc::rusage {
    let mut usage = MaybeUninit::<libc::rusage>::zeroed();
    // SAFETY: the buffer has room for a `rusage`, and its zeroes are a valid one if getrusage(2) writes nothing.
    unsafe {
        libc::getrusage(of, usage.as_mut_ptr());
        usage.assume_init()
    }
}
