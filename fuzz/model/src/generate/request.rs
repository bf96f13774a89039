//! Requests: line, fields, target.

use arbitrary::{Arbitrary, Result, Unstructured};

use super::{bytes, several, usually, word};
use crate::vocabulary::{
    COLONS, FIELDS, HOSTS, LINE_ENDS, METHODS, QUERIES, SCHEMES, SEGMENTS, SEPARATORS, VERSIONS,
};
use crate::{Body, Bytes, Field, Request, RequestLine, Section, Target};

/// Fields of a request beside Host and those of its body.
const MOST_FIELDS: usize = 8;
const MOST_SEGMENTS: usize = 4;
/// One time in so many, something is not as it should be.
const ODD: u8 = 24;

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
    joined(u, "/", SEGMENTS)
}

fn query<'a>(u: &mut Unstructured<'a>) -> Result<Bytes<'a>> {
    if u.ratio(3, 4)? { Ok(Bytes::default()) } else { joined(u, "?", QUERIES) }
}

fn joined<'a>(u: &mut Unstructured<'a>, first: &str, words: &[&'static str]) -> Result<Bytes<'a>> {
    let pieces = several(u, MOST_SEGMENTS, |u| word(u, words))?;
    Ok([first.as_bytes(), &pieces.concat()].concat().into())
}

impl<'a> Arbitrary<'a> for Field<'a> {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        let known = u.choose(FIELDS)?;
        let mut value = word(u, known.values)?;
        if u.ratio(1, ODD)? {
            let more = [word(u, SEPARATORS)?, word(u, known.values)?].concat();
            value = [value.as_ref(), &more].concat().into();
        }
        if u.ratio(1, ODD)? {
            value = bytes(u, 16)?;
        }
        Ok(Self {
            name: Bytes::Borrowed(known.name.as_bytes()),
            colon: usually(u, ": ", ODD, COLONS)?,
            value,
            end: usually(u, "\r\n", ODD, LINE_ENDS)?,
        })
    }
}

impl<'a> Arbitrary<'a> for RequestLine<'a> {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        Ok(Self {
            method: word(u, METHODS)?,
            before_target: usually(u, " ", ODD, &["  ", "\t", "", " \r"])?,
            target: Target::arbitrary(u)?,
            before_version: usually(u, " ", ODD, &["  ", "\t", "", " a "])?,
            version: usually(u, "HTTP/1.1", 6, VERSIONS)?,
            end: usually(u, "\r\n", ODD, LINE_ENDS)?,
        })
    }
}

impl<'a> Arbitrary<'a> for Request<'a> {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        let line = RequestLine::arbitrary(u)?;
        let mut fields = several(u, MOST_FIELDS, Field::arbitrary)?;
        if !u.ratio(1, ODD)? {
            fields.insert(0, Field::new(&b"Host"[..], usually(u, "localhost", 6, HOSTS)?));
        }
        let body = if u.ratio(1, 2)? { Body::None } else { Body::arbitrary(u)? };
        body.frame(u, &mut fields)?;
        Ok(Self {
            blank: usually(u, "", ODD, &["\r\n", "\n", "\r\n\r\n"])?,
            line,
            head: Section { fields, end: usually(u, "\r\n", ODD, LINE_ENDS)? },
            body,
        })
    }
}
