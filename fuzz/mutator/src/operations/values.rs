//! Operations on field values: lists, parameters, numbers, words.

use std::ops::Range;

use sockfuzz_model::vocabulary::{self, NUMBERS, SEPARATORS};
use sockfuzz_model::{Kind, Span};

use super::Mutation;
use crate::edits::Region;

/// Replaces a value by a known value for the field's name.
pub(super) fn known_value(mutation: &mut Mutation<'_>) -> bool {
    let Some((value, known)) = known_values(mutation) else { return false };
    let word = mutation.random.word(known);
    mutation.edits.replace(value, word, Region::Elsewhere)
}

/// Adds a member to a list, at either end.
pub(super) fn member(mutation: &mut Mutation<'_>) -> bool {
    let Some((value, known)) = known_values(mutation) else { return false };
    let (word, separator) = (mutation.random.word(known), mutation.random.word(SEPARATORS));
    let (at, pieces) = if mutation.random.one_in(3) {
        (value.start, [word, separator])
    } else {
        (value.end, [separator, word])
    };
    mutation.edits.replace_with(at..at, Region::Elsewhere, |scratch| {
        pieces.iter().for_each(|piece| scratch.extend_from_slice(piece));
    })
}

/// Returns the range of a random value, and the known values for its field's name.
fn known_values(mutation: &mut Mutation<'_>) -> Option<(Range<usize>, &'static [&'static str])> {
    let index = mutation.random_index(Kind::Value)?;
    let [.., name, _] = &mutation.parent.outline.spans()[..index] else { return None };
    let is_name = |span: &Span| span.kind == Kind::Name;
    let known = vocabulary::field(mutation.bytes(name.range())).filter(|_| is_name(name))?;
    Some((mutation.span_at(index).range(), known.values))
}

/// Replaces a number by another number.
pub(super) fn number(mutation: &mut Mutation<'_>) -> bool {
    let kinds =
        [Kind::Value, Kind::Value, Kind::Value, Kind::Version, Kind::Query, Kind::Path, Kind::Authority];
    let Some(kind) = mutation.random.pick(&kinds) else { return false };
    let Some(place) = mutation.random_span(kind) else { return false };
    let from = mutation.random.within(place.clone());
    let digit = |from: usize| {
        let found = mutation.parent.bytes[from..place.end].iter().position(u8::is_ascii_digit)?;
        Some(from + found)
    };
    let Some(start) = digit(from).or_else(|| digit(place.start)) else { return false };
    let digits =
        mutation.parent.bytes[start..place.end].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let range = start..start + digits;
    if mutation.random.one_in(4) {
        // Status codes have three digits.
        let word = mutation.random.below(1000).to_string();
        return mutation.edits.replace(range, word.as_bytes(), Region::Elsewhere);
    }
    if mutation.random.one_in(2) {
        let number: u64 =
            std::str::from_utf8(mutation.bytes(range.clone())).unwrap_or("").parse().unwrap_or(0);
        let near = number.wrapping_add(mutation.random.below(9) as u64).wrapping_sub(4);
        return mutation.edits.replace(range, near.to_string().as_bytes(), Region::Elsewhere);
    }
    if mutation.random.one_in(3) {
        let word = mutation.random.of_any_magnitude().to_string();
        return mutation.edits.replace(range, word.as_bytes(), Region::Elsewhere);
    }
    let word = mutation.random.word(NUMBERS);
    mutation.edits.replace(range, word, Region::Elsewhere)
}

/// Inserts a word of the dictionary or a separator, or replaces a value or a part of it by one.
pub(super) fn word(mutation: &mut Mutation<'_>) -> bool {
    let Some(value) = mutation.random_span(Kind::Value) else { return false };
    let word = mutation.random_word(SEPARATORS, |dictionary| &dictionary.values);
    let piece = random_piece(mutation, value.clone());
    let range = match mutation.random.below(4) {
        0 => value,
        1 => piece,
        2 => piece.start..piece.start,
        _ => piece.end..piece.end,
    };
    mutation.edits.replace(range, &word, Region::Elsewhere)
}

pub(super) fn letter_case(mutation: &mut Mutation<'_>) -> bool {
    let kinds =
        [Kind::Name, Kind::Name, Kind::Value, Kind::Method, Kind::Version, Kind::Path, Kind::Authority];
    let Some(kind) = mutation.random.pick(&kinds) else { return false };
    let Some(range) = mutation.random_span(kind) else { return false };
    let piece = if mutation.random.one_in(2) { random_piece(mutation, range) } else { range };
    let upper = mutation.random.one_in(2);
    let parent = mutation.parent;
    mutation.edits.replace_with(piece.clone(), Region::Elsewhere, |scratch| {
        let change = if upper { u8::to_ascii_uppercase } else { u8::to_ascii_lowercase };
        scratch.extend(parent.bytes[piece].iter().map(change));
    })
}

pub(super) fn drop_piece(mutation: &mut Mutation<'_>) -> bool {
    let Some(value) = mutation.random_span(Kind::Value) else { return false };
    let piece = random_piece(mutation, value);
    mutation.edits.replace(piece, b"", Region::Elsewhere)
}

/// Makes an element so long that buffers have to grow or overflow.
pub(super) fn lengthen(mutation: &mut Mutation<'_>) -> bool {
    let kinds =
        [Kind::Value, Kind::Value, Kind::Name, Kind::Path, Kind::Query, Kind::Method, Kind::Extension];
    let Some(kind) = mutation.random.pick(&kinds) else { return false };
    let Some(range) = mutation.random_span(kind) else { return false };
    let (at, filler) =
        (mutation.random.within(range), mutation.random.word(&["a", "/", "%41", "a,", "a=b&", ";q=1"]));
    let size = 1 << mutation.random.within(6..14);
    mutation.edits.replace_with(at..at, Region::Elsewhere, |scratch| {
        scratch.extend(filler.iter().cycle().take(size));
    })
}

/// Returns the range of a random piece: from one separator to the next.
pub(super) fn random_piece(mutation: &mut Mutation<'_>, range: Range<usize>) -> Range<usize> {
    let at = mutation.random.within(range.clone());
    let divides = |byte: &u8| b" ,;=\"/:-&()<>".contains(byte);
    let bytes = &mutation.parent.bytes;
    let start =
        bytes[range.start..at].iter().rposition(divides).map_or(range.start, |place| range.start + place);
    let end = bytes[at..range.end].iter().skip(1).position(divides).map_or(range.end, |place| at + 1 + place);
    start..end
}
