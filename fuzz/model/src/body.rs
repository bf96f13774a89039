//! What follows a request's header section, as far as the fields say that it is its body.

use crate::lines::{cut, find_ignoring_case};
use crate::multipart::boundary;
use crate::visit::tell;
use crate::{Bytes, Chunked, Kind, Multipart, Section, Visit, Visitor};

/// A request's body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body<'a> {
    /// None.
    None,
    /// As many bytes as Content-Length says, or as there are.
    Sized(Bytes<'a>),
    /// The same, and its media type gives it parts.
    Multipart(Multipart<'a>),
    /// Chunks.
    Chunked(Chunked<'a>),
}

impl<'a> Body<'a> {
    /// Cuts the body off the front of `text`. Where the fields contradict each other, chunks come
    /// before lengths (RFC 9112, section 6.3), and the first length that is one counts.
    pub(crate) fn parse(fields: &Section<'_>, text: &mut &'a [u8]) -> Self {
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

/// A length, as lenient servers read it.
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
            Self::Sized(content) => tell(visitor, Kind::Content, content),
            Self::Multipart(multipart) => multipart.visit(visitor),
            Self::Chunked(chunked) => chunked.visit(visitor),
        }
        visitor.leave();
    }
}
