//! Operations on frames of HTTP/2.

use std::ops::Range;

use sockfuzz_model::http2::{self, Connection};

use super::Mutation;
use crate::edits::Region;
use crate::parsed_input::ParsedInput;
use crate::random::Random;

/// Replaces the input by a generated HTTP/2 connection, or appends one if the input contains an upgrade to `h2c`.
pub(super) fn begin_frames(mutation: &mut Mutation<'_>) -> bool {
    let end = mutation.parent.bytes.len();
    let offers = memchr::memmem::find(&mutation.parent.bytes, b"h2c").is_some();
    let connection = http2::generate(mutation.random);
    let start = if offers { end } else { 0 };
    mutation.edits.replace(start..end, &connection.serialise(), Region::Elsewhere)
}

/// Mutates the frames of one connection. Keeps packet boundaries outside of the changed bytes.
pub(super) fn mutate_frames(mutation: &mut Mutation<'_>) -> bool {
    let Some(range) = random_range(&mutation.parent.http2_ranges, mutation.random) else { return false };
    let before = &mutation.parent.bytes[range.clone()];
    let mut connection = Connection::parse(before);
    http2::mutate(&mut connection, mutation.random);
    let after = connection.serialise();
    let same = before.iter().zip(&after).take_while(|(old, new)| old == new).count();
    let ends = before[same..].iter().rev().zip(after[same..].iter().rev());
    let same_at_end = ends.take_while(|(old, new)| old == new).count();
    let changed = range.start + same..range.end - same_at_end;
    mutation.edits.replace(changed, &after[same..after.len() - same_at_end], Region::Elsewhere)
}

/// Inserts frames of the other input between two frames.
pub(super) fn take_frames(mutation: &mut Mutation<'_>) -> bool {
    let (Some(own), Some(foreign)) = (
        random_range(&mutation.parent.http2_ranges, mutation.random),
        random_range(&mutation.other.http2_ranges, mutation.random),
    ) else {
        return false;
    };
    let boundaries = frame_boundaries(&mutation.other.bytes[foreign.clone()]);
    let first = mutation.random.below(boundaries.len() - 1);
    let last = (first + 1 + mutation.random.below(4)).min(boundaries.len() - 1);
    let own_boundaries = frame_boundaries(&mutation.parent.bytes[own.clone()]);
    let at = own.start + own_boundaries[mutation.random.below(own_boundaries.len())];
    mutation.edits.copy_from_other(
        at..at,
        foreign.start + boundaries[first]..foreign.start + boundaries[last],
        Region::Elsewhere,
    )
}

/// Returns the ranges of all frames of an input.
pub(crate) fn ranges(input: &ParsedInput) -> Vec<Range<usize>> {
    let frames_of = |range: &Range<usize>| {
        let boundaries = frame_boundaries(&input.bytes[range.clone()]);
        let frames = boundaries.windows(2).map(|pair| range.start + pair[0]..range.start + pair[1]);
        frames.collect::<Vec<_>>()
    };
    input.http2_ranges.iter().flat_map(frames_of).collect()
}

fn random_range(ranges: &[Range<usize>], random: &mut Random) -> Option<Range<usize>> {
    ranges.get(random.below(ranges.len())).cloned()
}

/// Returns the positions at which frames begin, and the end of the last frame.
fn frame_boundaries(bytes: &[u8]) -> Vec<usize> {
    let connection = Connection::parse(bytes);
    let mut at = if connection.preface { http2::PREFACE.len() } else { 0 };
    let mut boundaries = vec![at];
    for frame in &connection.frames {
        at += frame.len();
        boundaries.push(at);
    }
    boundaries
}
