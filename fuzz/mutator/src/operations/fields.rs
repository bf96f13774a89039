//! Header and trailer fields.

use sockfuzz_model::Kind;
use sockfuzz_model::vocabulary::{BUNDLES, COLONS, FIELDS, LINE_ENDS, METHODS, NAMES};

use super::Draft;
use crate::edits::Place;

/// A known one with a value that it has sometimes.
pub(super) fn add_field(draft: &mut Draft<'_>) -> bool {
    let Some(known) = draft.random.pick(FIELDS) else { return false };
    let value = draft.random.word(known.values);
    add(draft, known.name.as_bytes(), value)
}

/// Several whose names are all that servers know of them.
pub(super) fn add_names(draft: &mut Draft<'_>) -> bool {
    (0..4).all(|_| {
        let (name, value) = (draft.random.word(NAMES), draft.random.word(&["", "a", "0", "*", "\"a\""]));
        add(draft, name, value)
    })
}

fn add(draft: &mut Draft<'_>, name: &[u8], value: &[u8]) -> bool {
    draft.line().is_some_and(|line| add_at(draft, line, name, value))
}

/// A field as a line of its own, at a place where one can be.
pub(super) fn add_at(draft: &mut Draft<'_>, at: usize, name: &[u8], value: &[u8]) -> bool {
    draft.edits.write(at..at, Place::Elsewhere, |scratch| {
        for piece in [name, b": ", value, b"\r\n"] {
            scratch.extend_from_slice(piece);
        }
    })
}

/// Several that go together, with their method.
pub(super) fn add_bundle(draft: &mut Draft<'_>) -> bool {
    let Some(request) = draft.find(Kind::Request) else { return false };
    let Some(line) = draft.inside(request, Kind::RequestLine) else { return false };
    let Some((word, fields)) = draft.random.pick(BUNDLES) else { return false };
    if let Some(method) = draft.inside(request, Kind::Method).filter(|_| !word.is_empty()) {
        // What is for one method is tried with another now and then.
        let word = if draft.random.one_in(6) { draft.random.word(METHODS) } else { word.as_bytes() };
        draft.edits.put(method, word, Place::Elsewhere);
    }
    draft.edits.put(line.end..line.end, fields.as_bytes(), Place::Elsewhere)
}

pub(super) fn drop_field(draft: &mut Draft<'_>) -> bool {
    let Some(field) = draft.span(Kind::Field) else { return false };
    draft.edits.put(field, b"", Place::Elsewhere)
}

pub(super) fn double_field(draft: &mut Draft<'_>) -> bool {
    let (Some(field), Some(line)) = (draft.span(Kind::Field), draft.line()) else { return false };
    if !draft.random.one_in(16) {
        return draft.edits.copy(line..line, field, Place::Elsewhere);
    }
    // As many as fill a table.
    (0..32).all(|_| draft.edits.copy(line..line, field.clone(), Place::Elsewhere))
}

pub(super) fn move_field(draft: &mut Draft<'_>) -> bool {
    let (Some(field), Some(line)) = (draft.span(Kind::Field), draft.line()) else { return false };
    draft.edits.put(field.clone(), b"", Place::Elsewhere)
        && draft.edits.copy(line..line, field, Place::Elsewhere)
}

/// Another name for the same value.
pub(super) fn name(draft: &mut Draft<'_>) -> bool {
    let Some(name) = draft.span(Kind::Name) else { return false };
    let listed = &draft.dictionary.names;
    let known = draft.random.pick(FIELDS).map_or("", |known| known.name);
    match draft.random.below(10) {
        0..4 if !listed.is_empty() => {
            let word = &listed[draft.random.below(listed.len())];
            draft.edits.put(name, word, Place::Elsewhere)
        }
        4 => draft.edits.put(
            name.end..name.end,
            draft.random.word(&["_", "-", " ", "x", "\0", "\x7f"]),
            Place::Elsewhere,
        ),
        5 => draft.edits.put(name, draft.random.word(NAMES), Place::Elsewhere),
        // Almost a known one.
        6 | 7 => {
            let at = draft.random.below(known.len());
            let letter = draft.random.word(&["a", "z", "-", "_", "0"]);
            draft.edits.write(name, Place::Elsewhere, |scratch| {
                scratch.extend_from_slice(&known.as_bytes()[..at]);
                scratch.extend_from_slice(letter);
                scratch.extend(known.bytes().skip(at + 1));
            })
        }
        _ => draft.edits.put(name, known.as_bytes(), Place::Elsewhere),
    }
}

pub(super) fn colon(draft: &mut Draft<'_>) -> bool {
    let Some(colon) = draft.span(Kind::Colon) else { return false };
    let word = draft.random.word(COLONS);
    draft.edits.put(colon, word, Place::Elsewhere)
}

pub(super) fn line_end(draft: &mut Draft<'_>) -> bool {
    let kind = if draft.random.one_in(4) { Kind::SectionEnd } else { Kind::LineEnd };
    let Some(end) = draft.span(kind) else { return false };
    let word = draft.random.word(LINE_ENDS);
    draft.edits.put(end, word, Place::Elsewhere)
}

/// A line end with white space in the middle of a value.
pub(super) fn fold(draft: &mut Draft<'_>) -> bool {
    let Some(value) = draft.span(Kind::Value) else { return false };
    let at = draft.random.within(value);
    let word = draft.random.word(&["\r\n ", "\r\n\t", "\n ", "\r\n \r\n "]);
    draft.edits.put(at..at, word, Place::Elsewhere)
}
