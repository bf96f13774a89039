//! HTTP/2: what a connection says, frame by frame.

use std::ops::Range;

use sockfuzz_model::http2::{self, Connection};

use super::Draft;
use crate::edits::Place;
use crate::parsed_input::ParsedInput;
use crate::random::Random;

impl http2::Random for Random {
    fn below(&mut self, limit: usize) -> usize {
        Self::below(self, limit)
    }
}

/// A connection of HTTP/2's in place of what was said, or after the offer to go over to it.
pub(super) fn begin_frames(draft: &mut Draft<'_>) -> bool {
    let end = draft.parent.bytes.len();
    let offers = memchr::memmem::find(&draft.parent.bytes, b"h2c").is_some();
    let connection = http2::generate(draft.random);
    let start = if offers { end } else { 0 };
    draft.edits.put(start..end, &connection.serialise(), Place::Elsewhere)
}

/// Frames of one connection change; where they do not, packet boundaries stay.
pub(super) fn mutate_frames(draft: &mut Draft<'_>) -> bool {
    let Some(range) = stretch(&draft.parent.http2_ranges, draft.random) else { return false };
    let before = &draft.parent.bytes[range.clone()];
    let mut connection = Connection::parse(before);
    http2::mutate(&mut connection, draft.random);
    let after = connection.serialise();
    let same = before.iter().zip(&after).take_while(|(old, new)| old == new).count();
    let ends = before[same..].iter().rev().zip(after[same..].iter().rev());
    let same_at_end = ends.take_while(|(old, new)| old == new).count();
    let changed = range.start + same..range.end - same_at_end;
    draft.edits.put(changed, &after[same..after.len() - same_at_end], Place::Elsewhere)
}

/// Frames of another input's connection come between ours.
pub(super) fn take_frames(draft: &mut Draft<'_>) -> bool {
    let (Some(own), Some(foreign)) =
        (stretch(&draft.parent.http2_ranges, draft.random), stretch(&draft.other.http2_ranges, draft.random))
    else {
        return false;
    };
    let seams = seams(&draft.other.bytes[foreign.clone()]);
    let first = draft.random.below(seams.len() - 1);
    let last = (first + 1 + draft.random.below(4)).min(seams.len() - 1);
    let ours = self::seams(&draft.parent.bytes[own.clone()]);
    let at = own.start + ours[draft.random.below(ours.len())];
    draft.edits.borrow(at..at, foreign.start + seams[first]..foreign.start + seams[last], Place::Elsewhere)
}

/// Where each frame of an input is.
pub(crate) fn ranges(input: &ParsedInput) -> Vec<Range<usize>> {
    let of_stretch = |stretch: &Range<usize>| {
        let seams = seams(&input.bytes[stretch.clone()]);
        let frames = seams.windows(2).map(|seams| stretch.start + seams[0]..stretch.start + seams[1]);
        frames.collect::<Vec<_>>()
    };
    input.http2_ranges.iter().flat_map(of_stretch).collect()
}

fn stretch(framed: &[Range<usize>], random: &mut Random) -> Option<Range<usize>> {
    framed.get(random.below(framed.len())).cloned()
}

/// Where frames begin, and where the last one ends.
fn seams(bytes: &[u8]) -> Vec<usize> {
    let connection = Connection::parse(bytes);
    let mut at = if connection.preface { http2::PREFACE.len() } else { 0 };
    let mut seams = vec![at];
    for frame in &connection.frames {
        at += frame.len();
        seams.push(at);
    }
    seams
}
