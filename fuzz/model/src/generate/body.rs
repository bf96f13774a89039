//! Generation of bodies and of the fields that frame them (RFC 9112, section 6.3).

use arbitrary::{Arbitrary, Result, Unstructured};

use super::{bytes, several, usually, word};
use crate::vocabulary::{BODIES, CHUNK_EXTENSIONS, CHUNK_SIZES, NUMBERS};
use crate::{Body, Bytes, Chunk, Chunked, FieldLine, FieldSection, Multipart, Part, Visit};

const MAX_CHUNKS: usize = 4;
const MAX_PARTS: usize = 3;
const MAX_CONTENT_BYTES: usize = 64;
/// Inverse of the probability that an element is malformed.
const MALFORMED_ONE_IN: u8 = 16;
const BOUNDARY: &str = "x";

impl<'a> Arbitrary<'a> for Body<'a> {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        Ok(match u.int_in_range(0..=7u8)? {
            0 => Self::Multipart(Multipart::arbitrary(u)?),
            1..=3 => Self::Sized(content(u)?),
            _ => Self::Chunked(Chunked::arbitrary(u)?),
        })
    }
}

fn content<'a>(u: &mut Unstructured<'a>) -> Result<Bytes<'a>> {
    if u.ratio(1, 3)? { bytes(u, MAX_CONTENT_BYTES) } else { word(u, BODIES) }
}

impl<'a> Arbitrary<'a> for Chunk<'a> {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        let mut chunk = Self::new(content(u)?);
        chunk.extension = usually(u, "", 6, CHUNK_EXTENSIONS)?;
        if u.ratio(1, MALFORMED_ONE_IN)? {
            chunk.size = word(u, CHUNK_SIZES)?;
        }
        Ok(chunk)
    }
}

impl<'a> Arbitrary<'a> for Chunked<'a> {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        let mut chunks = several(u, MAX_CHUNKS, Chunk::arbitrary)?;
        chunks.retain(|chunk| !chunk.data.is_empty());
        let mut last = Chunk::new(&b""[..]);
        last.extension = usually(u, "", 6, CHUNK_EXTENSIONS)?;
        chunks.push(last);
        let fields = if u.ratio(1, 3)? { several(u, 2, FieldLine::arbitrary)? } else { Vec::new() };
        Ok(Self {
            chunks,
            trailer: FieldSection { fields, end: usually(u, "\r\n", MALFORMED_ONE_IN, &["", "\n"])? },
        })
    }
}

impl<'a> Arbitrary<'a> for Multipart<'a> {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        let part = |u: &mut Unstructured<'a>| {
            let value =
                word(u, &["form-data; name=\"a\"", "form-data; name=\"f\"; filename=\"a.txt\"", "x"])?;
            let fields = vec![FieldLine::new(&b"Content-Disposition"[..], value)];
            Ok(Part {
                delimiter: format!("--{BOUNDARY}\r\n").into_bytes().into(),
                fields: FieldSection { fields, end: b"\r\n"[..].into() },
                data: [&content(u)?, &b"\r\n"[..]].concat().into(),
            })
        };
        Ok(Self {
            preamble: usually(u, "", MALFORMED_ONE_IN, &["before\r\n", "\r\n"])?,
            parts: several(u, MAX_PARTS, part)?,
            close: usually(u, "--x--\r\n", MALFORMED_ONE_IN, &["--x--", "--x", "", "--x--\r\nafter"])?,
        })
    }
}

impl<'a> Body<'a> {
    /// Adds the fields that frame this body, and with probability 1/[`MALFORMED_ONE_IN`] conflicting ones.
    pub(super) fn add_framing_fields(
        &self,
        u: &mut Unstructured<'a>,
        fields: &mut Vec<FieldLine<'a>>,
    ) -> Result<()> {
        let length = |length: usize| FieldLine::new(&b"Content-Length"[..], length.to_string().into_bytes());
        match self {
            Self::None => return Ok(()),
            Self::Chunked(_) => {
                const UNUSUAL_CODINGS: &[&str] = &[
                    "Chunked",
                    "gzip, chunked",
                    "chunked, identity",
                    "chunked;a",
                    "\"chunked\"",
                    "\x0bchunked",
                    "chunked, chunked",
                    "xchunked",
                ];
                fields.push(FieldLine::new(
                    &b"Transfer-Encoding"[..],
                    usually(u, "chunked", MALFORMED_ONE_IN, UNUSUAL_CODINGS)?,
                ));
                if u.ratio(1, MALFORMED_ONE_IN)? {
                    fields.push(length(self.serialise().len()));
                }
            }
            Self::Sized(_) | Self::Multipart(_) => {
                if matches!(self, Self::Multipart(_)) {
                    let media_type = format!("multipart/form-data; boundary={BOUNDARY}").into_bytes();
                    fields.push(FieldLine::new(&b"Content-Type"[..], media_type));
                }
                fields.push(length(self.serialise().len()));
                if u.ratio(1, MALFORMED_ONE_IN)? {
                    fields.push(FieldLine::new(&b"Content-Length"[..], word(u, NUMBERS)?));
                }
                if u.ratio(1, MALFORMED_ONE_IN)? {
                    fields.push(FieldLine::new(&b"Transfer-Encoding"[..], &b"chunked"[..]));
                }
            }
        }
        Ok(())
    }
}
