//! Framing of request bodies (RFC 9112, section 6).

use super::chunked::take_body;
use super::syntax::decimal;
use super::{ChunkedDecoder, Head, HttpError, Request, Version};

/// Maximum length of a body, in bytes.
pub const MAX_BODY: usize = 8 * 1024 * 1024;

const TOO_LARGE: HttpError = HttpError::new(413, "body too large");

/// Framing of the body of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// Length in bytes; 0 if no header field announces a body.
    Length(u64),
    /// Chunked transfer coding.
    Chunked,
}

impl Framing {
    /// Determines the framing from a head.
    ///
    /// # Errors
    /// 400 for contradictions, such as a length and a transfer coding, which permit request smuggling;
    /// 413 for a length over [`MAX_BODY`]; 501 for codings other than chunked.
    pub fn of(head: &Head) -> Result<Self, HttpError> {
        let mut lengths = head.headers.all("Content-Length").peekable();
        let has_coding = head.headers.first("Transfer-Encoding").is_some();
        match (has_coding, lengths.peek().is_some()) {
            (true, true) => Err(HttpError::bad_request("both length and transfer coding")),
            (true, false) => transfer_coding(head),
            (false, true) => lengths_agree(lengths).map(Self::Length),
            (false, false) => Ok(Self::Length(0)),
        }
    }
}

fn transfer_coding(head: &Head) -> Result<Framing, HttpError> {
    if head.version == Version::Http10 {
        return Err(HttpError::bad_request("transfer coding in HTTP/1.0"));
    }
    let codings: Vec<_> = head.headers.members("Transfer-Encoding").collect();
    let chunked = codings.iter().position(|coding| coding.eq_ignore_ascii_case(b"chunked"));
    match chunked {
        Some(0) if codings.len() == 1 => Ok(Framing::Chunked),
        Some(position) if position + 1 < codings.len() => {
            Err(HttpError::bad_request("chunked must be the last coding"))
        }
        None if codings.is_empty() => Err(HttpError::bad_request("empty transfer coding")),
        _ => Err(HttpError::new(501, "unknown transfer coding")),
    }
}

/// Returns the length on which all fields and list members agree (RFC 9110, section 8.6).
fn lengths_agree<'a>(fields: impl Iterator<Item = &'a [u8]>) -> Result<u64, HttpError> {
    const INVALID: HttpError = HttpError::bad_request("malformed content length");
    let mut agreed = None;
    for member in fields.flat_map(|field| field.split(|&byte| byte == b',')) {
        let length = decimal(super::syntax::trim_ows(member)).ok_or(INVALID)?;
        if *agreed.get_or_insert(length) != length {
            return Err(HttpError::bad_request("contradicting content lengths"));
        }
    }
    match agreed.ok_or(INVALID)? {
        length if length > MAX_BODY as u64 => Err(TOO_LARGE),
        length => Ok(length),
    }
}

/// Decoder of a body, according to its framing.
#[derive(Debug)]
pub enum BodyDecoder {
    /// Number of bytes that are still to come.
    Length(u64),
    /// Decoder of a chunked body.
    Chunked(ChunkedDecoder),
}

impl BodyDecoder {
    /// Creates a decoder at the first byte of the body.
    pub fn new(framing: Framing) -> Self {
        match framing {
            Framing::Length(length) => Self::Length(length),
            Framing::Chunked => Self::Chunked(ChunkedDecoder::default()),
        }
    }

    /// Consumes input and appends it to the request. Returns true when the body is complete.
    ///
    /// # Errors
    /// Fails like [`ChunkedDecoder::decode`].
    pub fn decode(&mut self, input: &mut &[u8], request: &mut Request) -> Result<bool, HttpError> {
        match self {
            Self::Length(remaining) => {
                take_body(input, &mut request.body, remaining);
                Ok(*remaining == 0)
            }
            Self::Chunked(chunks) => chunks.decode(input, &mut request.body, MAX_BODY, &mut request.trailers),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::HeadParser;

    /// Returns the framing that `fields` declare, or the status code of the error.
    fn framing(version: &str, fields: &str) -> Result<Framing, u16> {
        let text = format!("POST / HTTP/{version}\r\n{fields}\r\n\r\n");
        let head = HeadParser::default().parse(&mut text.as_bytes());
        Framing::of(&head.unwrap().unwrap()).map_err(|error| error.status)
    }

    #[test]
    fn lengths_must_be_numbers_and_agree() {
        assert_eq!(framing("1.1", "A: b"), Ok(Framing::Length(0)));
        assert_eq!(framing("1.0", "Content-Length: 5"), Ok(Framing::Length(5)));
        assert_eq!(framing("1.1", "Content-Length: 5, 5\r\nContent-Length: 05"), Ok(Framing::Length(5)));
        for fields in ["", "+5", "5,", "5, 6", "0x5", "99999999999999999999"] {
            assert_eq!(framing("1.1", &format!("Content-Length: {fields}")), Err(400));
        }
        assert_eq!(framing("1.1", "Content-Length: 8388609"), Err(413));
    }

    #[test]
    fn chunked_is_the_only_coding() {
        let coding = |text| framing("1.1", &format!("Transfer-Encoding: {text}"));
        assert_eq!(coding("Chunked"), Ok(Framing::Chunked));
        assert_eq!(coding("gzip"), Err(501));
        assert_eq!(coding("gzip, chunked"), Err(501));
        assert_eq!(coding("chunked, gzip"), Err(400));
        assert_eq!(coding("chunked, chunked"), Err(400));
        assert_eq!(coding(""), Err(400));
        assert_eq!(framing("1.0", "Transfer-Encoding: chunked"), Err(400));
        assert_eq!(framing("1.1", "Transfer-Encoding: chunked\r\nContent-Length: 3"), Err(400));
    }
}
