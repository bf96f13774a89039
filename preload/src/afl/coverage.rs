//! AFL++'s coverage map, as far as sockfuzz reads it: whether an iteration did something that its
//! process had never done before.

use super::Instrumentation;

/// Bytes of the map that are looked at together: a few vector registers.
const BLOCK: usize = 256;

/// How often AFL++ distinguishes that an edge was run: the largest count of each class (AFL++
/// src/afl-fuzz-bitmap.c, count_class_lookup8).
const CLASSES: [u8; 8] = [1, 2, 3, 7, 15, 31, 127, 255];

/// How often this process has run each edge in one iteration, as a range of [`CLASSES`]. What is new to
/// AFL++ is outside of it, all but always.
#[derive(Debug)]
pub(crate) struct Seen {
    /// The range's largest count: 0 until the edge is seen.
    most: Vec<u8>,
    /// The largest count below the range.
    below: Vec<u8>,
}

impl Seen {
    /// Nothing, for a map of this size.
    pub(crate) fn nothing(instrumentation: &Instrumentation) -> Self {
        Self::of_len(instrumentation.map_len())
    }

    fn of_len(len: usize) -> Self {
        Self { most: vec![0; len], below: vec![0; len] }
    }

    /// Adds the counts of the iteration that has just ended; says whether any was new.
    pub(crate) fn add(&mut self, map: &[u8]) -> bool {
        let (blocks, rest) = map.as_chunks::<BLOCK>();
        let (most, most_rest) = self.most.as_chunks_mut::<BLOCK>();
        let (below, below_rest) = self.below.as_chunks_mut::<BLOCK>();
        // Each byte of a block is looked at, whatever the others say: a loop without an early end is a
        // vector loop. Most blocks are empty, and in most of the others nothing is new.
        let mut new = false;
        for ((hits, most), below) in blocks.iter().zip(most).zip(below) {
            if !is_empty(hits) && any_new(hits, most, below) {
                new = true;
                widen(hits, most, below);
            }
        }
        if any_new(rest, most_rest, below_rest) {
            new = true;
            widen(rest, most_rest, below_rest);
        }
        new
    }
}

#[inline(always)]
fn is_empty(hits: &[u8; BLOCK]) -> bool {
    hits.iter().fold(0, |any, hit| any | hit) == 0
}

#[inline(always)]
fn any_new(hits: &[u8], most: &[u8], below: &[u8]) -> bool {
    // One less than 0 is the largest number: an edge that was not run is never below.
    let outside =
        |hit: u8, most, below: u8| hit.saturating_sub(most) | below.saturating_sub(hit.wrapping_sub(1));
    let counts = hits.iter().zip(most).zip(below);
    counts.fold(0, |any, ((&hit, &most), &below)| any | outside(hit, most, below)) != 0
}

#[cold]
fn widen(hits: &[u8], most: &mut [u8], below: &mut [u8]) {
    for ((&hit, most), below) in hits.iter().zip(most).zip(below).filter(|((hit, _), _)| **hit != 0) {
        let class = CLASSES.partition_point(|&largest| largest < hit);
        let just_below = class.checked_sub(1).map_or(0, |smaller| CLASSES[smaller]);
        *below = if *most == 0 { just_below } else { just_below.min(*below) };
        *most = CLASSES[class].max(*most);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEN: usize = 2 * BLOCK + 9;

    #[test]
    fn an_edge_is_new_once() {
        let mut seen = Seen::of_len(LEN);
        let mut map = [0_u8; LEN];
        assert!(!seen.add(&map));
        for edge in [LEN - 1, 8, BLOCK] {
            map[edge] = 1;
            assert!(seen.add(&map), "{edge}");
            assert!(!seen.add(&map), "{edge}");
        }
        assert!(!seen.add(&[0; LEN]), "not to run an edge is nothing new");
    }

    #[test]
    fn a_count_is_new_outside_the_classes_seen() {
        let mut seen = Seen::of_len(1);
        let new =
            [(5, true), (4, false), (7, false), (8, true), (15, false), (3, true), (2, true), (1, true)];
        for (count, is_new) in new {
            assert_eq!(seen.add(&[count]), is_new, "{count}");
        }
        for (count, is_new) in [(200, true), (16, false), (255, false), (0, false)] {
            assert_eq!(seen.add(&[count]), is_new, "{count}");
        }
    }
}
