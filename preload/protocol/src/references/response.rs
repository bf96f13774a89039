//! Responses as a client reads them (RFC 9112), as far as references need them.

use std::borrow::Cow;

use memchr::memmem;

use super::text::{cut, decimal, first_line, hexadecimal};

/// First bytes of a status line.
pub(super) const VERSION: &[u8] = b"HTTP/";

/// Response. Bytes that do not begin like one are a body.
#[derive(Debug, Clone, Copy)]
pub(super) struct Response<'a> {
    head: &'a [u8],
    /// Everything after the head.
    rest: &'a [u8],
}

impl<'a> Response<'a> {
    /// Returns the response at the front of a text.
    pub(super) fn parse(text: &'a [u8]) -> Self {
        if !text.starts_with(VERSION) {
            return Self { head: b"", rest: text };
        }
        let end = match (memmem::find(text, b"\n\r\n"), memmem::find(text, b"\n\n")) {
            (Some(end), other) if other.is_none_or(|other| end < other) => end + 3,
            (_, Some(end)) => end + 2,
            (_, None) => text.len(),
        };
        let (head, rest) = text.split_at(end);
        Self { head, rest }
    }

    /// Returns its length, or that of the whole text if it does not end in there.
    pub(super) fn length(&self) -> usize {
        let body = if self.has_no_body() {
            0
        } else if self.is_chunked() {
            chunks(self.rest, |_| ())
        } else {
            let stated = self.field(b"content-length").and_then(decimal);
            stated.map_or(self.rest.len(), |length| length.min(self.rest.len()))
        };
        self.head.len() + body
    }

    /// Returns its status code.
    pub(super) fn status(&self) -> Option<&'a [u8]> {
        self.head.split(|&byte| byte == b' ' || byte == b'\r' || byte == b'\n').nth(1)
    }

    /// Whether another response to the same request follows.
    pub(super) fn is_interim(&self) -> bool {
        self.status().is_some_and(|status| status.starts_with(b"1") && status != b"101")
    }

    /// Returns the first field with this name.
    pub(super) fn field(&self, name: &[u8]) -> Option<&'a [u8]> {
        self.fields(name).next()
    }

    /// Returns the value of a cookie that it sets.
    pub(super) fn cookie(&self, name: &[u8]) -> Option<&'a [u8]> {
        self.fields(b"set-cookie").find_map(|cookie| {
            let pair = cookie.split(|&byte| byte == b';').next()?;
            let value = pair.strip_prefix(name)?.strip_prefix(b"=")?;
            Some(value.trim_ascii())
        })
    }

    /// Returns its body, without the framing of chunks.
    pub(super) fn body(&self) -> Cow<'a, [u8]> {
        if !self.is_chunked() {
            return self.rest.into();
        }
        let mut body = Vec::new();
        chunks(self.rest, |data| body.extend_from_slice(data));
        body.into()
    }

    fn fields(&self, name: &[u8]) -> impl Iterator<Item = &'a [u8]> {
        self.head.split(|&byte| byte == b'\n').skip(1).filter_map(move |line| {
            let colon = memchr::memchr(b':', line)?;
            line[..colon].eq_ignore_ascii_case(name).then(|| line[colon + 1..].trim_ascii())
        })
    }

    fn has_no_body(&self) -> bool {
        self.is_interim() || matches!(self.status(), Some(b"204" | b"304"))
    }

    fn is_chunked(&self) -> bool {
        self.field(b"transfer-encoding").is_some_and(|coding| coding.eq_ignore_ascii_case(b"chunked"))
    }
}

/// Passes the data of each chunk to `data`. Returns the length of all, the empty line at the end included.
fn chunks<'a>(text: &'a [u8], mut data: impl FnMut(&'a [u8])) -> usize {
    let (mut rest, mut in_trailer) = (text, false);
    while !rest.is_empty() {
        let line = first_line(rest);
        cut(&mut rest, line.len());
        match hexadecimal(line).filter(|size| !in_trailer && *size > 0) {
            Some(size) => {
                data(cut(&mut rest, size));
                // The line end after the data.
                cut(&mut rest, 2);
            }
            None if line.trim_ascii().is_empty() => break,
            None => in_trailer = true,
        }
    }
    text.len() - rest.len()
}
