//! AFL++'s coverage map, as far as sockfuzz reads it: whether an iteration ran code that its
//! process had never run before.

use super::Runtime;

/// Edges that this process has run.
#[derive(Debug)]
pub(crate) struct Seen {
    /// One byte an edge: 0 until it is seen.
    edges: Vec<u8>,
}

impl Seen {
    /// Nothing, for a map of the runtime's size.
    pub(crate) fn nothing(runtime: &Runtime) -> Self {
        Self { edges: vec![0; runtime.map_len()] }
    }

    /// Adds the edges of the iteration that has just ended; says whether any was new.
    pub(crate) fn add(&mut self, map: &[u8]) -> bool {
        const WORD: usize = size_of::<u64>();
        let mut new = 0;
        for (hits, seen) in map.chunks(WORD).zip(self.edges.chunks_mut(WORD)) {
            // Most of a map is zero, most of the time.
            if hits.try_into().is_ok_and(|word| u64::from_ne_bytes(word) == 0) {
                continue;
            }
            for (hit, seen) in hits.iter().zip(seen) {
                let hit = u8::from(*hit != 0);
                new |= hit & !*seen;
                *seen |= hit;
            }
        }
        new != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_edge_is_new_once_whatever_its_hit_count() {
        let mut seen = Seen { edges: vec![0; 20] };
        let mut map = [0_u8; 20];
        assert!(!seen.add(&map));
        map[19] = 3;
        assert!(seen.add(&map));
        map[19] = 128;
        assert!(!seen.add(&map));
        map[8] = 1;
        assert!(seen.add(&map));
    }
}
