//! Operations on header and trailer fields.

use sockfuzz_model::Kind;
use sockfuzz_model::vocabulary::{COLONS, FIELD_GROUPS, FIELD_NAMES, FIELDS, LINE_ENDS, METHODS};

use super::Mutation;
use crate::edits::Region;

/// Adds a known field with one of its known values.
pub(super) fn add_field(mutation: &mut Mutation<'_>) -> bool {
    let Some(known) = mutation.random.pick(FIELDS) else { return false };
    let value = mutation.random.word(known.values);
    add(mutation, known.name.as_bytes(), value)
}

/// Adds several fields whose names have no known values.
pub(super) fn add_names(mutation: &mut Mutation<'_>) -> bool {
    (0..4).all(|_| {
        let (name, value) =
            (mutation.random.word(FIELD_NAMES), mutation.random.word(&["", "a", "0", "*", "\"a\""]));
        add(mutation, name, value)
    })
}

fn add(mutation: &mut Mutation<'_>, name: &[u8], value: &[u8]) -> bool {
    mutation.field_position().is_some_and(|line| add_at(mutation, line, name, value))
}

/// Inserts a field line at a position from [`Mutation::field_position`].
pub(super) fn add_at(mutation: &mut Mutation<'_>, at: usize, name: &[u8], value: &[u8]) -> bool {
    mutation.edits.replace_with(at..at, Region::Elsewhere, |scratch| {
        for piece in [name, b": ", value, b"\r\n"] {
            scratch.extend_from_slice(piece);
        }
    })
}

/// Adds a group of fields that are used together, and replaces the method by that of the group.
pub(super) fn add_bundle(mutation: &mut Mutation<'_>) -> bool {
    let Some(request) = mutation.random_index(Kind::Request) else { return false };
    let Some(line) = mutation.first_inside(request, Kind::RequestLine) else { return false };
    let Some((word, fields)) = mutation.random.pick(FIELD_GROUPS) else { return false };
    if let Some(method) = mutation.first_inside(request, Kind::Method).filter(|_| !word.is_empty()) {
        // With probability 1/6, the fields get a random method.
        let word = if mutation.random.one_in(6) { mutation.random.word(METHODS) } else { word.as_bytes() };
        mutation.edits.replace(method, word, Region::Elsewhere);
    }
    mutation.edits.replace(line.end..line.end, fields.as_bytes(), Region::Elsewhere)
}

pub(super) fn drop_field(mutation: &mut Mutation<'_>) -> bool {
    let Some(field) = mutation.random_span(Kind::Field) else { return false };
    mutation.edits.replace(field, b"", Region::Elsewhere)
}

pub(super) fn double_field(mutation: &mut Mutation<'_>) -> bool {
    let (Some(field), Some(line)) = (mutation.random_span(Kind::Field), mutation.field_position()) else {
        return false;
    };
    if !mutation.random.one_in(16) {
        return mutation.edits.copy_from_parent(line..line, field, Region::Elsewhere);
    }
    // 32 copies fill a table of fields.
    (0..32).all(|_| mutation.edits.copy_from_parent(line..line, field.clone(), Region::Elsewhere))
}

pub(super) fn move_field(mutation: &mut Mutation<'_>) -> bool {
    let (Some(field), Some(line)) = (mutation.random_span(Kind::Field), mutation.field_position()) else {
        return false;
    };
    mutation.edits.replace(field.clone(), b"", Region::Elsewhere)
        && mutation.edits.copy_from_parent(line..line, field, Region::Elsewhere)
}

/// Replaces or changes a field's name.
pub(super) fn name(mutation: &mut Mutation<'_>) -> bool {
    let Some(name) = mutation.random_span(Kind::Name) else { return false };
    let listed = &mutation.dictionary.names;
    let known = mutation.random.pick(FIELDS).map_or("", |known| known.name);
    match mutation.random.below(10) {
        0..4 if !listed.is_empty() => {
            let word = &listed[mutation.random.below(listed.len())];
            mutation.edits.replace(name, word, Region::Elsewhere)
        }
        4 => mutation.edits.replace(
            name.end..name.end,
            mutation.random.word(&["_", "-", " ", "x", "\0", "\x7f"]),
            Region::Elsewhere,
        ),
        5 => mutation.edits.replace(name, mutation.random.word(FIELD_NAMES), Region::Elsewhere),
        // A misspelled known name.
        6 | 7 => {
            let at = mutation.random.below(known.len());
            let letter = mutation.random.word(&["a", "z", "-", "_", "0"]);
            mutation.edits.replace_with(name, Region::Elsewhere, |scratch| {
                scratch.extend_from_slice(&known.as_bytes()[..at]);
                scratch.extend_from_slice(letter);
                scratch.extend(known.bytes().skip(at + 1));
            })
        }
        _ => mutation.edits.replace(name, known.as_bytes(), Region::Elsewhere),
    }
}

pub(super) fn colon(mutation: &mut Mutation<'_>) -> bool {
    let Some(colon) = mutation.random_span(Kind::Colon) else { return false };
    let word = mutation.random.word(COLONS);
    mutation.edits.replace(colon, word, Region::Elsewhere)
}

pub(super) fn line_end(mutation: &mut Mutation<'_>) -> bool {
    let kind = if mutation.random.one_in(4) { Kind::SectionEnd } else { Kind::LineEnd };
    let Some(end) = mutation.random_span(kind) else { return false };
    let word = mutation.random.word(LINE_ENDS);
    mutation.edits.replace(end, word, Region::Elsewhere)
}

/// Folds a value: inserts a line end and white space.
pub(super) fn fold(mutation: &mut Mutation<'_>) -> bool {
    let Some(value) = mutation.random_span(Kind::Value) else { return false };
    let at = mutation.random.within(value);
    let word = mutation.random.word(&["\r\n ", "\r\n\t", "\n ", "\r\n \r\n "]);
    mutation.edits.replace(at..at, word, Region::Elsewhere)
}
