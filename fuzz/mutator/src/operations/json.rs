//! Operations on JSON in bodies: values by their types, members, nesting.

use std::ops::Range;

use sockfuzz_model::JsonKind;

use super::Mutation;
use super::documents::{JSON_LITERALS, JSON_NUMBERS};
use super::located::{Located, nesting_levels};
use crate::edits::Region;
use crate::random::Random;
use crate::value::near_number;

/// JSON text in an input.
pub(super) type Json = Located<JsonKind>;

impl Json {
    /// Returns the opening brackets and keys that lead along a path of elements to its last, and the closing brackets.
    fn brackets(&self, bytes: &[u8], path: &[usize]) -> (Vec<u8>, Vec<u8>) {
        let (mut open, mut close) = (Vec::new(), Vec::new());
        for pair in path.windows(2) {
            let (bracket, closing) =
                if self.kind(pair[0]) == JsonKind::Object { (b'{', b'}') } else { (b'[', b']') };
            open.push(bracket);
            open.extend_from_slice(&bytes[self.member(pair[1]).start..self.range(pair[1]).start]);
            close.insert(0, closing);
        }
        (open, close)
    }

    /// Returns the range of an element in the input, with its key.
    fn member(&self, index: usize) -> Range<usize> {
        self.place(self.outline.member(index))
    }
}

/// Replaces a value by one at the border of its type, or by one of another type.
pub(super) fn scalar(mutation: &mut Mutation<'_>) -> bool {
    let Some(json) = Json::random(mutation.random, mutation.parent) else { return false };
    let Some(index) = json.pick(mutation.random, |kind| kind != JsonKind::Key) else { return false };
    let (kind, range) = (json.kind(index), json.range(index));
    let other = mutation.random.one_in(3);
    let mut near = Vec::new();
    let word: &[u8] = match kind {
        JsonKind::Number if !other && mutation.random.one_in(2) => {
            near.extend_from_slice(mutation.bytes(range.clone()));
            near_number(mutation.random, &mut near);
            &near
        }
        JsonKind::Number if !other => mutation.random.word(JSON_NUMBERS),
        JsonKind::Literal if !other && mutation.random.one_in(2) => negated(mutation.bytes(range.clone())),
        JsonKind::Literal if !other => mutation.random.word(JSON_LITERALS),
        _ => match mutation.random.below(4) {
            0 => mutation.random.word(JSON_NUMBERS),
            1 => mutation.random.word(JSON_LITERALS),
            _ => mutation.random.word(&["null", "\"\"", "[]", "{}", "\"0\"", "[null]", "{\"\":0}"]),
        },
    };
    mutation.edits.replace(range, word, Region::Body)
}

/// Returns the other truth value: what most often leads somewhere else without an error.
fn negated(literal: &[u8]) -> &'static [u8] {
    if literal == b"true" { b"false" } else { b"true" }
}

/// Puts a value into an array, an object, or a string, once or many times.
pub(super) fn nest(mutation: &mut Mutation<'_>) -> bool {
    let Some(json) = Json::random(mutation.random, mutation.parent) else { return false };
    let Some(index) = json.pick(mutation.random, |kind| kind != JsonKind::Key) else { return false };
    let range = json.range(index);
    let magnitude = if mutation.random.one_in(8) { 12 } else { 4 };
    let levels = 1 << mutation.random.below(magnitude);
    let (open, close) =
        mutation.random.pick(&[("[", "]"), ("{\"a\":", "}"), ("[[],", "]")]).unwrap_or(("[", "]"));
    mutation.edits.replace(range.start..range.start, open.repeat(levels).as_bytes(), Region::Body)
        && mutation.edits.replace(range.end..range.end, close.repeat(levels).as_bytes(), Region::Body)
}

/// Repeats what stands between an object or array and another of its kind that encloses it: schemas that contain themselves
/// allow any depth. Sometimes without the other members, so that more levels fit into an input.
pub(super) fn nest_again(mutation: &mut Mutation<'_>) -> bool {
    let Some(json) = Json::random(mutation.random, mutation.parent) else { return false };
    let Some(inner) = json.pick(mutation.random, has_elements) else { return false };
    let path: Vec<_> = json.enclosing(inner).filter(|of| has_elements(json.kind(*of))).collect();
    let is_same = |place: &usize| json.kind(path[*place]) == json.kind(inner);
    let places: Vec<_> = (0..path.len()).filter(is_same).collect();
    let Some(place) = mutation.random.pick(&places) else { return false };
    let (outer, at) = (json.range(path[place]), json.range(inner));
    let bytes = &mutation.parent.bytes;
    let (open, close) = if mutation.random.one_in(2) {
        (bytes[outer.start..at.start].to_vec(), bytes[at.end..outer.end].to_vec())
    } else {
        json.brackets(bytes, &[&path[place..], &[inner]].concat())
    };
    let levels = nesting_levels(mutation.random, open.len() + close.len());
    mutation.edits.replace(at.start..at.start, &open.repeat(levels), Region::Body)
        && mutation.edits.replace(at.end..at.end, &close.repeat(levels), Region::Body)
}

fn has_elements(kind: JsonKind) -> bool {
    matches!(kind, JsonKind::Object | JsonKind::Array)
}

/// Drops a member or an element, or doubles it.
pub(super) fn member(mutation: &mut Mutation<'_>) -> bool {
    let Some(json) = Json::random(mutation.random, mutation.parent) else { return false };
    let Some(index) = json.pick(mutation.random, |_| true) else { return false };
    let range = json.member(index);
    let input = mutation.parent;
    if mutation.random.one_in(2) {
        return mutation.edits.replace(with_comma(&input.bytes, range), b"", Region::Body);
    }
    mutation.edits.replace_with(range.end..range.end, Region::Body, |scratch| {
        scratch.push(b',');
        scratch.extend_from_slice(&input.bytes[range]);
    })
}

/// Renames a member after another one.
pub(super) fn key(mutation: &mut Mutation<'_>) -> bool {
    let Some(json) = Json::random(mutation.random, mutation.parent) else { return false };
    let keys = |random: &mut Random, json: &Json| json.pick(random, |kind| kind == JsonKind::Key);
    let (Some(index), Some(from)) = (keys(mutation.random, &json), keys(mutation.random, &json)) else {
        return false;
    };
    mutation.edits.copy_from_parent(json.range(index), json.range(from), Region::Body)
}

/// Replaces a value by one of the other input, or adds a member of it.
pub(super) fn take_member(mutation: &mut Mutation<'_>) -> bool {
    let (Some(ours), Some(theirs)) =
        (Json::random(mutation.random, mutation.parent), Json::random(mutation.random, mutation.other))
    else {
        return false;
    };
    let is_value = |kind| kind != JsonKind::Key;
    let (Some(index), Some(from)) =
        (ours.pick(mutation.random, is_value), theirs.pick(mutation.random, is_value))
    else {
        return false;
    };
    if mutation.random.one_in(2) {
        return mutation.edits.copy_from_other(ours.range(index), theirs.range(from), Region::Body);
    }
    let (at, other, taken) = (ours.member(index).start, mutation.other, theirs.member(from));
    mutation.edits.replace_with(at..at, Region::Body, |scratch| {
        scratch.extend_from_slice(&other.bytes[taken]);
        scratch.push(b',');
    })
}

/// Extends the range of a member by the comma that separates it from the next, or from the previous one.
fn with_comma(bytes: &[u8], range: Range<usize>) -> Range<usize> {
    let is_space = |byte: &&u8| byte.is_ascii_whitespace();
    let after = range.end + bytes[range.end..].iter().take_while(is_space).count();
    let before = range.start - bytes[..range.start].iter().rev().take_while(is_space).count();
    match (bytes.get(after), before.checked_sub(1).map(|at| bytes[at])) {
        (Some(b','), _) => range.start..after + 1,
        (_, Some(b',')) => before - 1..range.end,
        _ => range,
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{parts, request, results};
    use super::*;

    #[test]
    fn scalars_keep_their_type_mostly() {
        let all = results(scalar, &request("", r#"{"a":17,"b":false}"#), "");
        let count = |of: &str| all.iter().filter(|output| parts(output).1.contains(of)).count();
        assert!(count(r#""b":true"#) > all.len() / 12);
        assert!(count(r#""a":16,"#) > 0 && count(r#""a":0,"#) > 0);
    }

    #[test]
    fn nesting_is_repeated() {
        let body = r#"{"b":"c","not":{"not":{"a":[1]}}}"#;
        let mut deepest = 0;
        for output in results(nest_again, &request("", body), "") {
            let nested = parts(&output).1;
            let levels = nested.matches(r#""not":"#).count();
            let opened = nested.matches('{').count();
            let closed = nested.bytes().rev().take_while(|byte| *byte == b'}').count();
            assert_eq!([opened, closed], [levels + 1, levels + 1]);
            deepest = deepest.max(levels);
        }
        assert!(deepest > 4000, "{deepest}");
    }

    #[test]
    fn members_are_dropped_with_their_commas() {
        let without = |text: &str, range: Range<usize>| {
            let gone = with_comma(text.as_bytes(), range);
            [&text[..gone.start], &text[gone.end..]].concat()
        };
        assert_eq!(without("[1, 2]", 1..2), "[ 2]");
        assert_eq!(without("[1 , 2]", 5..6), "[1 ]");
        assert_eq!(without("[1]", 1..2), "[]");
        assert_eq!(without("1", 0..1), "");
    }
}
