//! Detection of unrepresentative iterations, which are run again before they are reported to AFL++.

use std::time::Duration;

use crate::afl::{TouchedBlocks, VirginMap};
use crate::blocking::preemption;

/// Maximum number of reruns of one input.
const MAX_RERUNS: u32 = 2;

/// Maximum number of preemptions in an iteration that is run again. A thread that is preempted more often works for so
/// long that it would be preempted again.
const MAX_PREEMPTIONS: u64 = 3;

/// Divisor of the time limit. All runs of an input together should take no more than this part of it, so that no input is
/// reported as a hang because of its reruns.
const TIME_LIMIT_PART: u32 = 2;

/// State of reruns in this process.
#[derive(Debug)]
pub(super) struct Rerun {
    virgin: VirginMap,
    /// [`preemption::count`] at the end of the last iteration.
    preemptions: u64,
    /// Reruns of the current input.
    reruns: u32,
    /// Maximum duration of each run of an input that is run again.
    allowance: Duration,
}

impl Rerun {
    /// `time_limit` is AFL++'s limit for one input, reruns included.
    pub(super) fn new(virgin: VirginMap, time_limit: Duration) -> Self {
        let allowance = time_limit / TIME_LIMIT_PART / (MAX_RERUNS + 1);
        Self { virgin, preemptions: 0, reruns: 0, allowance }
    }

    /// Decides whether the input of the iteration that has just ended with this coverage is run again. `touched` are the
    /// blocks of it that are not empty. `elapsed` returns the time since AFL++ has sent it. (Must not be called before the
    /// end of the first iteration.)
    pub(super) fn is_needed(
        &mut self,
        coverage: &[u8],
        touched: &TouchedBlocks,
        elapsed: impl FnOnce() -> Duration,
    ) -> bool {
        let before = std::mem::replace(&mut self.preemptions, preemption::count());
        let preempted = (1..=MAX_PREEMPTIONS).contains(&self.preemptions.wrapping_sub(before));
        // Only new coverage of the first run matters: in it, servers allocate and fill caches.
        let new = self.reruns == 0 && self.virgin.is_new(coverage, touched);
        let again =
            (new || preempted) && self.reruns < MAX_RERUNS && elapsed() <= self.allowance * (self.reruns + 1);
        if self.is_rerun() && !again {
            self.virgin.record_reported(coverage, touched);
        }
        self.reruns = if again { self.reruns + 1 } else { 0 };
        again
    }

    /// Whether the current iteration is a rerun.
    pub(super) fn is_rerun(&self) -> bool {
        self.reruns > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn new_coverage_is_rerun_within_the_time_limit() {
        let repeats = |time_limit| {
            let mut rerun = Rerun::new(VirginMap::inherited(64), time_limit);
            let mut touched = TouchedBlocks::default();
            touched.find(&[1; 64]);
            rerun.is_needed(&[1; 64], &touched, || Duration::from_millis(1))
        };
        assert!(repeats(Duration::from_secs(600)));
        assert!(!repeats(Duration::from_millis(5)), "three runs of a millisecond exceed half of the limit");
    }
}
