//! Bodies, and the fields that tell, or hide, where they end (RFC 9112, section 6.3).

use arbitrary::{Arbitrary, Result, Unstructured};

use super::{bytes, several, usually, word};
use crate::vocabulary::{BODIES, EXTENSIONS, NUMBERS, SIZES};
use crate::{Body, Bytes, Chunk, Chunked, Field, Multipart, Part, Section, Visit};

const MOST_CHUNKS: usize = 4;
const MOST_PARTS: usize = 3;
const MOST_BYTES: usize = 64;
/// One time in so many, something is not as it should be.
const ODD: u8 = 16;
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
    if u.ratio(1, 3)? { bytes(u, MOST_BYTES) } else { word(u, BODIES) }
}

impl<'a> Arbitrary<'a> for Chunk<'a> {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        let mut chunk = Self::new(content(u)?);
        chunk.extension = usually(u, "", 6, EXTENSIONS)?;
        if u.ratio(1, ODD)? {
            chunk.size = word(u, SIZES)?;
        }
        Ok(chunk)
    }
}

impl<'a> Arbitrary<'a> for Chunked<'a> {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        let mut chunks = several(u, MOST_CHUNKS, Chunk::arbitrary)?;
        chunks.retain(|chunk| !chunk.data.is_empty());
        let mut last = Chunk::new(&b""[..]);
        last.extension = usually(u, "", 6, EXTENSIONS)?;
        chunks.push(last);
        let fields = if u.ratio(1, 3)? { several(u, 2, Field::arbitrary)? } else { Vec::new() };
        Ok(Self { chunks, trailer: Section { fields, end: usually(u, "\r\n", ODD, &["", "\n"])? } })
    }
}

impl<'a> Arbitrary<'a> for Multipart<'a> {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        let part = |u: &mut Unstructured<'a>| {
            let value =
                word(u, &["form-data; name=\"a\"", "form-data; name=\"f\"; filename=\"a.txt\"", "x"])?;
            let fields = vec![Field::new(&b"Content-Disposition"[..], value)];
            Ok(Part {
                delimiter: format!("--{BOUNDARY}\r\n").into_bytes().into(),
                fields: Section { fields, end: b"\r\n"[..].into() },
                data: [&content(u)?, &b"\r\n"[..]].concat().into(),
            })
        };
        Ok(Self {
            preamble: usually(u, "", ODD, &["before\r\n", "\r\n"])?,
            parts: several(u, MOST_PARTS, part)?,
            close: usually(u, "--x--\r\n", ODD, &["--x--", "--x", "", "--x--\r\nafter"])?,
        })
    }
}

impl<'a> Body<'a> {
    /// Adds the fields that this body needs; now and then others, or more than it needs.
    pub(super) fn frame(&self, u: &mut Unstructured<'a>, fields: &mut Vec<Field<'a>>) -> Result<()> {
        let length = |length: usize| Field::new(&b"Content-Length"[..], length.to_string().into_bytes());
        match self {
            Self::None => return Ok(()),
            Self::Chunked(_) => {
                const ODD_CODINGS: &[&str] = &[
                    "Chunked",
                    "gzip, chunked",
                    "chunked, identity",
                    "chunked;a",
                    "\"chunked\"",
                    "\x0bchunked",
                    "chunked, chunked",
                    "xchunked",
                ];
                fields.push(Field::new(&b"Transfer-Encoding"[..], usually(u, "chunked", ODD, ODD_CODINGS)?));
                if u.ratio(1, ODD)? {
                    fields.push(length(self.serialise().len()));
                }
            }
            Self::Sized(_) | Self::Multipart(_) => {
                if matches!(self, Self::Multipart(_)) {
                    let media_type = format!("multipart/form-data; boundary={BOUNDARY}").into_bytes();
                    fields.push(Field::new(&b"Content-Type"[..], media_type));
                }
                fields.push(length(self.serialise().len()));
                if u.ratio(1, ODD)? {
                    fields.push(Field::new(&b"Content-Length"[..], word(u, NUMBERS)?));
                }
                if u.ratio(1, ODD)? {
                    fields.push(Field::new(&b"Transfer-Encoding"[..], &b"chunked"[..]));
                }
            }
        }
        Ok(())
    }
}
