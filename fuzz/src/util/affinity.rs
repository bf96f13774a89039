//! CPU affinity of measurements (sched_setaffinity(2)).

use anyhow::{Context, Result};
use rustix::thread::{CpuSet, sched_getaffinity, sched_getcpu, sched_setaffinity};

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
        let before = affinity()?;
        // The first core handles most interrupts.
        let last = (0..CpuSet::MAX_CPU).rev().find(|&core| before.is_set(core));
        Self::to(last.context("this thread has no core")?, before)
    }

    /// Pins the thread to the core on which the kernel runs it now.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn to_current_core() -> Result<Self> {
        Self::to(sched_getcpu(), affinity()?)
    }

    /// Pins the thread to one of the cores that it may use, by a number that wraps around.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn to_nth_core(number: usize) -> Result<Self> {
        let before = affinity()?;
        let mut cores = (0..CpuSet::MAX_CPU).filter(|&core| before.is_set(core)).cycle();
        Self::to(cores.nth(number).context("this thread has no core")?, before)
    }

    fn to(core: usize, before: CpuSet) -> Result<Self> {
        let mut one = CpuSet::new();
        one.set(core);
        sched_setaffinity(None, &one).context("cannot pin to a core")?;
        Ok(Self { before })
    }
}

fn affinity() -> Result<CpuSet> {
    sched_getaffinity(None).context("cannot read the CPU affinity of this thread")
}

impl Drop for PinnedThread {
    fn drop(&mut self) {
        // If the affinity is not restored, this thread only runs slower.
        let _ = sched_setaffinity(None, &self.before);
    }
}
