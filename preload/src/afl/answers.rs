//! What can be learnt about a server from outside. Where no instrumentation fills AFL++'s coverage
//! map, traits of the answers do: the status codes in their order, the names of header fields, how
//! many answers there were and how long, and who ended the connection. (AFLNet, ICST 2020, showed
//! that response codes guide a fuzzer.) The bytes of bodies do not count: a server that echoes would
//! make every input a new one.
//!
//! An answer to HEAD has no body, whatever its head announces, and the request is not looked at. So
//! a body that begins as answers do is taken for the next answer.

use std::str;

/// Most bytes of a line that are looked at; names, and values that matter, are shorter.
const LINE: usize = 128;

/// How answers begin (RFC 9112, section 4).
const BEGINNING: &[u8] = b"HTTP/1.";

/// The rest of the connection, whatever it is.
const ALL: u64 = u64::MAX;

/// Something about the answers on a connection that is new, or not, to AFL++.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trait {
    /// A status code, and the one before it on the connection: 0 before the first.
    Status { before: u16, code: u16 },
    /// A header field: the hash of its name in lower case.
    Header(u64),
    /// Something that is not HTTP where an answer should begin.
    Foreign,
    /// How many answers there were: the binary logarithm, rounded down, plus one; 0 for none.
    Answers(u32),
    /// How many bytes they had, likewise.
    Length(u32),
    /// Whether the server closed the connection before the client half-closed it.
    Closed(bool),
}

impl Trait {
    /// A number that is the same in every run, and spread evenly.
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

/// FNV-1a.
fn hash(bytes: impl Iterator<Item = u8>) -> u64 {
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// The answers on one connection, read as they come. Any bytes will do, in pieces of any size.
#[derive(Debug)]
pub(crate) struct Answers {
    expected: Expected,
    body: Body,
    line: [u8; LINE],
    /// Length of the line so far, as much of it as fits.
    len: usize,
    status: u16,
    count: u64,
    bytes: u64,
    closed: bool,
}

/// What comes next.
#[derive(Debug, Clone, Copy)]
enum Expected {
    StatusLine,
    HeaderLine,
    /// This many bytes; the first ones may still prove to be the [`BEGINNING`] of an answer.
    Bytes {
        left: u64,
        matched: Option<usize>,
    },
    ChunkSize,
    ChunkEnd,
    TrailerLine,
}

/// How the current answer's body ends (RFC 9112, section 6.3).
#[derive(Debug, Clone, Copy)]
enum Body {
    None,
    Length(u64),
    Chunked,
}

impl Answers {
    pub(crate) const fn new() -> Self {
        Self {
            expected: Expected::StatusLine,
            body: Body::None,
            line: [0; LINE],
            len: 0,
            status: 0,
            count: 0,
            bytes: 0,
            closed: false,
        }
    }

    /// The next bytes from the server.
    pub(crate) fn read(&mut self, mut bytes: &[u8], mut mark: impl FnMut(Trait)) {
        self.bytes += bytes.len() as u64;
        while let Some((&byte, rest)) = bytes.split_first() {
            bytes = match (self.expected, byte) {
                (Expected::Bytes { left, matched }, _) => self.read_body(byte, rest, left, matched),
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

    /// The server has closed the connection, and the client had not half-closed it.
    pub(crate) fn close(&mut self) {
        self.closed = true;
    }

    /// The connection is over.
    pub(crate) fn end(&mut self, mut mark: impl FnMut(Trait)) {
        mark(Trait::Answers(magnitude(self.count)));
        mark(Trait::Length(magnitude(self.bytes)));
        mark(Trait::Closed(self.closed));
    }

    fn push(&mut self, byte: u8) {
        if let Some(place) = self.line.get_mut(self.len) {
            *place = byte;
            self.len += 1;
        }
    }

    /// One byte of a body, and as many more as need not be looked at; those that remain.
    fn read_body<'a>(
        &mut self,
        byte: u8,
        mut rest: &'a [u8],
        mut left: u64,
        matched: Option<usize>,
    ) -> &'a [u8] {
        let matched = matched.filter(|&count| BEGINNING[count] == byte).map(|count| count + 1);
        if matched == Some(BEGINNING.len()) {
            self.expected = Expected::StatusLine;
            BEGINNING.iter().for_each(|&byte| self.push(byte));
            return rest;
        }
        left -= 1;
        if matched.is_none() {
            let skipped = rest.len().min(usize::try_from(left).unwrap_or(usize::MAX));
            rest = &rest[skipped..];
            left -= skipped as u64;
        }
        self.expected = match (left, self.body) {
            (0, Body::Chunked) => Expected::ChunkEnd,
            (0, _) => Expected::StatusLine,
            _ => Expected::Bytes { left, matched },
        };
        rest
    }

    fn end_line(&mut self, mark: &mut impl FnMut(Trait)) {
        let line = self.line;
        let line = line[..std::mem::take(&mut self.len)].trim_ascii_end();
        self.expected = match self.expected {
            Expected::StatusLine if line.is_empty() => Expected::StatusLine,
            Expected::StatusLine => self.begin_answer(line, mark),
            Expected::HeaderLine if line.is_empty() => self.begin_body(),
            Expected::TrailerLine if line.is_empty() => Expected::StatusLine,
            Expected::HeaderLine | Expected::TrailerLine => {
                self.add_header(line, mark);
                self.expected
            }
            Expected::ChunkSize if line.starts_with(BEGINNING) => self.begin_answer(line, mark),
            Expected::ChunkSize => match chunk_size(line) {
                Some(0) => Expected::TrailerLine,
                Some(size) => Expected::Bytes { left: size, matched: None },
                None => Expected::Bytes { left: ALL, matched: None },
            },
            Expected::ChunkEnd => Expected::ChunkSize,
            Expected::Bytes { .. } => unreachable!("bodies have no lines"),
        };
    }

    fn begin_answer(&mut self, line: &[u8], mark: &mut impl FnMut(Trait)) -> Expected {
        let Some(code) = status_code(line) else {
            mark(Trait::Foreign);
            return Expected::Bytes { left: ALL, matched: None };
        };
        mark(Trait::Status { before: self.status, code });
        self.status = code;
        self.count += 1;
        self.body = if has_body(code) { Body::Length(ALL) } else { Body::None };
        Expected::HeaderLine
    }

    fn begin_body(&self) -> Expected {
        match self.body {
            Body::None | Body::Length(0) => Expected::StatusLine,
            Body::Length(left) => Expected::Bytes { left, matched: Some(0) },
            Body::Chunked => Expected::ChunkSize,
        }
    }

    fn add_header(&mut self, line: &[u8], mark: &mut impl FnMut(Trait)) {
        let Some(colon) = line.iter().position(|&byte| byte == b':') else { return };
        let (name, value) = (&line[..colon], line[colon + 1..].trim_ascii());
        mark(Trait::Header(hash(name.iter().map(u8::to_ascii_lowercase))));
        match self.body {
            Body::Length(_) if name.eq_ignore_ascii_case(b"transfer-encoding") => self.body = Body::Chunked,
            Body::Length(_) if name.eq_ignore_ascii_case(b"content-length") => {
                self.body = Body::Length(number(value, 10).unwrap_or(ALL));
            }
            _ => {}
        }
    }
}

/// The three digits after the version.
fn status_code(line: &[u8]) -> Option<u16> {
    let after = line.strip_prefix(BEGINNING)?.get(1..)?.strip_prefix(b" ")?;
    let code = after.get(..3).filter(|code| code.iter().all(u8::is_ascii_digit))?;
    number(code, 10)?.try_into().ok()
}

/// Whether answers with this status have one (RFC 9110, section 6.4.1).
fn has_body(status: u16) -> bool {
    !matches!(status, 0..=199 | 204 | 304)
}

/// The number before the extensions of a chunk (RFC 9112, section 7.1).
fn chunk_size(line: &[u8]) -> Option<u64> {
    number(line.split(|&byte| byte == b';').next()?.trim_ascii(), 16)
}

fn number(digits: &[u8], base: u32) -> Option<u64> {
    u64::from_str_radix(str::from_utf8(digits).ok()?, base).ok()
}

/// Bits that the number needs.
fn magnitude(number: u64) -> u32 {
    u64::BITS - number.leading_zeros()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn traits_of(pieces: &[&[u8]]) -> Vec<Trait> {
        let (mut answers, mut traits) = (Answers::new(), Vec::new());
        pieces.iter().for_each(|piece| answers.read(piece, |found| traits.push(found)));
        answers.end(|found| traits.push(found));
        traits
    }

    fn codes(bytes: &[u8]) -> Vec<u16> {
        let code = |found| match found {
            Trait::Status { code, .. } => Some(code),
            _ => None,
        };
        traits_of(&[bytes]).into_iter().filter_map(code).collect()
    }

    fn header(name: &str) -> Trait {
        Trait::Header(hash(name.bytes()))
    }

    const THREE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n\
        HTTP/1.1 200 OK\r\nServer: a\r\nContent-Length: 9\r\n\r\nHTTP/1\r\n\n\
        HTTP/1.1 404 Not Found\r\nTRANSFER-Encoding: chunked\r\n\r\n\
        1a;x=y\r\nHTTP-1.1 777 in the body\r\n\r\n0\r\nExpires: 0\r\n\r\n";

    #[test]
    fn an_answer_is_known_by_its_codes_names_and_sizes() {
        let expected = [
            Trait::Status { before: 0, code: 100 },
            Trait::Status { before: 100, code: 200 },
            header("server"),
            header("content-length"),
            Trait::Status { before: 200, code: 404 },
            header("transfer-encoding"),
            header("expires"),
            Trait::Answers(2),
            Trait::Length(8),
            Trait::Closed(false),
        ];
        assert_eq!(traits_of(&[THREE]), expected);
    }

    #[test]
    fn the_pieces_in_which_it_comes_do_not_matter() {
        for cut in 0..THREE.len() {
            assert_eq!(traits_of(&[&THREE[..cut], &THREE[cut..]]), traits_of(&[THREE]), "{cut}");
        }
        assert_eq!(traits_of(&THREE.chunks(1).collect::<Vec<_>>()), traits_of(&[THREE]));
    }

    #[test]
    fn bodies_do_not_count() {
        let with = |body: &str| {
            format!("HTTP/1.1 200 OK\r\nContent-Length: 40\r\n\r\n{body:40}HTTP/1.1 400 B\r\n\r\n")
        };
        let (one, other) = (with("hello\r\nHTTP/1.1 500 no\r\nA: b\r\n\r\n"), with(""));
        assert_eq!(traits_of(&[one.as_bytes()]), traits_of(&[other.as_bytes()]));
        assert_eq!(codes(one.as_bytes()), [200, 400]);
    }

    #[test]
    fn a_body_may_last_to_the_end_of_the_connection() {
        assert_eq!(codes(b"HTTP/1.0 200 OK\r\n\r\nhello\nHTTP/1.1 500 no\r\n\r\n"), [200]);
    }

    #[test]
    fn an_answer_to_head_has_no_body() {
        for head in ["Content-Length: 1000", "Transfer-Encoding: chunked", "Server: a"] {
            let both =
                format!("HTTP/1.1 200 OK\r\n{head}\r\n\r\nHTTP/1.1 304 Not Modified\r\nETag: a\r\n\r\n");
            assert_eq!(codes(both.as_bytes()), [200, 304], "{head}");
        }
    }

    #[test]
    fn what_is_no_answer_is_one_trait() {
        assert_eq!(traits_of(&[b"<h1>hello</h1>\nSome: thing\n"])[0], Trait::Foreign);
        assert_eq!(traits_of(&[b""])[0], Trait::Answers(0));
    }

    #[test]
    fn any_bytes_will_do() {
        let words: [&[u8]; 10] = [
            b"HTTP/1.1 200 OK",
            b"\r\n",
            b"\n",
            b"Content-Length: ",
            b"99999999999999999999",
            b"5",
            b"Transfer-Encoding: chunked",
            b"ffffffffffffffff",
            b"HTTP/1.",
            b"\0\xff: ",
        ];
        let mut state = 1_u32;
        for _ in 0..2000 {
            let bytes: Vec<u8> = (0..20)
                .flat_map(|_| {
                    state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    words[(state >> 16) as usize % words.len()].to_vec()
                })
                .collect();
            let (one, many) = (traits_of(&[&bytes]), traits_of(&bytes.chunks(3).collect::<Vec<_>>()));
            assert_eq!(one, many, "{}", bytes.escape_ascii());
        }
    }

    #[test]
    fn who_closes_is_a_trait() {
        let mut answers = Answers::new();
        answers.close();
        let mut closed = false;
        answers.end(|found| closed |= found == Trait::Closed(true));
        assert!(closed);
    }
}
