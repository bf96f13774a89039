//! Fixed randomness: in the loop, every iteration draws the same "random" bytes. Hash seeds,
//! boundaries, identifiers and back-offs then differ neither from one run of an input to the next
//! nor from one process to the next, and so neither does the code that depends on them.
//!
//! What the kernel puts in front of the program (getauxval(3), AT_RANDOM) stays random, and so do
//! libc's own stack canaries and heap cookies: nothing a server decides by.
//!
//! What a server makes of the bytes and keeps from one iteration to the next is its own: the state of a generator
//! that it seeded once (Python's `random`, OpenSSL's DRBG), and hash keys. The exceptions are libc's generators
//! ([`super::pseudo_random`]) and the hash keys of Rust's std ([`super::hash_keys`]).

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

static FIXED: AtomicBool = AtomicBool::new(false);
/// Words of the stream that were drawn.
static POSITION: AtomicU64 = AtomicU64::new(0);

/// Where every iteration begins: no server draws so much while it starts.
const ITERATION_START_WORD: u64 = 1 << 40;

/// Bytes that are drawn together.
const WORD_BYTES: usize = size_of::<u64>();

/// From here on nothing is random.
pub(crate) fn fix() {
    FIXED.store(true, Relaxed);
}

/// Whether randomness is fixed.
pub(crate) fn is_fixed() -> bool {
    FIXED.load(Relaxed)
}

/// An iteration begins: back to what the one before has drawn.
pub(crate) fn rewind() {
    POSITION.store(ITERATION_START_WORD, Relaxed);
}

/// The next bytes of the stream.
pub(crate) fn fill(bytes: &mut [u8]) {
    for part in bytes.chunks_mut(WORD_BYTES) {
        let word = word(POSITION.fetch_add(1, Relaxed)).to_ne_bytes();
        part.copy_from_slice(&word[..part.len()]);
    }
}

/// The stream's word at `position`: SplitMix64 (Steele, Lea, Flood: Fast Splittable Pseudorandom
/// Number Generators, 2014), whose state is a multiple of its increment.
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
