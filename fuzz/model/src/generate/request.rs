//! Generation of requests: request line, target, fields.

use arbitrary::{Arbitrary, Result, Unstructured};

use super::{bytes, several, usually, word};
use crate::vocabulary::{
    COLONS, FIELDS, HOSTS, LINE_ENDS, METHODS, PATH_SEGMENTS, QUERIES, SCHEMES, SEPARATORS, VERSIONS,
};
use crate::{Body, Bytes, FieldLine, FieldSection, Request, RequestLine, Target};

/// Maximum number of fields besides Host and those that frame the body.
const MAX_EXTRA_FIELDS: usize = 8;
const MAX_TARGET_PIECES: usize = 4;
/// Inverse of the probability that an element is malformed.
const MALFORMED_ONE_IN: u8 = 24;

impl<'a> Arbitrary<'a> for Target<'a> {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        Ok(match u.int_in_range(0..=15u8)? {
            0 => Self::Asterisk,
            1 => Self::Authority(word(u, HOSTS)?),
            2 | 3 => Self::Absolute {
                scheme: word(u, SCHEMES)?,
                authority: word(u, HOSTS)?,
                path: path(u)?,
                query: query(u)?,
            },
            _ => Self::Origin { path: path(u)?, query: query(u)? },
        })
    }
}

fn path<'a>(u: &mut Unstructured<'a>) -> Result<Bytes<'a>> {
    joined(u, "/", PATH_SEGMENTS)
}

fn query<'a>(u: &mut Unstructured<'a>) -> Result<Bytes<'a>> {
    if u.ratio(3, 4)? { Ok(Bytes::default()) } else { joined(u, "?", QUERIES) }
}

fn joined<'a>(u: &mut Unstructured<'a>, first: &str, words: &[&'static str]) -> Result<Bytes<'a>> {
    let pieces = several(u, MAX_TARGET_PIECES, |u| word(u, words))?;
    Ok([first.as_bytes(), &pieces.concat()].concat().into())
}

impl<'a> Arbitrary<'a> for FieldLine<'a> {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        let known = u.choose(FIELDS)?;
        let mut value = word(u, known.values)?;
        if u.ratio(1, MALFORMED_ONE_IN)? {
            let more = [word(u, SEPARATORS)?, word(u, known.values)?].concat();
            value = [value.as_ref(), &more].concat().into();
        }
        if u.ratio(1, MALFORMED_ONE_IN)? {
            value = bytes(u, 16)?;
        }
        Ok(Self {
            name: Bytes::Borrowed(known.name.as_bytes()),
            colon: usually(u, ": ", MALFORMED_ONE_IN, COLONS)?,
            value,
            end: usually(u, "\r\n", MALFORMED_ONE_IN, LINE_ENDS)?,
        })
    }
}

impl<'a> Arbitrary<'a> for RequestLine<'a> {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        Ok(Self {
            method: word(u, METHODS)?,
            before_target: usually(u, " ", MALFORMED_ONE_IN, &["  ", "\t", "", " \r"])?,
            target: Target::arbitrary(u)?,
            before_version: usually(u, " ", MALFORMED_ONE_IN, &["  ", "\t", "", " a "])?,
            version: usually(u, "HTTP/1.1", 6, VERSIONS)?,
            end: usually(u, "\r\n", MALFORMED_ONE_IN, LINE_ENDS)?,
        })
    }
}

impl<'a> Arbitrary<'a> for Request<'a> {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        let line = RequestLine::arbitrary(u)?;
        let mut fields = several(u, MAX_EXTRA_FIELDS, FieldLine::arbitrary)?;
        if !u.ratio(1, MALFORMED_ONE_IN)? {
            fields.insert(0, FieldLine::new(&b"Host"[..], usually(u, "localhost", 6, HOSTS)?));
        }
        let body = if u.ratio(1, 2)? { Body::None } else { Body::arbitrary(u)? };
        body.add_framing_fields(u, &mut fields)?;
        Ok(Self {
            blank: usually(u, "", MALFORMED_ONE_IN, &["\r\n", "\n", "\r\n\r\n"])?,
            line,
            head: FieldSection { fields, end: usually(u, "\r\n", MALFORMED_ONE_IN, LINE_ENDS)? },
            body,
        })
    }
}
