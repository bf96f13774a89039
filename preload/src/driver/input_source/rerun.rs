//! Detection of unrepresentative iterations, which are run again before they are reported to AFL++.

use std::time::Duration;

use crate::afl::VirginMap;
use crate::blocking::preemption;
use crate::determinism::clock;

/// Times that an input is run again at most.
const MAX_RERUNS: u32 = 2;

/// Preemptions of an iteration that is run again. A thread that works for so long that it is preempted more
/// often would be preempted again.
const MAX_PREEMPTIONS: u64 = 3;

/// Part of the time limit that all repetitions together may take, so that no input is a hang because it was
/// played more than once.
const TIME_LIMIT_PART: u32 = 2;

/// State of reruns in this process.
#[derive(Debug)]
pub(super) struct Rerun {
    virgin: VirginMap,
    /// [`preemption::count`] at the end of the last iteration.
    preemptions: u64,
    /// Reruns of the current input.
    reruns: u32,
    /// What an iteration may have taken that is run again.
    allowance: Duration,
    /// When the current iteration began.
    began: Duration,
}

impl Rerun {
    /// `time_limit`: of AFL++, for all that an input takes.
    pub(super) fn new(virgin: VirginMap, time_limit: Duration) -> Self {
        let allowance = time_limit / TIME_LIMIT_PART / (MAX_RERUNS + 1);
        Self { virgin, preemptions: 0, reruns: 0, allowance, began: Duration::ZERO }
    }

    /// An iteration begins.
    pub(super) fn begin(&mut self) {
        self.began = clock::real_now();
    }

    /// Decides whether the input of the iteration that has just ended with this coverage is run again. (Not to be
    /// called before the first.)
    pub(super) fn is_needed(&mut self, coverage: &[u8]) -> bool {
        let before = std::mem::replace(&mut self.preemptions, preemption::count());
        let preempted = (1..=MAX_PREEMPTIONS).contains(&self.preemptions.wrapping_sub(before));
        // The first time through, servers allocate and cache.
        let new = self.reruns == 0 && self.virgin.is_new(coverage);
        let again = (new || preempted)
            && self.reruns < MAX_RERUNS
            && clock::real_now().saturating_sub(self.began) <= self.allowance;
        if self.is_rerun() && !again {
            self.virgin.record_reported(coverage);
        }
        self.reruns = if again { self.reruns + 1 } else { 0 };
        again
    }

    /// Whether the current iteration is a repetition.
    pub(super) fn is_rerun(&self) -> bool {
        self.reruns > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_new_is_repeated_where_there_is_time() {
        let repeats = |time_limit| {
            let mut rerun = Rerun::new(VirginMap::inherited(64), time_limit);
            rerun.begin();
            std::thread::sleep(Duration::from_millis(1));
            rerun.is_needed(&[1; 64])
        };
        assert!(repeats(Duration::from_secs(600)));
        assert!(!repeats(Duration::from_millis(5)), "three times a millisecond is more than half of it");
    }
}
