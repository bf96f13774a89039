//! Ring of answers: memory that the mutator makes, to which the preload writes new answers of the server, and from which
//! the mutator learns words.
//!
//! The server can write anything into it. So each side reads a length as a number that may be wrong, and takes no more than
//! a slot holds. Nothing waits: when the ring is full, further answers are left out.

use std::sync::atomic::{
    AtomicU8, AtomicU32, AtomicU64, Ordering::Acquire, Ordering::Relaxed, Ordering::Release,
};

/// Number of answers that are kept until they are read.
const SLOTS: usize = 32;
/// Bytes of an answer that are kept.
const SLOT_BYTES: usize = 4096;
/// Number of answers that are remembered, so that they are not written again. More recent ones take the places of others.
const SEEN: usize = 8192;
/// Odd number with bits in all places: the golden ratio times 2^64.
const MULTIPLIER: u64 = 0x9e37_79b9_7f4a_7c15;

/// Ring in shared memory. Memory of zeroes is an empty one.
#[derive(Debug)]
#[repr(C)]
pub struct AnswerRing {
    written: AtomicU64,
    read: AtomicU64,
    seen: [AtomicU64; SEEN],
    slots: [Slot; SLOTS],
}

#[derive(Debug)]
#[repr(C)]
struct Slot {
    len: AtomicU32,
    bytes: [AtomicU8; SLOT_BYTES],
}

impl AnswerRing {
    /// Size of its file, in bytes.
    pub const FILE_SIZE: usize = size_of::<Self>().next_multiple_of(4096);

    /// Writes an answer that is in several parts, unless it has been written before or there is no room.
    pub fn write<'a>(&self, parts: impl Iterator<Item = &'a [u8]> + Clone) {
        let written = self.written.load(Relaxed);
        if written.wrapping_sub(self.read.load(Acquire)) >= SLOTS as u64 {
            return;
        }
        let mark = fingerprint(parts.clone());
        if self.seen[(mark % SEEN as u64) as usize].swap(mark, Relaxed) == mark {
            return;
        }
        let slot = &self.slots[(written % SLOTS as u64) as usize];
        let bytes = parts.flatten().zip(&slot.bytes);
        let len = bytes.map(|(byte, place)| place.store(*byte, Relaxed)).count();
        slot.len.store(len as u32, Relaxed);
        // With several processes of a server, one answer may take the place of another.
        self.written.store(written.wrapping_add(1), Release);
    }

    /// Takes the answers that have not been read.
    pub fn take(&self) -> Vec<Vec<u8>> {
        let (written, read) = (self.written.load(Acquire), self.read.load(Relaxed));
        let count = written.wrapping_sub(read).min(SLOTS as u64);
        let answers = (0..count).map(|index| {
            let slot = &self.slots[(written.wrapping_sub(count - index) % SLOTS as u64) as usize];
            let len = slot.len.load(Relaxed) as usize;
            slot.bytes.iter().take(len).map(|byte| byte.load(Relaxed)).collect()
        });
        let answers = answers.collect();
        self.read.store(written, Release);
        answers
    }
}

/// Returns a hash of the bytes that would be kept, which is never that of an unused place.
fn fingerprint<'a>(parts: impl Iterator<Item = &'a [u8]>) -> u64 {
    let (mut hash, mut room) = (MULTIPLIER, SLOT_BYTES);
    let mut add = |word: u64| hash = (hash ^ word).wrapping_mul(MULTIPLIER).rotate_left(29);
    for part in parts {
        let part = &part[..part.len().min(room)];
        room -= part.len();
        let (words, rest) = part.as_chunks();
        words.iter().for_each(|word| add(u64::from_le_bytes(*word)));
        add(rest.iter().fold(rest.len() as u64, |word, byte| word << 8 | u64::from(*byte)));
    }
    hash.max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns a ring of zeroes.
    fn empty() -> Box<AnswerRing> {
        // SAFETY: a ring has atomic numbers only, for which zero is a valid value.
        unsafe { Box::new_zeroed().assume_init() }
    }

    #[test]
    fn each_answer_is_read_once() {
        let ring = empty();
        for answer in [&b"HTTP/1.1 200 OK"[..], b"other", b"HTTP/1.1 200 OK"] {
            ring.write(answer.chunks(4));
        }
        assert_eq!(ring.take(), [&b"HTTP/1.1 200 OK"[..], b"other"]);
        assert!(ring.take().is_empty());
        ring.write([&b"other"[..]].into_iter());
        ring.write([&b"more"[..]].into_iter());
        assert_eq!(ring.take().last().map(Vec::as_slice), Some(&b"more"[..]));
    }

    #[test]
    fn a_full_ring_leaves_answers_out() {
        let ring = empty();
        (0..2 * SLOTS as u32).for_each(|number| ring.write([&number.to_le_bytes()[..]].into_iter()));
        assert_eq!(ring.take().len(), SLOTS);
        ring.write([&[b'a'; 2 * SLOT_BYTES][..]].into_iter());
        assert_eq!(ring.take(), [[b'a'; SLOT_BYTES]]);
    }

    #[test]
    fn a_ring_with_wrong_numbers_is_read_and_written() {
        let ring = empty();
        for number in [0, 1, 31, 32, 33, u64::MAX - 1, u64::MAX] {
            for other in [0, 7, u64::MAX] {
                ring.written.store(number, Relaxed);
                ring.read.store(other, Relaxed);
                ring.slots.iter().for_each(|slot| slot.len.store(u32::MAX, Relaxed));
                ring.write([&number.to_le_bytes()[..]].into_iter());
                let answers = ring.take();
                assert!(answers.len() <= SLOTS && answers.iter().all(|answer| answer.len() <= SLOT_BYTES));
            }
        }
    }
}
