//! CPU affinity of measurements (sched_setaffinity(2)).

use anyhow::{Context, Result};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// Guard that pins this thread, and the processes that it starts, to one core until it is dropped.
#[derive(Debug)]
pub struct PinnedThread {
    before: CpuSet,
}

impl PinnedThread {
    /// Pins the thread to the last core that it may use.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn to_one_core() -> Result<Self> {
        let before = sched_getaffinity(None).context("cannot read the CPU affinity of this thread")?;
        // The first core handles most interrupts.
        let last = (0..CpuSet::MAX_CPU).rev().find(|&core| before.is_set(core));
        let mut one = CpuSet::new();
        one.set(last.context("this thread has no core")?);
        sched_setaffinity(None, &one).context("cannot pin to a core")?;
        Ok(Self { before })
    }
}

impl Drop for PinnedThread {
    fn drop(&mut self) {
        // If the affinity is not restored, this thread only runs slower.
        let _ = sched_setaffinity(None, &self.before);
    }
}
