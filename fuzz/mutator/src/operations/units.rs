//! Operations on units of a binary protocol, each after the other: frames of HTTP/2, records of TLS.

use std::ops::Range;

use super::Mutation;
use crate::edits::Region;
use crate::random::Random;

/// Function that returns the positions at which units begin, and the end of the last unit.
pub(super) type Boundaries = fn(&[u8]) -> Vec<usize>;

pub(super) fn random_range(ranges: &[Range<usize>], random: &mut Random) -> Option<Range<usize>> {
    ranges.get(random.below(ranges.len())).cloned()
}

/// Returns the ranges of all units in these ranges of an input's bytes.
pub(super) fn units(bytes: &[u8], ranges: &[Range<usize>], boundaries: Boundaries) -> Vec<Range<usize>> {
    let units_of = |range: &Range<usize>| {
        let boundaries = boundaries(&bytes[range.clone()]);
        let units = boundaries.windows(2).map(|pair| range.start + pair[0]..range.start + pair[1]);
        units.collect::<Vec<_>>()
    };
    ranges.iter().flat_map(units_of).collect()
}

/// Returns a random position between two units of a range, or at either end.
pub(super) fn random_boundary(
    mutation: &mut Mutation<'_>,
    range: Range<usize>,
    boundaries: Boundaries,
) -> usize {
    let boundaries = boundaries(mutation.bytes(range.clone()));
    range.start + boundaries[mutation.random.below(boundaries.len())]
}

/// Inserts some units of the other input's range between two units of the parent's range.
pub(super) fn take_units(
    mutation: &mut Mutation<'_>,
    own: Range<usize>,
    foreign: Range<usize>,
    boundaries: Boundaries,
) -> bool {
    let foreign_boundaries = boundaries(&mutation.other.bytes[foreign.clone()]);
    let first = mutation.random.below(foreign_boundaries.len() - 1);
    let last = (first + 1 + mutation.random.below(4)).min(foreign_boundaries.len() - 1);
    let at = random_boundary(mutation, own, boundaries);
    let taken = foreign.start + foreign_boundaries[first]..foreign.start + foreign_boundaries[last];
    mutation.edits.copy_from_other(at..at, taken, Region::Elsewhere)
}

/// Replaces a range by these bytes. Keeps packet boundaries outside of the bytes that differ.
pub(super) fn replace_changed(mutation: &mut Mutation<'_>, range: Range<usize>, after: &[u8]) -> bool {
    let before = &mutation.parent.bytes[range.clone()];
    let same = before.iter().zip(after).take_while(|(old, new)| old == new).count();
    let ends = before[same..].iter().rev().zip(after[same..].iter().rev());
    let same_at_end = ends.take_while(|(old, new)| old == new).count();
    let changed = range.start + same..range.end - same_at_end;
    mutation.edits.replace(changed, &after[same..after.len() - same_at_end], Region::Elsewhere)
}
