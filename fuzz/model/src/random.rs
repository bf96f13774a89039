//! Sources of random choices: the random numbers of a mutator, or the bytes of `arbitrary`.

use arbitrary::Unstructured;

/// Source of random choices.
pub trait Random {
    /// Returns a number below `limit`; 0 if `limit` is 0.
    fn below(&mut self, limit: usize) -> usize;

    /// Returns true with probability 1/`count`.
    fn one_in(&mut self, count: usize) -> bool {
        self.below(count) == 0
    }

    /// Returns one of the choices.
    fn pick<'a, T>(&mut self, choices: &'a [T]) -> &'a T {
        &choices[self.below(choices.len())]
    }

    /// Returns a random byte.
    fn byte(&mut self) -> u8 {
        self.below(256) as u8
    }

    /// Returns a 32-bit number, often at the limit of some field.
    fn interesting_number(&mut self) -> u32 {
        match self.below(4) {
            0 => self.below(16) as u32,
            1 => *self.pick(&[0, 1, 0x3fff, 0x4000, 0x4001, 0xffff, 0x0001_0000, 0x00ff_ffff, 0x0100_0000]),
            2 => *self.pick(&[0x7fff_ffff, 0x8000_0000, 0xffff_ffff, 0x7fff_fffe, 0x8000_0001]),
            _ => self.below(1 << 16) as u32 | (self.below(1 << 16) as u32) << 16,
        }
    }
}

/// Returns zeros when the bytes are used up.
impl Random for Unstructured<'_> {
    fn below(&mut self, limit: usize) -> usize {
        self.int_in_range(0..=limit.saturating_sub(1)).unwrap_or(0)
    }
}
