//! Random choices, all derived from one seed.

use std::ops::Range;

/// Random number generator of a mutator.
#[derive(Debug, Clone)]
pub(crate) struct Random(fastrand::Rng);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(fastrand::Rng::with_seed(seed))
    }

    /// Returns a number below `end`; 0 if `end` is 0.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        if end == 0 { 0 } else { self.0.usize(..end) }
    }

    /// Returns a number in the range; the start of an empty range.
    pub(crate) fn within(&mut self, range: Range<usize>) -> usize {
        range.start + self.below(range.len())
    }

    /// Returns a number of uniformly distributed bit length: small and large numbers are equally likely.
    pub(crate) fn of_any_magnitude(&mut self) -> u64 {
        self.0.u64(..) >> self.below(64)
    }

    /// Returns true with probability 1/`count`.
    pub(crate) fn one_in(&mut self, count: usize) -> bool {
        self.below(count) == 0
    }

    /// Returns a number from 0 to below 1.
    pub(crate) fn fraction(&mut self) -> f64 {
        self.0.f64()
    }

    pub(crate) fn byte(&mut self) -> u8 {
        self.0.u8(..)
    }

    /// Returns one of the values; `None` if there are none.
    pub(crate) fn pick<T: Copy>(&mut self, all: &[T]) -> Option<T> {
        all.get(self.below(all.len())).copied()
    }

    /// Returns one of the words; the empty word if there are none.
    pub(crate) fn word(&mut self, words: &[&'static str]) -> &'static [u8] {
        self.pick(words).unwrap_or_default().as_bytes()
    }

    pub(crate) fn fill(&mut self, bytes: &mut [u8]) {
        self.0.fill(bytes);
    }
}

/// The model's mutations draw from the same numbers.
impl sockfuzz_model::Random for Random {
    fn below(&mut self, limit: usize) -> usize {
        Self::below(self, limit)
    }
}
