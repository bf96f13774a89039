//! Blocks of a coverage map, most of which are empty.

/// Bytes of the map that are handled together: a few vector registers.
pub(super) const BLOCK_BYTES: usize = 64;

/// One block.
pub(super) type Block = [u8; BLOCK_BYTES];

/// Blocks of a map that are not empty, by their numbers. What follows the last complete block is not among them.
#[derive(Debug, Default)]
pub(crate) struct TouchedBlocks(Vec<u32>);

impl TouchedBlocks {
    /// Looks for the blocks of a map.
    pub(crate) fn find(&mut self, map: &[u8]) {
        self.0.clear();
        for_each_touched(map.as_chunks().0, |number| self.0.push(number as u32));
    }

    /// Copies the blocks of `counters` that are not empty to `map`, and empties them.
    pub(super) fn transfer(&mut self, counters: &mut [u8], map: &mut [u8]) {
        self.find(counters);
        let (blocks, rest) = counters.as_chunks_mut::<BLOCK_BYTES>();
        let (map_blocks, map_rest) = map.as_chunks_mut::<BLOCK_BYTES>();
        for number in self.numbers() {
            map_blocks[number] = std::mem::replace(&mut blocks[number], [0; BLOCK_BYTES]);
        }
        map_rest[..rest.len()].copy_from_slice(rest);
        rest.fill(0);
    }

    /// Returns their numbers, in ascending order.
    pub(super) fn numbers(&self) -> impl Iterator<Item = usize> {
        self.0.iter().map(|&number| number as usize)
    }
}

/// Empties the blocks that are not empty, and leaves the memory of the others untouched.
pub(super) fn empty(counters: &mut [u8]) {
    let (blocks, rest) = counters.as_chunks_mut::<BLOCK_BYTES>();
    blocks.iter_mut().filter(|block| !is_empty(block)).for_each(|block| block.fill(0));
    rest.fill(0);
}

/// Calls `note` with the number of each block that is not empty. This runs once per iteration, over the whole map, so it
/// uses the widest registers of the processor.
fn for_each_touched(blocks: &[Block], note: impl FnMut(usize)) {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx2") {
        // SAFETY: the processor has this feature.
        return unsafe { for_each_touched_by_avx2(blocks, note) };
    }
    for_each_touched_by_any(blocks, note);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn for_each_touched_by_avx2(blocks: &[Block], note: impl FnMut(usize)) {
    for_each_touched_by_any(blocks, note);
}

/// A plain loop: adapters of iterators are not always inlined, and then compiled without the feature.
#[inline(always)]
fn for_each_touched_by_any(blocks: &[Block], mut note: impl FnMut(usize)) {
    for (number, block) in blocks.iter().enumerate() {
        if !is_empty(block) {
            note(number);
        }
    }
}

#[inline(always)]
fn is_empty(block: &Block) -> bool {
    let mut any = 0;
    for byte in block {
        any |= byte;
    }
    any == 0
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
        let mut touched = TouchedBlocks::default();
        touched.transfer(&mut counters, &mut map);
        let found: Vec<_> = map.iter().enumerate().filter(|(_, hits)| **hits != 0).collect();
        assert_eq!(found, [(1, &1), (BLOCK_BYTES - 1, &2), (BLOCK_BYTES, &4), (LEN - 1, &3)]);
        assert_eq!(counters, [0; LEN]);
        assert_eq!(touched.0, [0]);
    }

    #[test]
    fn emptied_counters_have_no_counts() {
        let mut counters = [7; LEN];
        empty(&mut counters);
        assert_eq!(counters, [0; LEN]);
    }
}
