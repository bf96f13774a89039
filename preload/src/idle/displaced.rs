//! Whether the kernel has taken the processor from a thread that had work to do, to give it to another.
//!
//! The server's threads take turns (see [`crate::scheduling`]), but now and then the kernel has work of
//! its own, and goes on with another thread than the one that it has stopped. That iteration is then
//! not as it always is.

use std::mem::MaybeUninit;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

/// Of all displacements, those of threads that drove, in the past.
static HARMLESS: AtomicU64 = AtomicU64::new(0);
/// Displacements of the thread that drives, before it did.
static BEFORE: AtomicU64 = AtomicU64::new(0);

/// While this lives, the calling thread has no work of the server's to do. It holds the driver's role, or has
/// just given it away.
pub(super) struct Harmless {
    before: u64,
}

impl Harmless {
    pub(super) fn begin() -> Self {
        let before = involuntary_switches(libc::RUSAGE_THREAD);
        BEFORE.store(before, SeqCst);
        Self { before }
    }
}

impl Drop for Harmless {
    fn drop(&mut self) {
        let now = involuntary_switches(libc::RUSAGE_THREAD);
        HARMLESS.fetch_add(now.wrapping_sub(self.before), SeqCst);
    }
}

/// A number that grows by one each time. For the thread that drives.
pub(crate) fn count() -> u64 {
    if super::threads::alone() {
        return 0;
    }
    // A forked child begins anew with what it is given by the kernel, but not with what it remembers: the
    // result is then another number, and grows as before.
    let driving = involuntary_switches(libc::RUSAGE_THREAD).wrapping_sub(BEFORE.load(SeqCst));
    involuntary_switches(libc::RUSAGE_SELF).wrapping_sub(HARMLESS.load(SeqCst)).wrapping_sub(driving)
}

/// getrusage(2), `ru_nivcsw`.
fn involuntary_switches(of: libc::c_int) -> u64 {
    usage(of).ru_nivcsw.cast_unsigned()
}

/// How often the processor was given to another thread than the calling one: getrusage(2), `ru_nvcsw` and
/// `ru_nivcsw`.
pub(super) fn switches_of_this_thread() -> u64 {
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
