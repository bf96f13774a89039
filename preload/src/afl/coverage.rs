//! AFL++'s coverage map, as far as sockfuzz reads it: whether an iteration ran code that its
//! process had never run before.

use super::{Instrumentation, gate};

/// Bytes of the map that are looked at together: a few vector registers.
const BLOCK: usize = 256;

/// Edges that this process has run.
#[derive(Debug)]
pub(crate) struct Seen {
    /// One byte an edge: all ones until it is seen.
    unseen: Vec<u8>,
}

impl Seen {
    /// What the process has run before its first iteration, as far as that is known.
    pub(crate) fn at_start(instrumentation: &Instrumentation) -> Self {
        let mut seen = Self { unseen: vec![u8::MAX; instrumentation.map_len()] };
        if let Some(outside) = gate::outside() {
            // SAFETY: the map is never unmapped, and at least as long as AFL++'s.
            seen.add(unsafe { std::slice::from_raw_parts(outside, seen.unseen.len()) });
        }
        seen
    }

    /// Adds the edges of the iteration that has just ended; says whether any was new.
    pub(crate) fn add(&mut self, map: &[u8]) -> bool {
        let (blocks, rest) = map.as_chunks::<BLOCK>();
        let (unseen, unseen_rest) = self.unseen.as_chunks_mut::<BLOCK>();
        // Each block is looked at, whatever the others say: a loop without an early end is a
        // vector loop. Nothing is new, most of the time.
        let mut new = false;
        for (hits, unseen) in blocks.iter().zip(unseen) {
            if any_unseen(hits, unseen) {
                new = true;
                mark(hits, unseen);
            }
        }
        if any_unseen(rest, unseen_rest) {
            new = true;
            mark(rest, unseen_rest);
        }
        new
    }
}

#[inline(always)]
fn any_unseen(hits: &[u8], unseen: &[u8]) -> bool {
    hits.iter().zip(unseen).fold(0, |any, (hit, unseen)| any | hit & unseen) != 0
}

#[cold]
fn mark(hits: &[u8], unseen: &mut [u8]) {
    for (hit, unseen) in hits.iter().zip(unseen) {
        if *hit != 0 {
            *unseen = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_edge_is_new_once_whatever_its_hit_count() {
        let mut seen = Seen { unseen: vec![u8::MAX; 2 * BLOCK + 9] };
        let mut map = [0_u8; 2 * BLOCK + 9];
        assert!(!seen.add(&map));
        for edge in [2 * BLOCK + 8, 8, BLOCK] {
            map[edge] = 3;
            assert!(seen.add(&map), "{edge}");
            map[edge] = 128;
            assert!(!seen.add(&map), "{edge}");
        }
    }
}
