//! Multipart bodies (RFC 2046, section 5.1): parts with fields of their own.

use memchr::memmem;

use crate::lines::{cut, find_ignoring_case, line};
use crate::visit::emit;
use crate::{Bytes, FieldSection, Kind, Visit, Visitor};

/// Part of a multipart body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part<'a> {
    /// Delimiter line before the part.
    pub delimiter: Bytes<'a>,
    /// Header fields of the part.
    pub fields: FieldSection<'a>,
    /// Content, including the line end that belongs to the next delimiter.
    pub data: Bytes<'a>,
}

/// Multipart body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Multipart<'a> {
    /// Bytes before the first part.
    pub preamble: Bytes<'a>,
    /// The parts.
    pub parts: Vec<Part<'a>>,
    /// The closing delimiter, and bytes after it.
    pub close: Bytes<'a>,
}

/// Returns the boundary parameter of a multipart media type.
pub(crate) fn boundary(media_type: &[u8]) -> Option<&[u8]> {
    const PARAMETER: &[u8] = b"boundary=";
    if !media_type.get(..10)?.eq_ignore_ascii_case(b"multipart/") {
        return None;
    }
    let start = find_ignoring_case(media_type, PARAMETER)? + PARAMETER.len();
    let value = &media_type[start..];
    let boundary = match value.strip_prefix(b"\"") {
        Some(quoted) => quoted.split(|byte| *byte == b'"').next()?,
        None => value.split(|byte| b"; \t\r\n".contains(byte)).next()?,
    };
    (!boundary.is_empty()).then_some(boundary)
}

impl<'a> Multipart<'a> {
    /// Parses a body that is divided by `boundary`; `None` if it has no part.
    pub(crate) fn parse(mut body: &'a [u8], boundary: &[u8]) -> Option<Self> {
        let dashes = [b"--", boundary].concat();
        let finder = memmem::Finder::new(&dashes);
        let next = |text: &[u8]| {
            let at_start = |at: &usize| *at == 0 || text[at - 1] == b'\n';
            finder.find_iter(text).find(at_start).unwrap_or(text.len())
        };
        let first = next(body);
        let preamble = cut(&mut body, first);
        let mut parts = Vec::new();
        while body.starts_with(&dashes) && !body[dashes.len()..].starts_with(b"--") {
            let (name, end) = line(&mut body);
            let delimiter = if end.is_empty() { name.into() } else { [name, end].concat().into() };
            let after = next(body);
            let mut inside = cut(&mut body, after);
            parts.push(Part { delimiter, fields: FieldSection::parse(&mut inside), data: inside.into() });
        }
        (!parts.is_empty()).then(|| Self { preamble: preamble.into(), parts, close: body.into() })
    }
}

impl Visit for Multipart<'_> {
    fn visit(&self, visitor: &mut impl Visitor) {
        emit(visitor, Kind::Content, &self.preamble);
        for part in &self.parts {
            visitor.enter(Kind::Part);
            emit(visitor, Kind::Delimiter, &part.delimiter);
            part.fields.visit(visitor);
            emit(visitor, Kind::Data, &part.data);
            visitor.leave();
        }
        emit(visitor, Kind::Delimiter, &self.close);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boundary_is_parsed_plain_and_quoted() {
        assert_eq!(boundary(b"multipart/form-data; boundary=x"), Some(&b"x"[..]));
        assert_eq!(boundary(b"Multipart/Mixed; Boundary=\"a b\"; c"), Some(&b"a b"[..]));
        assert_eq!(boundary(b"text/plain; boundary=x"), None);
    }

    #[test]
    fn parts_are_parsed_with_their_fields() {
        let text = b"before\r\n--x\r\nA: 1\r\n\r\none\r\n--x\r\n\r\ntwo\r\n--x--\r\n";
        let body = Multipart::parse(text, b"x").expect("multipart");
        assert_eq!(body.parts.len(), 2);
        assert_eq!(body.parts[0].data, &b"one\r\n"[..]);
        assert_eq!(body.parts[1].data, &b"two\r\n"[..]);
        assert_eq!(body.serialise(), text);
    }
}
