//! Blocks of a coverage map, most of which are empty.

use std::ops::Range;

/// Bytes of the map that are handled together: a few vector registers.
pub(super) const BLOCK_BYTES: usize = 64;

/// Calls `look` for the blocks of a map that are not empty, and for the incomplete last one. `look` must read each byte of
/// a block: the compiler vectorises a loop without an early exit.
#[inline(always)]
pub(super) fn visit<'a>(map: &'a [u8], mut look: impl FnMut(Range<usize>, &'a [u8])) {
    let (blocks, rest) = map.as_chunks::<BLOCK_BYTES>();
    for (number, hits) in blocks.iter().enumerate().filter(|(_, hits)| !is_empty(hits)) {
        let start = number * BLOCK_BYTES;
        look(start..start + BLOCK_BYTES, hits);
    }
    look(map.len() - rest.len()..map.len(), rest);
}

/// Copies the blocks of `counters` that are not empty to `map`, and empties them.
pub(super) fn transfer(counters: &mut [u8], map: &mut [u8]) {
    let (blocks, rest) = counters.as_chunks_mut::<BLOCK_BYTES>();
    let (map_blocks, map_rest) = map.as_chunks_mut::<BLOCK_BYTES>();
    for (hits, place) in blocks.iter_mut().zip(map_blocks).filter(|(hits, _)| !is_empty(hits)) {
        *place = *hits;
        *hits = [0; BLOCK_BYTES];
    }
    map_rest[..rest.len()].copy_from_slice(rest);
    rest.fill(0);
}

/// Empties the blocks that are not empty, and leaves the memory of the others untouched.
pub(super) fn empty(counters: &mut [u8]) {
    let (blocks, rest) = counters.as_chunks_mut::<BLOCK_BYTES>();
    blocks.iter_mut().filter(|hits| !is_empty(hits)).for_each(|hits| *hits = [0; BLOCK_BYTES]);
    rest.fill(0);
}

#[inline(always)]
fn is_empty(hits: &[u8; BLOCK_BYTES]) -> bool {
    hits.iter().fold(0, |any, hit| any | hit) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEN: usize = 3 * BLOCK_BYTES + 5;

    #[test]
    fn a_transfer_moves_every_count_and_keeps_what_the_map_had_elsewhere() {
        let (mut counters, mut map) = ([0; LEN], [0; LEN]);
        (counters[1], counters[BLOCK_BYTES - 1], counters[LEN - 1]) = (1, 2, 3);
        map[BLOCK_BYTES] = 4;
        transfer(&mut counters, &mut map);
        let found: Vec<_> = map.iter().enumerate().filter(|(_, hits)| **hits != 0).collect();
        assert_eq!(found, [(1, &1), (BLOCK_BYTES - 1, &2), (BLOCK_BYTES, &4), (LEN - 1, &3)]);
        assert_eq!(counters, [0; LEN]);
    }

    #[test]
    fn emptied_counters_have_no_counts() {
        let mut counters = [7; LEN];
        empty(&mut counters);
        assert_eq!(counters, [0; LEN]);
    }
}
