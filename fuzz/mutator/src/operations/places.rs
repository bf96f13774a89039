//! Places where an application reads values: path segments, parameters, cookies, fields, forms, JSON, XML and GraphQL.

use std::ops::Range;

use sockfuzz_model::{DocumentKind, DocumentOutline, GraphqlKind, JsonKind, JsonOutline, Kind, XmlKind};

use crate::document::Format;
use crate::edits::{Edits, Region};
use crate::parsed_input::ParsedInput;
use crate::random::Random;
use crate::value::{Encoding, Spelling};

/// Inverse of the probability that the place of a parameter or of a member is that of its name.
const KEY_ONE_IN: usize = 4;

/// Place of a value in an input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) range: Range<usize>,
    pub(super) encoding: Encoding,
    pub(super) region: Region,
}

impl Place {
    /// Returns a random place of an input.
    pub(super) fn random(random: &mut Random, input: &ParsedInput) -> Option<Self> {
        match random.below(8) {
            0..=2 => Self::segment(random, input),
            3 | 4 => Self::parameter(random, input),
            5 => Self::field(random, input),
            _ => Self::content(random, input),
        }
    }

    /// Returns the value that an application reads there.
    pub(super) fn value(&self, input: &ParsedInput) -> Vec<u8> {
        let mut value = Vec::new();
        self.encoding.decode(&input.bytes[self.range.clone()], &mut value);
        value
    }

    /// Replaces the value.
    pub(super) fn write(self, edits: &mut Edits, value: &[u8], spelling: Spelling) -> bool {
        edits.replace_with(self.range, self.region, |scratch| self.encoding.encode(value, spelling, scratch))
    }

    /// Returns the place of a random GraphQL document: a body, a string in JSON, or a parameter.
    pub(super) fn graphql(random: &mut Random, input: &ParsedInput) -> Option<Self> {
        /// Number of bytes that tell a document from other values.
        const HEAD_BYTES: usize = 64;
        let is_document = |place: &Self| {
            let mut head = Vec::new();
            let bytes = &input.bytes[place.range.clone()];
            place.encoding.decode(&bytes[..bytes.len().min(HEAD_BYTES)], &mut head);
            Format::of(&head) == Format::Graphql
        };
        let Some(range) = content(random, input) else {
            return Self::parameter(random, input).filter(is_document);
        };
        let bytes = &input.bytes[range.clone()];
        match Format::of(bytes) {
            Format::Json => {
                let outline = JsonOutline::parse(bytes);
                let strings = outline.spans().iter().filter(|span| span.kind == JsonKind::String);
                let places = strings.filter_map(|span| Self::json(range.start, span.kind, span.range()));
                let all: Vec<_> = places.filter(is_document).collect();
                (!all.is_empty()).then(|| all[random.below(all.len())].clone())
            }
            Format::Graphql => Some(Self { range, encoding: Encoding::Plain, region: Region::Body }),
            _ => Some(Self::form(random, input, range)).filter(is_document),
        }
    }

    /// Returns a random segment of a path.
    pub(super) fn segment(random: &mut Random, input: &ParsedInput) -> Option<Self> {
        let path = input.random_span(random, Kind::Path)?;
        let range = piece(random, input, path, b"/;");
        Some(Self { range, encoding: Encoding::Percent, region: Region::Elsewhere })
    }

    fn parameter(random: &mut Random, input: &ParsedInput) -> Option<Self> {
        let query = input.random_span(random, Kind::Query)?;
        let range = name_or_value(random, input, query.start + 1..query.end, b"&;");
        Some(Self { range, encoding: Encoding::Percent, region: Region::Elsewhere })
    }

    /// Returns a part of a field's value, such as a cookie.
    fn field(random: &mut Random, input: &ParsedInput) -> Option<Self> {
        let value = input.random_span(random, Kind::Value)?;
        let range = match random.below(3) {
            0 => value,
            _ => name_or_value(random, input, value, b" ,;"),
        };
        Some(Self { range, encoding: Encoding::Plain, region: Region::Elsewhere })
    }

    fn content(random: &mut Random, input: &ParsedInput) -> Option<Self> {
        let range = content(random, input)?;
        let bytes = &input.bytes[range.clone()];
        match Format::of(bytes) {
            Format::Json => {
                let outline = JsonOutline::parse(bytes);
                let wants_key = random.one_in(KEY_ONE_IN);
                let spans = outline.spans().iter().filter(|span| (span.kind == JsonKind::Key) == wants_key);
                let all: Vec<_> =
                    spans.filter_map(|span| Self::json(range.start, span.kind, span.range())).collect();
                (!all.is_empty()).then(|| all[random.below(all.len())].clone())
            }
            Format::Xml => {
                let is_value = |kind| matches!(kind, XmlKind::Text | XmlKind::Value | XmlKind::Name);
                let range = element(random, range.start, bytes, is_value)?;
                Some(Self { range, encoding: Encoding::Xml, region: Region::Body })
            }
            Format::Graphql => {
                let is_value =
                    |kind| matches!(kind, GraphqlKind::Name | GraphqlKind::String | GraphqlKind::Number);
                let range = element(random, range.start, bytes, is_value)?;
                Some(Self { range, encoding: Encoding::Plain, region: Region::Body })
            }
            _ if memchr::memchr(b'=', bytes).is_some() => Some(Self::form(random, input, range)),
            _ => Some(Self { range, encoding: Encoding::Plain, region: Region::Body }),
        }
    }

    /// Returns the place of an element of a JSON text that stands at a position, unless it has elements.
    fn json(at: usize, kind: JsonKind, range: Range<usize>) -> Option<Self> {
        let (from, to) = (at + range.start, at + range.end);
        let (range, encoding) = match kind {
            JsonKind::Object | JsonKind::Array => return None,
            JsonKind::String | JsonKind::Key if range.len() >= 2 => (from + 1..to - 1, Encoding::Json),
            _ => (from..to, Encoding::Plain),
        };
        Some(Self { range, encoding, region: Region::Body })
    }

    /// Returns a random field of a form.
    fn form(random: &mut Random, input: &ParsedInput, range: Range<usize>) -> Self {
        let range = name_or_value(random, input, range, b"&");
        Self { range, encoding: Encoding::Percent, region: Region::Body }
    }
}

/// Returns the range of a random element that `is_value` of a document that stands at a position.
fn element<K: DocumentKind>(
    random: &mut Random,
    at: usize,
    text: &[u8],
    is_value: impl Fn(K) -> bool,
) -> Option<Range<usize>> {
    let outline = DocumentOutline::<K>::parse(text);
    let all: Vec<_> = outline.spans().iter().filter(|span| is_value(span.kind)).collect();
    let own = random.pick(&all)?.range();
    Some(at + own.start..at + own.end)
}

/// Returns the range of the content of a random body, or of one of its chunks or parts.
pub(super) fn content(random: &mut Random, input: &ParsedInput) -> Option<Range<usize>> {
    let kind = if random.one_in(4) { Kind::Data } else { Kind::Content };
    let range = input.random_span(random, kind)?;
    // The line end before a delimiter belongs to that.
    let is_part = kind == Kind::Data && input.bytes[range.end..].starts_with(b"--");
    let has_end = is_part && input.bytes[range.clone()].ends_with(b"\r\n");
    Some(range.start..range.end - if has_end { 2 } else { 0 })
}

/// Returns the range of a random piece between delimiters, which may be empty.
fn piece(random: &mut Random, input: &ParsedInput, range: Range<usize>, delimiters: &[u8]) -> Range<usize> {
    let at = random.within(range.start..range.end + 1);
    let divides = |byte: &u8| delimiters.contains(byte);
    let (before, after) = (&input.bytes[range.start..at], &input.bytes[at..range.end]);
    let start = before.iter().rposition(divides).map_or(range.start, |place| range.start + place + 1);
    let end = after.iter().position(divides).map_or(range.end, |place| at + place);
    start..end
}

/// Returns the range of the value in a random piece `name=value`, or seldom that of the name.
fn name_or_value(
    random: &mut Random,
    input: &ParsedInput,
    range: Range<usize>,
    delimiters: &[u8],
) -> Range<usize> {
    let pair = piece(random, input, range, delimiters);
    match memchr::memchr(b'=', &input.bytes[pair.clone()]).map(|place| pair.start + place) {
        Some(sign) if random.one_in(KEY_ONE_IN) => pair.start..sign,
        Some(sign) => sign + 1..pair.end,
        None => pair,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use sockfuzz_protocol::InputFormat;

    use super::super::tests::request;
    use super::*;

    /// Returns the values of all places of a request.
    fn values(text: &str) -> BTreeSet<String> {
        let mut input = ParsedInput::default();
        input.parse(text.as_bytes(), InputFormat::Raw);
        let mut random = Random::new(1);
        let places = (0..2000).filter_map(|_| Place::random(&mut random, &input));
        places.map(|place| String::from_utf8(place.value(&input)).expect("UTF-8")).collect()
    }

    #[test]
    fn values_are_found_wherever_they_are() {
        let json = r#"{"key": ["t\u00e9", 12, true]}"#;
        let head = "POST /a/%C3%A9;m=1?q=x+y&r HTTP/1.1\r\nCookie: id=7; t=8\r\nContent-Length: ";
        let values = values(&format!("{head}{}\r\n\r\n{json}", json.len()));
        for value in ["a", "é", "m=1", "x+y", "q", "r", "7", "id", "key", "té", "12", "true"] {
            assert!(values.contains(value), "{value}: {values:?}");
        }
    }

    #[test]
    fn values_are_found_in_documents() {
        let xml = values(&request("", "<a b='c&lt;d'>&#xe9;<e/></a>"));
        assert!(["a", "c<d", "é", "e"].iter().all(|value| xml.contains(*value)), "{xml:?}");
        let graphql = values(&request("", "query($a: Int = 1) { b(c: \"d\") }"));
        assert!(["Int", "1", "b", "c", "\"d\""].iter().all(|value| graphql.contains(*value)), "{graphql:?}");
        let parts = values(&request(
            "Content-Type: multipart/form-data; boundary=x\r\n",
            "--x\r\n\r\nvalue\r\n--x--\r\n",
        ));
        assert!(parts.contains("value") && !parts.contains("value\r\n"), "{parts:?}");
    }
}
