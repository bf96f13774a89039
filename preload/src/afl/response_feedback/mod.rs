//! Feedback from a server's answers. Where no instrumentation fills AFL++'s coverage map, traits of the answers do: the
//! status codes in their order, the names of header fields, the number and length of answers, and which side closed the
//! connection. (AFLNet, ICST 2020, showed that response codes guide a fuzzer.) The bytes of bodies do not count: if a
//! server echoed its input, every input would be new.
//!
//! An answer to HEAD has no body, whatever its header fields announce. The parser does not see the request, so it takes
//! a body that begins like an answer for the next answer.

use std::str;

/// Maximum number of bytes of a line that are read. Names, and the values that are used, are shorter.
const MAX_LINE_BYTES: usize = 128;

/// Beginning of an answer (RFC 9112, section 4).
const STATUS_LINE_PREFIX: &[u8] = b"HTTP/1.";

/// Length of a body that lasts until the end of the connection.
const UNLIMITED_BYTES: u64 = u64::MAX;

/// Trait of the answers on a connection, which AFL++ treats like an edge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ResponseTrait {
    /// A status code, and the one before it on the connection: 0 before the first.
    Status { before: u16, code: u16 },
    /// A header field: the hash of its name in lower case.
    Header(u64),
    /// Data other than HTTP at the beginning of an answer.
    Foreign,
    /// Number of answers: its binary logarithm, rounded down, plus one; 0 for none.
    Answers(u32),
    /// Number of bytes of the answers, in the same form.
    Length(u32),
    /// Whether the server closed the connection before the client half-closed it.
    Closed(bool),
}

impl ResponseTrait {
    /// Returns a hash that is the same in every run, and evenly distributed.
    pub(super) fn hash(self) -> u64 {
        let (kind, value) = match self {
            Self::Status { before, code } => (0, u64::from(before) << 16 | u64::from(code)),
            Self::Header(name) => (1, name),
            Self::Foreign => (2, 0),
            Self::Answers(class) => (3, class.into()),
            Self::Length(class) => (4, class.into()),
            Self::Closed(closed) => (5, closed.into()),
        };
        hash([kind].into_iter().chain(value.to_le_bytes()))
    }
}

/// FNV-1a hash.
fn hash(bytes: impl Iterator<Item = u8>) -> u64 {
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// Parser of the answers on one connection, as they arrive. It accepts any bytes, in pieces of any size.
#[derive(Debug)]
pub(crate) struct ResponseParser {
    expected: ParserState,
    body: BodyEnd,
    line: [u8; MAX_LINE_BYTES],
    /// Number of bytes of the current line in `line`.
    len: usize,
    status: u16,
    count: u64,
    bytes: u64,
    closed: bool,
}

/// Expected next element.
#[derive(Debug, Clone, Copy)]
enum ParserState {
    StatusLine,
    HeaderLine,
    /// Body with `left` bytes left. `matched` bytes at its start equal [`STATUS_LINE_PREFIX`]; `None` after a mismatch.
    Bytes {
        left: u64,
        matched: Option<usize>,
    },
    ChunkSize,
    ChunkEnd,
    TrailerLine,
}

/// End of the current answer's body (RFC 9112, section 6.3).
#[derive(Debug, Clone, Copy)]
enum BodyEnd {
    None,
    Length(u64),
    Chunked,
}

impl ResponseParser {
    pub(crate) const fn new() -> Self {
        Self {
            expected: ParserState::StatusLine,
            body: BodyEnd::None,
            line: [0; MAX_LINE_BYTES],
            len: 0,
            status: 0,
            count: 0,
            bytes: 0,
            closed: false,
        }
    }

    /// Reads the next bytes from the server.
    pub(crate) fn read(&mut self, mut bytes: &[u8], mut mark: impl FnMut(ResponseTrait)) {
        self.bytes += bytes.len() as u64;
        while let Some((&byte, rest)) = bytes.split_first() {
            bytes = match (self.expected, byte) {
                (ParserState::Bytes { left, matched }, _) => self.read_body(byte, rest, left, matched),
                (_, b'\n') => {
                    self.end_line(&mut mark);
                    rest
                }
                _ => {
                    self.push(byte);
                    rest
                }
            };
        }
    }

    /// Records that the server has closed the connection before the client half-closed it.
    pub(crate) fn close(&mut self) {
        self.closed = true;
    }

    /// Marks the traits of the whole connection at its end.
    pub(crate) fn end(&mut self, mut mark: impl FnMut(ResponseTrait)) {
        mark(ResponseTrait::Answers(magnitude(self.count)));
        mark(ResponseTrait::Length(magnitude(self.bytes)));
        mark(ResponseTrait::Closed(self.closed));
    }

    fn push(&mut self, byte: u8) {
        if let Some(place) = self.line.get_mut(self.len) {
            *place = byte;
            self.len += 1;
        }
    }

    /// Reads one byte of a body, and skips those that cannot begin an answer. Returns the remaining bytes.
    fn read_body<'a>(
        &mut self,
        byte: u8,
        mut rest: &'a [u8],
        mut left: u64,
        matched: Option<usize>,
    ) -> &'a [u8] {
        let matched = matched.filter(|&count| STATUS_LINE_PREFIX[count] == byte).map(|count| count + 1);
        if matched == Some(STATUS_LINE_PREFIX.len()) {
            self.expected = ParserState::StatusLine;
            STATUS_LINE_PREFIX.iter().for_each(|&byte| self.push(byte));
            return rest;
        }
        left -= 1;
        if matched.is_none() {
            let skipped = rest.len().min(usize::try_from(left).unwrap_or(usize::MAX));
            rest = &rest[skipped..];
            left -= skipped as u64;
        }
        self.expected = match (left, self.body) {
            (0, BodyEnd::Chunked) => ParserState::ChunkEnd,
            (0, _) => ParserState::StatusLine,
            _ => ParserState::Bytes { left, matched },
        };
        rest
    }

    fn end_line(&mut self, mark: &mut impl FnMut(ResponseTrait)) {
        let line = self.line;
        let line = line[..std::mem::take(&mut self.len)].trim_ascii_end();
        self.expected = match self.expected {
            ParserState::StatusLine if line.is_empty() => ParserState::StatusLine,
            ParserState::StatusLine => self.begin_answer(line, mark),
            ParserState::HeaderLine if line.is_empty() => self.begin_body(),
            ParserState::TrailerLine if line.is_empty() => ParserState::StatusLine,
            ParserState::HeaderLine | ParserState::TrailerLine => {
                self.add_header(line, mark);
                self.expected
            }
            ParserState::ChunkSize if line.starts_with(STATUS_LINE_PREFIX) => self.begin_answer(line, mark),
            ParserState::ChunkSize => match chunk_size(line) {
                Some(0) => ParserState::TrailerLine,
                Some(size) => ParserState::Bytes { left: size, matched: None },
                None => ParserState::Bytes { left: UNLIMITED_BYTES, matched: None },
            },
            ParserState::ChunkEnd => ParserState::ChunkSize,
            ParserState::Bytes { .. } => unreachable!("a body has no lines"),
        };
    }

    fn begin_answer(&mut self, line: &[u8], mark: &mut impl FnMut(ResponseTrait)) -> ParserState {
        let Some(code) = status_code(line) else {
            mark(ResponseTrait::Foreign);
            return ParserState::Bytes { left: UNLIMITED_BYTES, matched: None };
        };
        mark(ResponseTrait::Status { before: self.status, code });
        self.status = code;
        self.count += 1;
        self.body = if has_body(code) { BodyEnd::Length(UNLIMITED_BYTES) } else { BodyEnd::None };
        ParserState::HeaderLine
    }

    fn begin_body(&self) -> ParserState {
        match self.body {
            BodyEnd::None | BodyEnd::Length(0) => ParserState::StatusLine,
            BodyEnd::Length(left) => ParserState::Bytes { left, matched: Some(0) },
            BodyEnd::Chunked => ParserState::ChunkSize,
        }
    }

    fn add_header(&mut self, line: &[u8], mark: &mut impl FnMut(ResponseTrait)) {
        let Some(colon) = line.iter().position(|&byte| byte == b':') else { return };
        let (name, value) = (&line[..colon], line[colon + 1..].trim_ascii());
        mark(ResponseTrait::Header(hash(name.iter().map(u8::to_ascii_lowercase))));
        match self.body {
            BodyEnd::Length(_) if name.eq_ignore_ascii_case(b"transfer-encoding") => {
                self.body = BodyEnd::Chunked
            }
            BodyEnd::Length(_) if name.eq_ignore_ascii_case(b"content-length") => {
                self.body = BodyEnd::Length(number(value, 10).unwrap_or(UNLIMITED_BYTES));
            }
            _ => {}
        }
    }
}

/// Parses the three digits after the version.
fn status_code(line: &[u8]) -> Option<u16> {
    let after = line.strip_prefix(STATUS_LINE_PREFIX)?.get(1..)?.strip_prefix(b" ")?;
    let code = after.get(..3).filter(|code| code.iter().all(u8::is_ascii_digit))?;
    number(code, 10)?.try_into().ok()
}

/// Whether answers with this status have a body (RFC 9110, section 6.4.1).
fn has_body(status: u16) -> bool {
    !matches!(status, 0..=199 | 204 | 304)
}

/// Parses the size before the extensions of a chunk (RFC 9112, section 7.1).
fn chunk_size(line: &[u8]) -> Option<u64> {
    number(line.split(|&byte| byte == b';').next()?.trim_ascii(), 16)
}

fn number(digits: &[u8], base: u32) -> Option<u64> {
    u64::from_str_radix(str::from_utf8(digits).ok()?, base).ok()
}

/// Number of significant bits.
fn magnitude(number: u64) -> u32 {
    u64::BITS - number.leading_zeros()
}

#[cfg(test)]
mod tests;
