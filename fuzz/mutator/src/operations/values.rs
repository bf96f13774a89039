//! What fields say: lists, parameters, numbers, words.

use std::ops::Range;

use sockfuzz_model::vocabulary::{self, NUMBERS, SEPARATORS};
use sockfuzz_model::{Kind, Span};

use super::Draft;
use crate::edits::Place;

/// A value that fields of this name have sometimes.
pub(super) fn known_value(draft: &mut Draft<'_>) -> bool {
    let Some((value, known)) = known(draft) else { return false };
    let word = draft.random.word(known);
    draft.edits.put(value, word, Place::Elsewhere)
}

/// One more member of a list, before or behind the others.
pub(super) fn member(draft: &mut Draft<'_>) -> bool {
    let Some((value, known)) = known(draft) else { return false };
    let (word, separator) = (draft.random.word(known), draft.random.word(SEPARATORS));
    let (at, pieces) = if draft.random.one_in(3) {
        (value.start, [word, separator])
    } else {
        (value.end, [separator, word])
    };
    draft.edits.write(at..at, Place::Elsewhere, |scratch| {
        pieces.iter().for_each(|piece| scratch.extend_from_slice(piece));
    })
}

/// A value, and what others with its name are known for.
fn known(draft: &mut Draft<'_>) -> Option<(Range<usize>, &'static [&'static str])> {
    let index = draft.find(Kind::Value)?;
    let [.., name, _] = &draft.parent.outline.spans()[..index] else { return None };
    let is_name = |span: &Span| span.kind == Kind::Name;
    let known = vocabulary::field(draft.bytes(name.range())).filter(|_| is_name(name))?;
    Some((draft.at(index).range(), known.values))
}

/// Another number in place of one.
pub(super) fn number(draft: &mut Draft<'_>) -> bool {
    let kinds =
        [Kind::Value, Kind::Value, Kind::Value, Kind::Version, Kind::Query, Kind::Path, Kind::Authority];
    let Some(kind) = draft.random.pick(&kinds) else { return false };
    let Some(place) = draft.span(kind) else { return false };
    let from = draft.random.within(place.clone());
    let digit = |from: usize| {
        let found = draft.parent.bytes[from..place.end].iter().position(u8::is_ascii_digit)?;
        Some(from + found)
    };
    let Some(start) = digit(from).or_else(|| digit(place.start)) else { return false };
    let digits = draft.parent.bytes[start..place.end].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let range = start..start + digits;
    if draft.random.one_in(4) {
        // Those of states and errors have three digits.
        let word = draft.random.below(1000).to_string();
        return draft.edits.put(range, word.as_bytes(), Place::Elsewhere);
    }
    if draft.random.one_in(2) {
        let number: u64 = std::str::from_utf8(draft.bytes(range.clone())).unwrap_or("").parse().unwrap_or(0);
        let near = number.wrapping_add(draft.random.below(9) as u64).wrapping_sub(4);
        return draft.edits.put(range, near.to_string().as_bytes(), Place::Elsewhere);
    }
    if draft.random.one_in(3) {
        // One of each size is as likely as one of another.
        let word = draft.random.of_any_size().to_string();
        return draft.edits.put(range, word.as_bytes(), Place::Elsewhere);
    }
    let word = draft.random.word(NUMBERS);
    draft.edits.put(range, word, Place::Elsewhere)
}

/// A word of the dictionary, or what separates words, in place of one or between two.
pub(super) fn word(draft: &mut Draft<'_>) -> bool {
    let Some(value) = draft.span(Kind::Value) else { return false };
    let word = draft.word(SEPARATORS, |dictionary| &dictionary.values);
    let piece = piece(draft, value.clone());
    let range = match draft.random.below(4) {
        0 => value,
        1 => piece,
        2 => piece.start..piece.start,
        _ => piece.end..piece.end,
    };
    draft.edits.put(range, &word, Place::Elsewhere)
}

pub(super) fn letter_case(draft: &mut Draft<'_>) -> bool {
    let kinds =
        [Kind::Name, Kind::Name, Kind::Value, Kind::Method, Kind::Version, Kind::Path, Kind::Authority];
    let Some(kind) = draft.random.pick(&kinds) else { return false };
    let Some(range) = draft.span(kind) else { return false };
    let piece = if draft.random.one_in(2) { piece(draft, range) } else { range };
    let upper = draft.random.one_in(2);
    let parent = draft.parent;
    draft.edits.write(piece.clone(), Place::Elsewhere, |scratch| {
        let change = if upper { u8::to_ascii_uppercase } else { u8::to_ascii_lowercase };
        scratch.extend(parent.bytes[piece].iter().map(change));
    })
}

pub(super) fn drop_piece(draft: &mut Draft<'_>) -> bool {
    let Some(value) = draft.span(Kind::Value) else { return false };
    let piece = piece(draft, value);
    draft.edits.put(piece, b"", Place::Elsewhere)
}

/// Long enough for buffers to be changed for bigger ones, or to be too small.
pub(super) fn lengthen(draft: &mut Draft<'_>) -> bool {
    let kinds =
        [Kind::Value, Kind::Value, Kind::Name, Kind::Path, Kind::Query, Kind::Method, Kind::Extension];
    let Some(kind) = draft.random.pick(&kinds) else { return false };
    let Some(range) = draft.span(kind) else { return false };
    let (at, filler) =
        (draft.random.within(range), draft.random.word(&["a", "/", "%41", "a,", "a=b&", ";q=1"]));
    let size = 1 << draft.random.within(6..14);
    draft.edits.write(at..at, Place::Elsewhere, |scratch| {
        scratch.extend(filler.iter().cycle().take(size));
    })
}

/// From one separator to the next.
pub(super) fn piece(draft: &mut Draft<'_>, range: Range<usize>) -> Range<usize> {
    let at = draft.random.within(range.clone());
    let divides = |byte: &u8| b" ,;=\"/:-&()<>".contains(byte);
    let bytes = &draft.parent.bytes;
    let start =
        bytes[range.start..at].iter().rposition(divides).map_or(range.start, |place| range.start + place);
    let end = bytes[at..range.end].iter().skip(1).position(divides).map_or(range.end, |place| at + 1 + place);
    start..end
}
