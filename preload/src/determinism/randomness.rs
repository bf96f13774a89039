//! Fixed randomness: in the loop, every iteration draws the same "random" bytes. Hash seeds, boundaries, identifiers
//! and back-offs are then the same in every run of an input and in every process, and so is the code that depends on
//! them.
//!
//! The bytes that the kernel passes to the program (getauxval(3), AT_RANDOM) stay random, and so do libc's stack
//! canaries and heap cookies: servers do not make decisions by them.
//!
//! State that a server derives from the bytes, and keeps from one iteration to the next, is not reset: a generator that
//! it has seeded once (Python's `random`, OpenSSL's DRBG), and hash keys. The exceptions are libc's generators
//! ([`super::pseudo_random`]) and the hash keys of Rust's std ([`super::hash_keys`]).

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

static FIXED: AtomicBool = AtomicBool::new(false);
/// Position in the stream, in words.
static POSITION: AtomicU64 = AtomicU64::new(0);

/// Position at which every iteration begins. No server draws this number of words while it starts.
const ITERATION_START_WORD: u64 = 1 << 40;

/// Bytes of a word.
const WORD_BYTES: usize = size_of::<u64>();

/// Fixes randomness from now on.
pub(crate) fn fix() {
    FIXED.store(true, Relaxed);
}

/// Whether randomness is fixed.
pub(crate) fn is_fixed() -> bool {
    FIXED.load(Relaxed)
}

/// Rewinds the stream at the start of an iteration, which then draws the same bytes as the previous one.
pub(crate) fn rewind() {
    POSITION.store(ITERATION_START_WORD, Relaxed);
}

/// Fills `bytes` with the next bytes of the stream.
pub(crate) fn fill(bytes: &mut [u8]) {
    for part in bytes.chunks_mut(WORD_BYTES) {
        let word = word(POSITION.fetch_add(1, Relaxed)).to_ne_bytes();
        part.copy_from_slice(&word[..part.len()]);
    }
}

/// Returns the stream's word at `position`: SplitMix64 (Steele, Lea, Flood: Fast Splittable Pseudorandom Number
/// Generators, 2014), whose state is a multiple of its increment.
fn word(position: u64) -> u64 {
    let state = position.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let state = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let state = (state ^ (state >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    state ^ (state >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_those_of_splitmix64_seeded_with_0() {
        // The first numbers of the authors' reference, java.util.SplittableRandom(0).nextLong().
        assert_eq!([word(0), word(1)], [0xe220_a839_7b1d_cdaf, 0x6e78_9e6a_a1b9_65f4]);
    }

    // One test for the whole stream: it is global, and tests run in parallel.
    #[test]
    fn every_iteration_draws_the_same_bytes() {
        let draw = || {
            let mut bytes = [0; 29];
            fill(&mut bytes);
            bytes
        };
        rewind();
        let (first, second) = (draw(), draw());
        assert_ne!(first, second);
        rewind();
        assert_eq!([draw(), draw()], [first, second]);
    }
}
