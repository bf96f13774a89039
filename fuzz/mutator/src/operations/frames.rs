//! Operations on frames of HTTP/2.

use std::ops::Range;

use sockfuzz_model::http2::{self, Connection};

use super::Mutation;
use super::units::{random_range, replace_changed, take_units, units};
use crate::edits::Region;
use crate::parsed_input::ParsedInput;

/// Replaces the input by a generated HTTP/2 connection, or appends one if the input contains an upgrade to `h2c`.
pub(super) fn begin_frames(mutation: &mut Mutation<'_>) -> bool {
    let end = mutation.parent.bytes.len();
    let offers = memchr::memmem::find(&mutation.parent.bytes, b"h2c").is_some();
    let connection = http2::generate(mutation.random);
    let start = if offers { end } else { 0 };
    mutation.edits.replace(start..end, &connection.serialise(), Region::Elsewhere)
}

/// Mutates the frames of one connection.
pub(super) fn mutate_frames(mutation: &mut Mutation<'_>) -> bool {
    let Some(range) = random_range(&mutation.parent.http2_ranges, mutation.random) else { return false };
    let mut connection = Connection::parse(&mutation.parent.bytes[range.clone()]);
    http2::mutate(&mut connection, mutation.random);
    replace_changed(mutation, range, &connection.serialise())
}

/// Inserts frames of the other input between two frames.
pub(super) fn take_frames(mutation: &mut Mutation<'_>) -> bool {
    let (Some(own), Some(foreign)) = (
        random_range(&mutation.parent.http2_ranges, mutation.random),
        random_range(&mutation.other.http2_ranges, mutation.random),
    ) else {
        return false;
    };
    take_units(mutation, own, foreign, frame_boundaries)
}

/// Returns the ranges of all frames of an input.
pub(crate) fn ranges(input: &ParsedInput) -> Vec<Range<usize>> {
    units(&input.bytes, &input.http2_ranges, frame_boundaries)
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
