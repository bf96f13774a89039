//! Preemption of the server's threads: involuntary context switches away from a thread that had work to do.
//!
//! The server's threads run by SCHED_BATCH (see [`crate::determinism::scheduling`]), but at times the kernel has
//! work of its own, and goes on with another thread than the one that it has stopped. An iteration in which that
//! happened is not representative.

use std::mem::MaybeUninit;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

use crate::sys::threads;

/// Involuntary switches of threads while they drove, in the past.
static EXEMPT_SWITCHES: AtomicU64 = AtomicU64::new(0);
/// Involuntary switches of the driving thread before it drove.
static DRIVER_SWITCHES_BEFORE: AtomicU64 = AtomicU64::new(0);

/// Interval in which the calling thread does no work of the server's: it holds the driver guard, or has just
/// released it.
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

/// Number of involuntary context switches of non-driver threads. To be called by the driver.
pub(crate) fn count() -> u64 {
    if threads::is_single() {
        return 0;
    }
    // A forked child begins anew with what it is given by the kernel, but not with what it remembers: the
    // result is then another number, and grows as before.
    let driving = involuntary_switches(libc::RUSAGE_THREAD).wrapping_sub(DRIVER_SWITCHES_BEFORE.load(SeqCst));
    involuntary_switches(libc::RUSAGE_SELF).wrapping_sub(EXEMPT_SWITCHES.load(SeqCst)).wrapping_sub(driving)
}

/// getrusage(2), `ru_nivcsw`.
fn involuntary_switches(of: libc::c_int) -> u64 {
    usage(of).ru_nivcsw.cast_unsigned()
}

/// Number of context switches away from the calling thread: getrusage(2), `ru_nvcsw` and
/// `ru_nivcsw`.
pub(super) fn context_switches_of_this_thread() -> u64 {
    let usage = usage(libc::RUSAGE_THREAD);
    (usage.ru_nivcsw + usage.ru_nvcsw).cast_unsigned()
}

fn usage(of: libc::c_int) -> libc::rusage {
    let mut usage = MaybeUninit::<libc::rusage>::zeroed();
    // SAFETY: room for what is written; zeroes are a valid `rusage`, should nothing be.
    unsafe {
        libc::getrusage(of, usage.as_mut_ptr());
        usage.assume_init()
    }
}
