//! Operations on the formats of bodies and on the fields that name them. Mostly the two agree.

use std::ops::Range;

use sockfuzz_model::{Kind, Span};

use super::Mutation;
use crate::document::{Format, Tree, add_parameter, agreeing, boundary, other, part_name, read, write};
use crate::edits::Region;

pub(super) const CONTENT_TYPE: &str = "Content-Type";

/// Inverse of the probability that a converted body does not agree with its Content-Type.
const DISAGREEMENT_ONE_IN: usize = 8;

/// Body of a request, in one piece.
struct MessageBody {
    /// Index of the request.
    request: usize,
    /// Index of the body.
    index: usize,
    range: Range<usize>,
    format: Format,
}

impl MessageBody {
    /// Returns a random body; `None` if it is empty, or in several chunks.
    fn random(mutation: &mut Mutation<'_>) -> Option<Self> {
        let index = mutation.random_index(Kind::Body)?;
        let request = mutation.last_before(Kind::Request, index)?;
        let outline = &mutation.parent.outline;
        let inside = outline.inside(index);
        if inside.iter().any(|span| span.kind == Kind::Part) {
            let range = mutation.span_at(index).range();
            return Some(Self { request, index, range, format: Format::Multipart });
        }
        let mut contents = inside.iter().filter(|span| matches!(span.kind, Kind::Content | Kind::Data));
        let range = contents.next().filter(|_| contents.next().is_none())?.range();
        let format = Format::of(mutation.bytes(range.clone()));
        Some(Self { request, index, range, format })
    }

    /// Returns the content.
    fn read(&self, mutation: &Mutation<'_>) -> Tree {
        let outline = &mutation.parent.outline;
        if self.format != Format::Multipart {
            return read(self.format, mutation.bytes(self.range.clone()));
        }
        let parts = outline.of(Kind::Part).iter().map(|part| *part as usize);
        let own = parts.filter(|part| self.range.contains(&mutation.span_at(*part).range().start));
        let field = |part: usize| {
            let values = outline.inside(part).iter().filter(|span| span.kind == Kind::Value);
            let name = values.filter_map(|span| part_name(mutation.bytes(span.range()))).next()?;
            let data = mutation.first_inside(part, Kind::Data).map_or(&b""[..], |data| mutation.bytes(data));
            Some((name, data.strip_suffix(b"\r\n").unwrap_or(data)))
        };
        Tree::of_fields(own.filter_map(field))
    }
}

/// Converts a body to another format, and names that in its Content-Type, or seldom does not.
pub(super) fn convert(mutation: &mut Mutation<'_>) -> bool {
    let Some(body) = MessageBody::random(mutation) else { return false };
    let Some(format) = mutation.random.pick(&Format::ALL).filter(|format| *format != body.format) else {
        return false;
    };
    let tree = body.read(mutation);
    let boundary = boundary(mutation.random);
    let random = &mut *mutation.random;
    let is_converted = mutation.edits.replace_with(body.range, Region::Body, |scratch| {
        write(random, &tree, format, boundary, scratch);
    });
    if is_converted && !mutation.random.one_in(DISAGREEMENT_ONE_IN) {
        let media_type = agreeing(mutation.random, format, boundary);
        set_media_type(mutation, body.request, &media_type);
    }
    is_converted
}

/// Changes the Content-Type of a body: to another one of its format, or to one that does not agree, by a parameter, by a second
/// field, or by none at all.
pub(super) fn media_type(mutation: &mut Mutation<'_>) -> bool {
    let Some(body) = MessageBody::random(mutation) else { return false };
    let field = mutation.head_field(body.request, CONTENT_TYPE);
    let old = match &field {
        Some(field) => field.value.clone().map_or(Vec::new(), |value| mutation.bytes(value).to_vec()),
        None => Vec::new(),
    };
    let own_boundary =
        mutation.boundary(body.index).map_or(Vec::new(), |place| mutation.bytes(place).to_vec());
    let mut new = match mutation.random.below(3) {
        0 if !old.is_empty() => old,
        0 | 1 => agreeing(mutation.random, body.format, &own_boundary),
        _ => other(mutation.random, body.format),
    };
    match (mutation.random.below(8), field) {
        (0, Some(field)) => mutation.edits.replace(field.line, b"", Region::Elsewhere),
        (1, Some(field)) => {
            let at = if mutation.random.one_in(2) { field.line.start } else { field.line.end };
            super::fields::add_at(mutation, at, CONTENT_TYPE.as_bytes(), &new)
        }
        (2..=4, _) => {
            add_parameter(mutation.random, &mut new);
            set_media_type(mutation, body.request, &new)
        }
        _ => set_media_type(mutation, body.request, &new),
    }
}

/// Sets the Content-Type of a request.
fn set_media_type(mutation: &mut Mutation<'_>, request: usize, media_type: &[u8]) -> bool {
    if let Some(value) = mutation.head_field(request, CONTENT_TYPE).and_then(|field| field.value) {
        return mutation.edits.replace(value, media_type, Region::Elsewhere);
    }
    let Some(line) = mutation.first_inside(request, Kind::RequestLine) else { return false };
    super::fields::add_at(mutation, line.end, CONTENT_TYPE.as_bytes(), media_type)
}

/// Field of a header section.
pub(super) struct HeadField {
    /// The whole line.
    pub(super) line: Range<usize>,
    pub(super) name: Range<usize>,
    /// The value, if it is not empty.
    pub(super) value: Option<Range<usize>>,
}

impl Mutation<'_> {
    /// Returns the first field of a request's header section with this name, ignoring case.
    pub(super) fn head_field(&self, request: usize, name: &str) -> Option<HeadField> {
        let inside = self.parent.outline.inside(request);
        let end = inside.iter().position(|span| span.kind == Kind::SectionEnd).unwrap_or(inside.len());
        let head = &inside[..end];
        let is_named = |span: &Span| {
            span.kind == Kind::Name && self.bytes(span.range()).eq_ignore_ascii_case(name.as_bytes())
        };
        let at = head.windows(2).position(|pair| pair[0].kind == Kind::Field && is_named(&pair[1]))?;
        let line = head[at].range();
        let own = head[at + 1..].iter().take_while(|span| span.range().end <= line.end);
        let value = own.into_iter().find(|span| span.kind == Kind::Value).map(|span| span.range());
        Some(HeadField { line, name: head[at + 1].range(), value })
    }

    /// Returns the range of the boundary in the first delimiter of a body in parts.
    pub(super) fn boundary(&self, body: usize) -> Option<Range<usize>> {
        let delimiter = self.first_inside(body, Kind::Delimiter)?;
        let line = self.bytes(delimiter.clone());
        let boundary = line.strip_prefix(b"--")?.trim_ascii_end();
        Some(delimiter.start + 2..delimiter.start + 2 + boundary.len())
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{assert_bodies_have, assert_heads_have, parts, request, results};
    use super::*;

    const JSON: &str = r#"{"name":"a b","size":10}"#;

    #[test]
    fn bodies_are_converted_with_their_content_type() {
        let converted = results(convert, &request("Content-Type: application/json\r\n", JSON), "");
        assert_bodies_have(
            &converted,
            &[
                "name=a%20b&size=10",
                "<name>a b</name><size>10</size>",
                "<root name=\"a b\" size=\"10\">",
                "Content-Disposition: form-data; name=\"name\"\r\n\r\na b\r\n--",
                "query($name: String $size: Int)",
                "\"variables\":{\"name\":\"a b\",\"size\":10}",
            ],
        );
        let agrees = |message: &&String| {
            let (head, body) = parts(message);
            match body {
                _ if body.starts_with("name=") => {
                    head.contains("Content-Type: application/x-www-form-urlencoded")
                }
                _ if body.starts_with('<') => head.contains("xml"),
                _ if body.starts_with("--") => head.contains("Content-Type: multipart/"),
                _ if body.starts_with("query(") => head.contains("Content-Type: application/graphql"),
                _ => head.contains("json"),
            }
        };
        let agreeing = converted.iter().filter(agrees).count();
        assert!(agreeing * 10 > converted.len() * 8 && agreeing < converted.len(), "{agreeing}");
        for message in &converted {
            let (head, body) = parts(message);
            assert!(head.contains(&format!("Content-Length: {}", body.len())), "{message}");
        }
    }

    #[test]
    fn parts_forms_and_xml_become_json() {
        let part = |name: &str, value: &str| {
            format!("--x\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
        };
        let parts = format!("{}{}--x--\r\n", part("name", "a b"), part("size", "10"));
        for (media_type, body) in [
            ("multipart/form-data; boundary=x", parts.as_str()),
            ("application/x-www-form-urlencoded", "name=a+b&size=10"),
            ("text/xml", "<r size='10'><name>a b</name></r>"),
        ] {
            let message = request(&format!("Content-Type: {media_type}\r\n"), body);
            let converted = results(convert, &message, "");
            assert!(
                converted.iter().any(|it| it.contains("\"name\":\"a b\"") && it.contains("\"size\":10")),
                "{body}"
            );
            assert_heads_have(&converted, &["Content-Type: application/json"]);
        }
    }

    #[test]
    fn chunks_are_converted() {
        let message = format!(
            "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n{JSON}\r\n0\r\n\r\n",
            JSON.len()
        );
        let converted = results(convert, &message, "");
        assert!(
            converted.iter().any(|it| it.contains("\r\n\r\n12\r\nname=a%20b&size=10\r\n0\r\n")),
            "{converted:?}"
        );
    }

    #[test]
    fn media_types_agree_or_not() {
        let changed = results(media_type, &request("Content-Type: application/json\r\n", JSON), "");
        assert_heads_have(
            &changed,
            &[
                "Content-Type: application/vnd.api+json\r\n",
                "Content-Type: text/xml\r\n",
                "Content-Type: application/json; charset=utf-16\r\n",
                "Content-Type: multipart/form-data; boundary=\r\n",
                "Content-Type: application/json\r\nContent-Type: ",
            ],
        );
        assert!(changed.iter().any(|it| !it.contains("Content-Type")));
        assert!(changed.iter().all(|it| parts(it).1 == JSON));
        let added = results(media_type, &request("", JSON), "");
        assert_heads_have(
            &added,
            &["Content-Type: application/json\r\n", "Content-Type: application/xml\r\n"],
        );
    }
}
