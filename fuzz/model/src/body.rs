//! Request bodies, as framed by the header section.

use crate::lines::{cut, find_ignoring_case};
use crate::multipart::boundary;
use crate::visit::emit;
use crate::{Bytes, Chunked, FieldSection, Kind, Multipart, Visit, Visitor};

/// Body of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body<'a> {
    /// No body.
    None,
    /// Body of Content-Length bytes, or of all remaining bytes if there are fewer.
    Sized(Bytes<'a>),
    /// Body of Content-Length bytes in a multipart media type.
    Multipart(Multipart<'a>),
    /// Body in the chunked transfer coding.
    Chunked(Chunked<'a>),
}

impl<'a> Body<'a> {
    /// Parses the body at the front of `text` and advances `text` past it. If the fields conflict, chunks take
    /// precedence over lengths (RFC 9112, section 6.3), and the first valid length over others.
    pub(crate) fn parse(fields: &FieldSection<'_>, text: &mut &'a [u8]) -> Self {
        let is_chunked = |value: &[u8]| find_ignoring_case(value, b"chunked").is_some();
        if fields.all("Transfer-Encoding").any(is_chunked) {
            let chunked = Chunked::parse(text);
            if !chunked.chunks.is_empty() {
                return Self::Chunked(chunked);
            }
        }
        let Some(length) = fields.all("Content-Length").find_map(length) else {
            return Self::None;
        };
        let body = cut(text, length);
        let boundary = fields.all("Content-Type").find_map(boundary);
        match boundary.and_then(|boundary| Multipart::parse(body, boundary)) {
            Some(multipart) => Self::Multipart(multipart),
            None if body.is_empty() => Self::None,
            None => Self::Sized(body.into()),
        }
    }
}

/// Parses a length as the most lenient servers do: accepts leading plus signs and ignores trailing text.
fn length(value: &[u8]) -> Option<usize> {
    let text = std::str::from_utf8(value).ok()?.trim_start_matches('+');
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    text[..digits].parse().ok()
}

impl Visit for Body<'_> {
    fn visit(&self, visitor: &mut impl Visitor) {
        if *self == Self::None {
            return;
        }
        visitor.enter(Kind::Body);
        match self {
            Self::None => {}
            Self::Sized(content) => emit(visitor, Kind::Content, content),
            Self::Multipart(multipart) => multipart.visit(visitor),
            Self::Chunked(chunked) => chunked.visit(visitor),
        }
        visitor.leave();
    }
}
