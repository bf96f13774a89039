//! Whether an iteration was as it is whenever its input is played. If not, the input is played again before
//! AFL++ sees anything of it.

use crate::afl::Seen;
use crate::idle;

/// How often an input is played again at most.
const REPETITIONS: u32 = 2;

/// A thread that works for so long that it is displaced more often will be so the next time.
const FEW: u64 = 3;

/// What is known of the iterations of this process.
#[derive(Debug)]
pub(super) struct Settling {
    seen: Seen,
    /// As it was at the end of the last iteration.
    displaced: u64,
    /// Of the current input.
    repetitions: u32,
}

impl Settling {
    pub(super) fn new(seen: Seen) -> Self {
        Self { seen, displaced: 0, repetitions: 0 }
    }

    /// An iteration, not the first of this process, has ended with this coverage.
    pub(super) fn wants_repetition(&mut self, coverage: &[u8]) -> bool {
        let before = std::mem::replace(&mut self.displaced, idle::count_displaced());
        let displaced = (1..=FEW).contains(&self.displaced.wrapping_sub(before));
        // The first time through, servers allocate and cache.
        let new = self.repetitions == 0 && self.seen.is_new(coverage);
        let again = (new || displaced) && self.repetitions < REPETITIONS;
        if self.repeats() && !again {
            self.seen.add(coverage);
        }
        self.repetitions = if again { self.repetitions + 1 } else { 0 };
        again
    }

    /// Whether the current iteration is a repetition.
    pub(super) fn repeats(&self) -> bool {
        self.repetitions > 0
    }
}
