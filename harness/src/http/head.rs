//! The request line and the header section (RFC 9112, sections 2 to 5).

use super::line::take_line;
use super::syntax::{is_token, trim_ows};
use super::{Head, Headers, HttpError, Target, Version};

/// Maximum length of a request line, in bytes without its LF.
pub(super) const MAX_REQUEST_LINE: usize = 8 * 1024;
/// Maximum length of a field line, in bytes without its LF.
pub(super) const MAX_FIELD_LINE: usize = 8 * 1024;
/// Maximum number of fields in a section.
pub(super) const MAX_FIELDS: usize = 100;
/// Maximum number of empty lines before a request line (RFC 9112, section 2.2, asks servers to ignore one).
const MAX_BLANK_LINES: usize = 4;

const TARGET_TOO_LONG: HttpError = HttpError::new(414, "request line too long");
const FIELD_TOO_LONG: HttpError = HttpError::new(431, "header field too long");

/// Parser of one request head, line by line as the lines arrive.
#[derive(Debug, Default)]
pub struct HeadParser {
    blank_lines: usize,
    head: Option<Head>,
}

impl HeadParser {
    /// Consumes complete lines. Returns the head after the empty line that ends it.
    ///
    /// # Errors
    /// 400 for a malformed line, 414 or 431 for a line that is too long, 505 for another major version.
    pub fn parse(&mut self, input: &mut &[u8]) -> Result<Option<Head>, HttpError> {
        if self.head.is_none() {
            while let Some(line) = take_line(input, MAX_REQUEST_LINE, TARGET_TOO_LONG)? {
                if !line.is_empty() {
                    self.head = Some(request_line(line)?);
                    break;
                }
                self.blank_lines += 1;
                if self.blank_lines > MAX_BLANK_LINES {
                    return Err(HttpError::bad_request("empty lines instead of a request"));
                }
            }
        }
        let Some(head) = &mut self.head else {
            return Ok(None);
        };
        if !fields(input, &mut head.headers)? {
            return Ok(None);
        }
        let head = self.head.take();
        *self = Self::default();
        Ok(head)
    }
}

/// Consumes the field lines of a header or trailer section. Returns true after the empty line at its end.
pub(super) fn fields(input: &mut &[u8], headers: &mut Headers) -> Result<bool, HttpError> {
    while let Some(line) = take_line(input, MAX_FIELD_LINE, FIELD_TOO_LONG)? {
        if line.is_empty() {
            return Ok(true);
        }
        if headers.len() == MAX_FIELDS {
            return Err(HttpError::new(431, "too many header fields"));
        }
        let (name, value) = field(line)?;
        headers.push(name, value);
    }
    Ok(false)
}

fn request_line(line: &[u8]) -> Result<Head, HttpError> {
    const INVALID: HttpError = HttpError::bad_request("malformed request line");
    let line = std::str::from_utf8(line).map_err(|_| INVALID)?;
    let mut words = line.split(' ');
    let (Some(method), Some(target), Some(version), None) =
        (words.next(), words.next(), words.next(), words.next())
    else {
        return Err(INVALID);
    };
    if !is_token(method.as_bytes()) {
        return Err(HttpError::bad_request("malformed method"));
    }
    Ok(Head {
        method: method.to_owned(),
        version: self::version(version)?,
        target: Target::parse(method, target)?,
        headers: Headers::default(),
    })
}

fn version(text: &str) -> Result<Version, HttpError> {
    match text.as_bytes() {
        b"HTTP/1.0" => Ok(Version::Http10),
        [b'H', b'T', b'T', b'P', b'/', b'1', b'.', b'1'..=b'9'] => Ok(Version::Http11),
        [b'H', b'T', b'T', b'P', b'/', b'0'..=b'9', b'.', b'0'..=b'9'] => {
            Err(HttpError::new(505, "only HTTP/1.x is supported"))
        }
        _ => Err(HttpError::bad_request("malformed version")),
    }
}

fn field(line: &[u8]) -> Result<(String, Vec<u8>), HttpError> {
    if matches!(line[0], b' ' | b'\t') {
        return Err(HttpError::bad_request("folded header field"));
    }
    let colon = line
        .iter()
        .position(|&byte| byte == b':')
        .ok_or(HttpError::bad_request("header field without a colon"))?;
    // This check also refuses white space before the colon (RFC 9112, section 5.1).
    let name = std::str::from_utf8(&line[..colon])
        .ok()
        .filter(|name| is_token(name.as_bytes()))
        .ok_or(HttpError::bad_request("malformed header field name"))?;
    let value = trim_ows(&line[colon + 1..]);
    if value.iter().any(|&byte| byte.is_ascii_control() && byte != b'\t') {
        return Err(HttpError::bad_request("control character in a header field"));
    }
    Ok((name.to_owned(), value.to_vec()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::Form;

    fn parse(input: &str) -> Result<Option<Head>, HttpError> {
        HeadParser::default().parse(&mut input.as_bytes())
    }

    fn status(input: &str) -> u16 {
        parse(input).expect_err(input).status
    }

    #[test]
    fn head_ends_at_its_empty_line() {
        let mut input = &b"\r\nGET /a?b HTTP/1.1\r\nHost:\t h \r\nX:\r\n\r\nbody"[..];
        let head = HeadParser::default().parse(&mut input).unwrap().unwrap();
        assert_eq!(input, b"body");
        assert_eq!(head.method, "GET");
        assert_eq!(head.target.form, Form::Origin);
        assert_eq!(head.version, Version::Http11);
        let fields: Vec<_> = head.headers.iter().collect();
        assert_eq!(fields, [("Host", &b"h"[..]), ("X", b"")]);
    }

    #[test]
    fn any_split_gives_the_same_head() {
        let text = "\r\nPUT http://h/p?q HTTP/1.0\nA: 1\r\nB:\t2 \r\n\n";
        let whole = parse(text).unwrap().unwrap();
        for split in 0..text.len() {
            let mut parser = HeadParser::default();
            let mut first = &text.as_bytes()[..split];
            assert_eq!(parser.parse(&mut first), Ok(None), "split at {split}");
            let rest = [first, &text.as_bytes()[split..]].concat();
            assert_eq!(parser.parse(&mut &rest[..]), Ok(Some(whole.clone())));
        }
    }

    #[test]
    fn malformed_lines_are_refused() {
        for input in [
            "GET /\r\n",
            "GET  / HTTP/1.1\r\n",
            "GET / HTTP/1.1 \r\n",
            "G@T / HTTP/1.1\r\n",
            "GET / http/1.1\r\n",
            "GET / HTTP/1.10\r\n",
            "GET /\r HTTP/1.1\r\n",
            "GET / HTTP/1.1\r\n A: folded\r\n",
            "GET / HTTP/1.1\r\nA: 1\r\n\tfolded\r\n",
            "GET / HTTP/1.1\r\nA : 1\r\n",
            "GET / HTTP/1.1\r\n: 1\r\n",
            "GET / HTTP/1.1\r\nA\r\n",
            "GET / HTTP/1.1\r\nA: 1\r2\r\n",
            "GET / HTTP/1.1\r\nA: \0\r\n",
            "\r\n\r\n\r\n\r\n\r\n",
        ] {
            assert_eq!(status(input), 400, "{input:?}");
        }
        assert_eq!(status("GET / HTTP/2.0\r\n"), 505);
    }

    #[test]
    fn later_minor_versions_are_served_as_1_1() {
        let head = parse("GET / HTTP/1.2\r\n\r\n").unwrap().unwrap();
        assert_eq!(head.version, Version::Http11);
    }

    #[test]
    fn sizes_are_limited() {
        let long = "x".repeat(MAX_REQUEST_LINE);
        assert_eq!(status(&format!("GET /{long}")), 414);
        assert_eq!(status(&format!("GET / HTTP/1.1\r\nA: {long}")), 431);
        let many = "A: 1\r\n".repeat(MAX_FIELDS);
        assert!(parse(&format!("GET / HTTP/1.1\r\n{many}\r\n")).unwrap().is_some());
        assert_eq!(status(&format!("GET / HTTP/1.1\r\n{many}B: 1\r\n")), 431);
    }
}
