//! Operations on JSON in bodies: values by their types, members, nesting.

use std::ops::Range;

use sockfuzz_model::{JsonKind, JsonOutline};

use super::Mutation;
use super::documents::{JSON_LITERALS, JSON_NUMBERS};
use super::places::{content, is_json};
use crate::edits::Region;
use crate::parsed_input::ParsedInput;
use crate::random::Random;

/// Largest number of bytes that repeated nesting adds.
const MAX_NESTING_BYTES: usize = 48 * 1024;

/// JSON text in an input.
pub(super) struct Json {
    /// Position of the text in the input.
    at: usize,
    outline: JsonOutline,
}

impl Json {
    pub(super) fn random(random: &mut Random, input: &ParsedInput) -> Option<Self> {
        let range = content(random, input)?;
        let text = &input.bytes[range.clone()];
        let outline = is_json(text).then(|| JsonOutline::parse(text))?;
        Some(Self { at: range.start, outline })
    }

    /// Returns the index of a random element that `is` of a kind.
    pub(super) fn pick(&self, random: &mut Random, is: impl Fn(JsonKind) -> bool) -> Option<usize> {
        let indices = 0..self.outline.spans().len();
        random.pick(&indices.filter(|index| is(self.outline.spans()[*index].kind)).collect::<Vec<_>>())
    }

    fn kind(&self, index: usize) -> JsonKind {
        self.outline.spans()[index].kind
    }

    /// Returns the indices of the objects and arrays that enclose an element, from the outermost.
    fn enclosing(&self, index: usize) -> Vec<usize> {
        let spans = self.outline.spans();
        let encloses =
            |of: &usize| has_elements(spans[*of].kind) && spans[*of].range().end >= spans[index].range().end;
        (0..index).filter(encloses).collect()
    }

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

    /// Returns the range of an element in the input.
    pub(super) fn range(&self, index: usize) -> Range<usize> {
        self.place(self.outline.spans()[index].range())
    }

    /// Returns the range of an element in the input, with its key.
    fn member(&self, index: usize) -> Range<usize> {
        self.place(self.outline.member(index))
    }

    fn place(&self, range: Range<usize>) -> Range<usize> {
        self.at + range.start..self.at + range.end
    }
}

/// Replaces a value by one at the border of its type, or by one of another type.
pub(super) fn scalar(mutation: &mut Mutation<'_>) -> bool {
    let Some(json) = Json::random(mutation.random, mutation.parent) else { return false };
    let Some(index) = json.pick(mutation.random, |kind| kind != JsonKind::Key) else { return false };
    let (kind, range) = (json.kind(index), json.range(index));
    let other = mutation.random.one_in(3);
    let word: &[u8] = match kind {
        JsonKind::Number if !other => mutation.random.word(JSON_NUMBERS),
        JsonKind::Literal if !other => mutation.random.word(JSON_LITERALS),
        _ => match mutation.random.below(4) {
            0 => mutation.random.word(JSON_NUMBERS),
            1 => mutation.random.word(JSON_LITERALS),
            _ => mutation.random.word(&["null", "\"\"", "[]", "{}", "\"0\"", "[null]", "{\"\":0}"]),
        },
    };
    mutation.edits.replace(range, word, Region::Body)
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
    let path = json.enclosing(inner);
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
    let magnitude = if mutation.random.one_in(4) { 14 } else { 5 };
    let most = MAX_NESTING_BYTES / (open.len() + close.len()).max(1);
    let levels = (1 << mutation.random.below(magnitude)).min(most);
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
    use sockfuzz_protocol::InputFormat;

    use super::*;
    use crate::dictionary::Dictionary;
    use crate::edits::Edits;
    use crate::learned::Learned;

    #[test]
    fn nesting_is_repeated() {
        let body = r#"{"b":"c","not":{"not":{"a":[1]}}}"#;
        let text = format!("POST / HTTP/1.1\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        let (mut parent, other) = (ParsedInput::default(), ParsedInput::default());
        parent.parse(text.as_bytes(), InputFormat::Raw);
        let (mut random, dictionary, mut edits) = (Random::new(1), Dictionary::default(), Edits::default());
        let mut deepest = 0;
        for _ in 0..200 {
            edits.clear();
            let mut mutation = Mutation {
                parent: &parent,
                other: &other,
                random: &mut random,
                dictionary: &dictionary,
                learned: &Learned::default(),
                edits: &mut edits,
            };
            nest_again(&mut mutation);
            let mut output = Vec::new();
            edits.apply(&parent, &other, InputFormat::Raw, usize::MAX, &mut output);
            let nested = output.split(|byte| *byte == b'\n').next_back().expect("a body");
            let levels = memchr::memmem::find_iter(nested, r#""not":"#).count();
            let opened = nested.iter().filter(|byte| **byte == b'{').count();
            let closed = nested.iter().rev().take_while(|byte| **byte == b'}').count();
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
