//! Bodies in the chunked transfer coding (RFC 9112, section 7.1).

use crate::lines::{cut, cut_while, line};
use crate::visit::emit;
use crate::{Bytes, FieldSection, Kind, Visit, Visitor};

/// Chunk of a body. The last chunk has no data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chunk<'a> {
    /// The size, in hexadecimal digits.
    pub size: Bytes<'a>,
    /// Extensions, and any other text after the size.
    pub extension: Bytes<'a>,
    /// The end of the chunk-size line.
    pub line_end: Bytes<'a>,
    /// The data. Its length can differ from the declared size.
    pub data: Bytes<'a>,
    /// The line end after the data.
    pub end: Bytes<'a>,
}

/// Chunked body.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Chunked<'a> {
    /// The chunks, including the last chunk if there is one.
    pub chunks: Vec<Chunk<'a>>,
    /// The trailer section.
    pub trailer: FieldSection<'a>,
}

impl<'a> Chunk<'a> {
    /// Creates a chunk in the usual format.
    #[must_use]
    pub fn new(data: impl Into<Bytes<'a>>) -> Self {
        let data = data.into();
        let end: &[u8] = if data.is_empty() { b"" } else { b"\r\n" };
        Self {
            size: format!("{:x}", data.len()).into_bytes().into(),
            extension: Bytes::default(),
            line_end: b"\r\n"[..].into(),
            data,
            end: end.into(),
        }
    }

    fn parse(text: &mut &'a [u8]) -> Option<Self> {
        if !text.first()?.is_ascii_hexdigit() {
            return None;
        }
        let (mut extension, line_end) = line(text);
        let size = cut_while(&mut extension, |byte| byte.is_ascii_hexdigit());
        let count = std::str::from_utf8(size).ok().and_then(|size| usize::from_str_radix(size, 16).ok());
        let data = cut(text, count.unwrap_or(usize::MAX));
        let end = match *text {
            _ if data.is_empty() => 0,
            [b'\r', b'\n', ..] => 2,
            [b'\n', ..] => 1,
            _ => 0,
        };
        Some(Self {
            size: size.into(),
            extension: extension.into(),
            line_end: line_end.into(),
            data: data.into(),
            end: cut(text, end).into(),
        })
    }

    fn is_last(&self) -> bool {
        self.size.iter().all(|digit| *digit == b'0')
    }
}

impl<'a> Chunked<'a> {
    /// Parses the body at the front of `text` and advances `text` past it. Stops before bytes that are not a chunk.
    pub(crate) fn parse(text: &mut &'a [u8]) -> Self {
        let mut chunks = Vec::new();
        while let Some(chunk) = Chunk::parse(text) {
            let is_last = chunk.is_last();
            chunks.push(chunk);
            if is_last {
                return Self { chunks, trailer: FieldSection::parse(text) };
            }
        }
        Self { chunks, trailer: FieldSection::default() }
    }
}

impl Visit for Chunk<'_> {
    fn visit(&self, visitor: &mut impl Visitor) {
        visitor.enter(Kind::Chunk);
        emit(visitor, Kind::Size, &self.size);
        emit(visitor, Kind::Extension, &self.extension);
        emit(visitor, Kind::LineEnd, &self.line_end);
        emit(visitor, Kind::Data, &self.data);
        emit(visitor, Kind::LineEnd, &self.end);
        visitor.leave();
    }
}

impl Visit for Chunked<'_> {
    fn visit(&self, visitor: &mut impl Visitor) {
        for chunk in &self.chunks {
            chunk.visit(visitor);
        }
        self.trailer.visit(visitor);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_extensions_and_trailers_are_parsed() {
        let mut text = &b"3;a=b\r\nabc\r\n0\r\nT: 1\r\n\r\nGET"[..];
        let body = Chunked::parse(&mut text);
        assert_eq!(text, b"GET");
        assert_eq!(body.chunks.len(), 2);
        assert_eq!(body.chunks[0].extension, &b";a=b"[..]);
        assert_eq!(body.chunks[0].data, &b"abc"[..]);
        assert!(body.trailer.fields[0].is("t"));
    }

    #[test]
    fn oversized_chunk_takes_all_remaining_bytes() {
        for size in ["ff", "ffffffffffffffffffffff"] {
            let text = format!("{size}\r\nabc");
            let body = Chunked::parse(&mut text.as_bytes());
            assert_eq!(body.chunks[0].data, &b"abc"[..]);
        }
    }
}
