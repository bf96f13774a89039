//! Operations that place learned words. Each finds nothing to change as long as no word of its kind is known.

use sockfuzz_model::{JsonKind, Kind, WordKind};

use super::Mutation;
use super::json::Json;
use super::places::Place;
use crate::edits::Region;
use crate::value::{Encoding, Spelling};

/// Inverse of the probability that a learned path is an end of the old one, not the whole path.
const APPEND_ONE_IN: usize = 6;
/// What takes the place of a parameter when no value is known, or with the same probability as a known one.
const PARAMETERS: &[&str] = &["1", "0", "a", "17"];
/// Starts of fields whose values a server gives out.
const FIELDS_OF_VALUES: &[&str] =
    &["Authorization: Bearer ", "If-Match: ", "If-None-Match: ", "X-CSRF-Token: ", "Idempotency-Key: "];

/// Replaces a path by a learned one, or appends that.
pub(super) fn learned_path(mutation: &mut Mutation<'_>) -> bool {
    let Some(path) = mutation.random_span(Kind::Path) else { return false };
    let Some(word) = mutation.learned.pick(mutation.random, WordKind::Path) else { return false };
    let word = fill_parameters(mutation, word);
    let range = if mutation.random.one_in(APPEND_ONE_IN) { path.end..path.end } else { path };
    mutation.edits.replace(range, &word, Region::Elsewhere)
}

/// Fills the segments of a route that are parameters: `{id}`, `:id`, `*rest`.
fn fill_parameters(mutation: &mut Mutation<'_>, route: &[u8]) -> Vec<u8> {
    let mut path = Vec::new();
    for segment in route.split(|byte| *byte == b'/').skip(1) {
        path.push(b'/');
        match segment {
            [b'{' | b':' | b'*', _, ..] => path.extend(parameter(mutation)),
            _ => path.extend_from_slice(segment),
        }
    }
    path
}

fn parameter(mutation: &mut Mutation<'_>) -> Vec<u8> {
    let learned = mutation.learned.pick(mutation.random, WordKind::Value);
    match learned.filter(|_| mutation.random.one_in(2)) {
        Some(value) => value.to_vec(),
        None => mutation.random.word(PARAMETERS).to_vec(),
    }
}

/// Adds a learned key to a JSON object or a query, or renames a member or a segment after it.
pub(super) fn learned_key(mutation: &mut Mutation<'_>) -> bool {
    let Some(word) = mutation.learned.pick(mutation.random, WordKind::Key) else { return false };
    match Json::random(mutation.random, mutation.parent) {
        Some(json) if !mutation.random.one_in(3) => name_member(mutation, &json, word),
        _ if mutation.random.one_in(4) => {
            Place::segment(mutation.random, mutation.parent).is_some_and(|place| write(mutation, place, word))
        }
        _ => add_parameter(mutation, word),
    }
}

fn name_member(mutation: &mut Mutation<'_>, json: &Json, word: &[u8]) -> bool {
    if mutation.random.one_in(2)
        && let Some(index) = json.pick(mutation.random, |kind| kind == JsonKind::Key)
    {
        let quoted = [b"\"", word, b"\""].concat();
        return mutation.edits.replace(json.range(index), &quoted, Region::Body);
    }
    let Some(index) = json.pick(mutation.random, |kind| kind == JsonKind::Object) else { return false };
    let object = json.range(index);
    let value = mutation.random.word(&["1", "\"a\"", "true", "null", "[]", "{}", "1.5"]);
    let start = object.start + 1;
    let is_empty = mutation.parent.bytes[start..object.end].trim_ascii_start().starts_with(b"}");
    let comma: &[u8] = if is_empty { b"" } else { b"," };
    let pieces = [b"\"", word, b"\":", value, comma];
    mutation.edits.replace(start..start, &pieces.concat(), Region::Body)
}

fn add_parameter(mutation: &mut Mutation<'_>, word: &[u8]) -> bool {
    let value = parameter(mutation);
    let (at, separator) = match (mutation.random_span(Kind::Query), mutation.random_span(Kind::Path)) {
        (Some(query), _) => (query.end, b"&"),
        (None, Some(path)) => (path.end, b"?"),
        (None, None) => return false,
    };
    let pieces = [separator, word, b"=", &value];
    mutation.edits.replace(at..at, &pieces.concat(), Region::Elsewhere)
}

pub(super) fn learned_method(mutation: &mut Mutation<'_>) -> bool {
    let Some(method) = mutation.random_span(Kind::Method) else { return false };
    let Some(word) = mutation.learned.pick(mutation.random, WordKind::Method) else { return false };
    mutation.edits.replace(method, word, Region::Elsewhere)
}

/// Adds a field with a learned name, a learned cookie, or a learned value.
pub(super) fn learned_field(mutation: &mut Mutation<'_>) -> bool {
    let Some(line) = mutation.field_position() else { return false };
    let kind = mutation.random.pick(&[WordKind::Header, WordKind::Cookie, WordKind::Value]);
    let Some(kind) = kind else { return false };
    let Some(word) = mutation.learned.pick(mutation.random, kind) else { return false };
    let field = match kind {
        WordKind::Header => [word, b": ", &parameter(mutation)].concat(),
        WordKind::Cookie => [b"Cookie: ", word].concat(),
        _ => [mutation.random.word(FIELDS_OF_VALUES), word].concat(),
    };
    mutation.edits.replace(line..line, &[&field[..], b"\r\n"].concat(), Region::Elsewhere)
}

/// Replaces a value, wherever it stands, by a learned one.
pub(super) fn learned_value(mutation: &mut Mutation<'_>) -> bool {
    let Some(word) = mutation.learned.pick(mutation.random, WordKind::Value) else { return false };
    Place::random(mutation.random, mutation.parent).is_some_and(|place| write(mutation, place, word))
}

fn write(mutation: &mut Mutation<'_>, place: Place, word: &[u8]) -> bool {
    let encoding: Encoding = place.encoding;
    mutation.edits.replace_with(place.range, place.region, |scratch| {
        encoding.encode(word, Spelling::Usual, scratch);
    })
}
