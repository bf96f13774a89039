//! AFL++'s coverage map, as far as sockfuzz reads it: whether an iteration ran code that its
//! process had never run before.

use super::Instrumentation;

/// Edges that this process has run.
#[derive(Debug)]
pub(crate) struct Seen {
    /// One byte an edge: 0 until it is seen.
    edges: Vec<u8>,
}

impl Seen {
    /// Nothing, for a map of this size.
    pub(crate) fn nothing(instrumentation: &Instrumentation) -> Self {
        Self { edges: vec![0; instrumentation.map_len()] }
    }

    /// Adds the edges of the iteration that has just ended; says whether any was new.
    pub(crate) fn add(&mut self, map: &[u8]) -> bool {
        // Most of a map is zero, most of the time: blocks that are go by in a few instructions.
        const BLOCK: usize = 64;
        let mut new = 0;
        for (hits, seen) in map.chunks(BLOCK).zip(self.edges.chunks_mut(BLOCK)) {
            if hits.iter().fold(0, |any, &hit| any | hit) == 0 {
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
        let mut seen = Seen { edges: vec![0; 200] };
        let mut map = [0_u8; 200];
        assert!(!seen.add(&map));
        map[199] = 3;
        assert!(seen.add(&map));
        map[199] = 128;
        assert!(!seen.add(&map));
        map[8] = 1;
        assert!(seen.add(&map));
    }
}
