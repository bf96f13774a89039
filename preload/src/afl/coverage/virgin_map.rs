//! Virgin map: shows whether an iteration has coverage that was never reported to AFL++.

use std::ops::Range;
use std::ptr;
use std::slice;
use std::sync::atomic::{AtomicPtr, Ordering::Relaxed};

use super::blocks::{BLOCK_BYTES, Block, TouchedBlocks};
use crate::sys::shared_pages;

/// Largest hit count of each class that AFL++ distinguishes (AFL++ src/afl-fuzz-bitmap.c, count_class_lookup8).
const CLASS_MAXIMA: [u8; 8] = [1, 2, 3, 7, 15, 31, 127, 255];

/// Times that an edge (or a count of it) may vanish in a rerun before it no longer counts as new. Such an edge shows
/// state that the previous input has left: a buffer too small, a table in another order. If that happens more often,
/// it need not be hidden, and further reruns are not worth the time.
const MAX_VANISHED_REPEATS: u8 = 100;

/// Hit ranges that any child of this forkserver has reported; null if there is no memory for them.
static REPORTED: AtomicPtr<u8> = AtomicPtr::new(ptr::null_mut());

/// Maps memory for the reports of all children, so that a fresh child inherits them. `map_len` is the length of
/// the coverage map in bytes.
pub(crate) fn share(map_len: usize) {
    if let Ok(ranges) = shared_pages::map_bytes(2 * map_len) {
        REPORTED.store(ranges.cast(), Relaxed);
    }
}

/// Range of hit counts that each edge had per iteration, in classes of [`CLASS_MAXIMA`].
#[derive(Debug)]
struct HitRanges<'a> {
    /// The range's largest count; 0 while the edge is virgin.
    most: &'a mut [u8],
    /// The largest count below the range.
    below: &'a mut [u8],
}

impl<'a> HitRanges<'a> {
    fn upon(memory: &'a mut [u8]) -> Self {
        let (most, below) = memory.split_at_mut(memory.len() / 2);
        Self { most, below }
    }

    /// Whether any count of the map is outside of its range. This runs once per iteration, so it uses the widest registers
    /// of the processor.
    fn lack(&self, map: &[u8], touched: &TouchedBlocks) -> bool {
        #[cfg(target_arch = "x86_64")]
        if std::arch::is_x86_feature_detected!("avx2") {
            // SAFETY: the processor has this feature.
            return unsafe { self.lack_by_avx2(map, touched) };
        }
        self.lack_by_any(map, touched)
    }

    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2")]
    fn lack_by_avx2(&self, map: &[u8], touched: &TouchedBlocks) -> bool {
        self.lack_by_any(map, touched)
    }

    /// A plain loop over arrays: the compiler vectorises it.
    #[inline(always)]
    fn lack_by_any(&self, map: &[u8], touched: &TouchedBlocks) -> bool {
        let (blocks, rest) = map.as_chunks::<BLOCK_BYTES>();
        let ((most, most_rest), (below, below_rest)) = (self.most.as_chunks(), self.below.as_chunks());
        for number in touched.numbers() {
            let (hits, most, below): (&Block, &Block, &Block) =
                (&blocks[number], &most[number], &below[number]);
            if any_new(hits, most, below) {
                return true;
            }
        }
        any_new(rest, most_rest, below_rest)
    }

    fn widen(&mut self, map: &[u8], touched: &TouchedBlocks) {
        for range in ranges(map, touched) {
            widen(&map[range.clone()], &mut self.most[range.clone()], &mut self.below[range]);
        }
    }
}

/// Returns the ranges of a map that are not empty.
fn ranges(map: &[u8], touched: &TouchedBlocks) -> impl Iterator<Item = Range<usize>> {
    let rest = map.len() - map.len() % BLOCK_BYTES..map.len();
    let blocks = touched.numbers().map(|number| number * BLOCK_BYTES..(number + 1) * BLOCK_BYTES);
    blocks.chain([rest])
}

/// Coverage already reported.
#[derive(Debug)]
pub(crate) struct VirginMap {
    /// Coverage that this process or earlier ones have reported, and edges that vanished [`MAX_VANISHED_REPEATS`]
    /// times. Coverage that is new to AFL++ is almost always outside of it.
    known: HitRanges<'static>,
    /// Reported coverage, shared with later processes.
    reported: Option<HitRanges<'static>>,
    /// New coverage of an input that is run again; otherwise zeroes.
    first: Vec<u8>,
    /// Number of times that each edge has vanished in a rerun.
    gone: Vec<u8>,
}

impl VirginMap {
    /// Returns the coverage that earlier processes have reported. To be called once, by the process that runs
    /// iterations.
    pub(crate) fn inherited(len: usize) -> Self {
        let memory = vec![0; 2 * len].leak();
        let reported = REPORTED.load(Relaxed);
        let reported = (!reported.is_null()).then(|| {
            // SAFETY: `share` has mapped these bytes, for a map whose length does not change, and they are never
            // unmapped. This is the only reference: one process at a time runs iterations, and calls this once.
            let reported = unsafe { slice::from_raw_parts_mut(reported, 2 * len) };
            memory.copy_from_slice(reported);
            HitRanges::upon(reported)
        });
        Self { known: HitRanges::upon(memory), reported, first: vec![0; len], gone: vec![0; len] }
    }

    /// Whether any count of the iteration that has just ended is new. If so, the input must be run again, and the
    /// coverage of its last run must be passed to [`VirginMap::record_reported`]. `touched` are the map's blocks that are
    /// not empty.
    pub(crate) fn is_new(&mut self, map: &[u8], touched: &TouchedBlocks) -> bool {
        let new = self.known.lack(map, touched);
        if new {
            self.first.copy_from_slice(map);
        }
        new
    }

    /// Adds the counts of a rerun that is reported to AFL++.
    pub(crate) fn record_reported(&mut self, map: &[u8], touched: &TouchedBlocks) {
        self.known.widen(map, touched);
        self.reported.iter_mut().for_each(|reported| reported.widen(map, touched));
        let (HitRanges { most, below }, gone) = (&mut self.known, &mut self.gone);
        let mut touched_first = TouchedBlocks::default();
        touched_first.find(&self.first);
        for range in ranges(&self.first, &touched_first) {
            let hits = &self.first[range.clone()];
            if any_new(hits, &most[range.clone()], &below[range.clone()]) {
                for (edge, hit) in range.zip(hits) {
                    let (most, below) = (&mut most[edge..=edge], &mut below[edge..=edge]);
                    if any_new(&[*hit], most, below) {
                        gone[edge] += 1;
                        if gone[edge] == MAX_VANISHED_REPEATS {
                            gone[edge] = 0;
                            widen(&[*hit], most, below);
                        }
                    }
                }
            }
        }
        self.first.fill(0);
    }
}

#[inline(always)]
fn any_new(hits: &[u8], most: &[u8], below: &[u8]) -> bool {
    // `wrapping_sub` turns 0 into the largest number, so an edge that was not run is never below the range.
    let outside =
        |hit: u8, most, below: u8| hit.saturating_sub(most) | below.saturating_sub(hit.wrapping_sub(1));
    let counts = hits.iter().zip(most).zip(below);
    counts.fold(0, |any, ((&hit, &most), &below)| any | outside(hit, most, below)) != 0
}

#[cold]
fn widen(hits: &[u8], most: &mut [u8], below: &mut [u8]) {
    for ((&hit, most), below) in hits.iter().zip(most).zip(below).filter(|((hit, _), _)| **hit != 0) {
        let class = CLASS_MAXIMA.partition_point(|&largest| largest < hit);
        let just_below = class.checked_sub(1).map_or(0, |smaller| CLASS_MAXIMA[smaller]);
        *below = if *most == 0 { just_below } else { just_below.min(*below) };
        *most = CLASS_MAXIMA[class].max(*most);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEN: usize = 2 * BLOCK_BYTES + 9;

    fn of_len(len: usize) -> VirginMap {
        let known = HitRanges::upon(vec![0; 2 * len].leak());
        VirginMap { known, reported: None, first: vec![0; len], gone: vec![0; len] }
    }

    fn is_new(virgin: &mut VirginMap, map: &[u8]) -> bool {
        let mut touched = TouchedBlocks::default();
        touched.find(map);
        virgin.is_new(map, &touched)
    }

    fn record(virgin: &mut VirginMap, map: &[u8]) {
        let mut touched = TouchedBlocks::default();
        touched.find(map);
        virgin.record_reported(map, &touched);
    }

    fn is_new_and_recorded(virgin: &mut VirginMap, count: u8) -> bool {
        let new = is_new(virgin, &[count]);
        record(virgin, &[count]);
        new
    }

    #[test]
    fn an_edge_is_new_until_it_is_reported() {
        let mut virgin = of_len(LEN);
        let mut map = [0_u8; LEN];
        assert!(!is_new(&mut virgin, &map));
        for edge in [LEN - 1, 8, BLOCK_BYTES] {
            map[edge] = 1;
            assert!(is_new(&mut virgin, &map), "{edge}");
            assert!(is_new(&mut virgin, &map), "{edge}");
            record(&mut virgin, &map);
            assert!(!is_new(&mut virgin, &map), "{edge}");
        }
        assert!(!is_new(&mut virgin, &[0; LEN]), "an edge that was not run is not new");
    }

    #[test]
    fn an_edge_that_vanishes_in_reruns_stops_being_new() {
        let mut virgin = of_len(LEN);
        let (mut first, mut again) = ([0; LEN], [0; LEN]);
        (first[3], first[BLOCK_BYTES], again[3]) = (2, 1, 1);
        for _ in 0..MAX_VANISHED_REPEATS {
            assert!(is_new(&mut virgin, &first));
            record(&mut virgin, &again);
        }
        assert!(!is_new(&mut virgin, &first));
    }

    #[test]
    fn a_count_is_new_outside_the_classes_seen() {
        let mut virgin = of_len(1);
        let new =
            [(5, true), (4, false), (7, false), (8, true), (15, false), (3, true), (2, true), (1, true)];
        for (count, is_new) in new {
            assert_eq!(is_new_and_recorded(&mut virgin, count), is_new, "{count}");
        }
        for (count, is_new) in [(200, true), (16, false), (255, false), (0, false)] {
            assert_eq!(is_new_and_recorded(&mut virgin, count), is_new, "{count}");
        }
    }
}
