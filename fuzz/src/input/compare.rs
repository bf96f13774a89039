//! Byte-for-byte comparison of two answers, without the values that depend on time or chance.
//!
//! Two values are ignored. The first is the value of the `Date` header (RFC 9110, section 6.6.1) if it is a date
//! in the format of RFC 9110, section 5.6.7. The second is the boundary between the parts of
//! `multipart/byteranges` (section 14.6), which a server may choose at random for each answer. Answers in
//! HTTP/2 are compared frame by frame and header by header.

mod http2;

use memchr::memmem;

use crate::util::printable::one_line;

/// First difference between two answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// Offset in bytes, in the answer with normalised dates and boundaries (HTTP/2 in its text form).
    pub offset: usize,
    /// Line number, counted from 1.
    pub line: usize,
    /// Line of the first answer; empty if that answer has ended.
    pub left: Vec<u8>,
    /// Line of the second answer; empty if that answer has ended.
    pub right: Vec<u8>,
}

impl Difference {
    /// Describes the difference; `left` and `right` name the origins of the answers.
    #[must_use]
    pub fn describe(&self, left: &str, right: &str) -> String {
        let show = |line: &[u8]| match line {
            [] => "the end of the answer".to_owned(),
            line => format!("\"{}\"", one_line(line, 100)),
        };
        format!(
            "line {} (byte {}): {left} {}, {right} {}",
            self.line,
            self.offset,
            show(&self.left),
            show(&self.right)
        )
    }
}

/// Returns the first difference between two answers except dates and boundaries; `None` if they are equal.
#[must_use]
pub fn difference(left: &[u8], right: &[u8]) -> Option<Difference> {
    let texts = http2::as_text(left).zip(http2::as_text(right));
    let (left, right) = texts.as_ref().map_or((left, right), |(left, right)| (left, right));
    let [left, right] = [left, right].map(|answer| without_boundaries(&without_dates(answer)));
    let common = left.iter().zip(&right).take_while(|(l, r)| l == r).count();
    if common == left.len() && common == right.len() {
        return None;
    }
    let before = &left[..common];
    let start = before.iter().rposition(|&b| b == b'\n').map_or(0, |end| end + 1);
    Some(Difference {
        offset: common,
        line: before.iter().filter(|&&b| b == b'\n').count() + 1,
        left: first_line(&left[start..]),
        right: first_line(&right[start..]),
    })
}

/// Whether a further answer `next` shows that the server itself varies where the `suspect` answer differs from
/// `earlier` ones: `next` equals `suspect`, or differs from an earlier answer on that line.
#[must_use]
pub fn varies(suspect: &[u8], earlier: &[Vec<u8>], next: &[u8]) -> bool {
    let Some(place) = difference(next, suspect) else { return true };
    earlier.iter().any(|earlier| {
        let own = difference(earlier, next).map(|own| own.line);
        let other_place = difference(earlier, suspect).map(|other| other.line);
        own.is_some() && (own == Some(place.line) || own == other_place)
    })
}

fn first_line(bytes: &[u8]) -> Vec<u8> {
    bytes.split_inclusive(|&b| b == b'\n').next().unwrap_or_default().to_vec()
}

/// Removes the value of each well-formed `Date` header line.
fn without_dates(answer: &[u8]) -> Vec<u8> {
    answer
        .split_inclusive(|&b| b == b'\n')
        .flat_map(|line| if is_date(line) { b"date:\r\n" } else { line })
        .copied()
        .collect()
}

fn is_date(line: &[u8]) -> bool {
    const NAME: &[u8] = b"date:";
    let Some((name, value)) = line.split_at_checked(NAME.len()) else {
        return false;
    };
    name.eq_ignore_ascii_case(NAME)
        && value.ends_with(b"\r\n")
        && std::str::from_utf8(value.trim_ascii()).is_ok_and(|value| httpdate::parse_http_date(value).is_ok())
}

/// Replaces each announced boundary by dashes of the same length.
fn without_boundaries(answer: &[u8]) -> Vec<u8> {
    let mut plain = answer.to_vec();
    for boundary in answer.split(|&b| b == b'\n').filter_map(announced_boundary) {
        for place in memmem::find_iter(answer, boundary) {
            plain[place..place + boundary.len()].fill(b'-');
        }
    }
    plain
}

/// Returns the boundary of a line such as `Content-Type: multipart/byteranges; boundary=0123`.
fn announced_boundary(line: &[u8]) -> Option<&[u8]> {
    let (name, value) = line.split_at(memchr::memchr(b':', line)? + 1);
    if !name.eq_ignore_ascii_case(b"content-type:") {
        return None;
    }
    let mut parameters = value.split(|&b| b == b';').map(<[u8]>::trim_ascii);
    if !parameters.next()?.eq_ignore_ascii_case(b"multipart/byteranges") {
        return None;
    }
    let boundary = parameters.find_map(|parameter| {
        let (name, value) = parameter.split_at_checked(b"boundary=".len())?;
        name.eq_ignore_ascii_case(b"boundary=").then_some(value)
    })?;
    Some(boundary.strip_prefix(b"\"").and_then(|rest| rest.strip_suffix(b"\"")).unwrap_or(boundary))
        .filter(|boundary| !boundary.is_empty())
}

#[cfg(test)]
mod tests {
    use sockfuzz_model::http2::hpack::{Block, Field, Indexing};
    use sockfuzz_model::http2::{Connection, Frame, flag, kind};

    use super::*;

    const FIRST: &[u8] = b"HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n\r\nhi";

    /// Returns an HTTP/2 answer with the given date.
    fn framed(date: &[u8], huffman: bool) -> Vec<u8> {
        let date = Field::literal(Indexing::Incremental, b"date", date, huffman);
        let block = Block { fields: vec![Field::Indexed(8), date] };
        let frames = vec![
            Frame::new(kind::SETTINGS, 0, 0, Vec::new()),
            Frame::new(kind::HEADERS, flag::END_HEADERS, 1, block.serialise()),
            Frame::new(kind::DATA, flag::END_STREAM, 1, &b"hi"[..]),
        ];
        Connection { preface: false, frames, rest: &[] }.serialise()
    }

    #[test]
    fn only_dates_may_differ_in_http2() {
        let first = framed(b"Sun, 06 Nov 1994 08:49:37 GMT", true);
        let second = framed(b"Mon, 07 Nov 1994 11:11:11 GMT", true);
        assert_ne!(first.len(), second.len());
        assert_eq!(difference(&first, &second), None);
        assert_ne!(difference(&first, &framed(b"now", true)), None);
        let mut other = second.clone();
        *other.last_mut().expect("data") = b'o';
        assert_ne!(difference(&first, &other), None);
    }

    #[test]
    fn dates_may_differ() {
        let second = b"HTTP/1.1 200 OK\r\nDate: Mon, 07 Nov 1994 08:49:38 GMT\r\n\r\nhi";
        assert_eq!(difference(FIRST, second), None);
    }

    #[test]
    fn a_different_body_is_a_difference() {
        let second = b"HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n\r\nho";
        let found = difference(FIRST, second).expect("the body differs");
        assert_eq!((found.line, found.left, found.right), (4, b"hi".to_vec(), b"ho".to_vec()));
    }

    #[test]
    fn an_invalid_date_is_a_difference() {
        assert!(difference(b"Date: soon\r\n", b"Date: late\r\n").is_some());
    }

    #[test]
    fn a_server_varies_where_two_of_its_answers_differ_or_one_equals_the_suspect() {
        let suspect = b"200\na\nb\n";
        let earlier = [b"200\nb\na\n".to_vec(), b"200\nb\na\n".to_vec()];
        assert!(!varies(suspect, &earlier, b"200\nb\na\n"), "always the same");
        assert!(!varies(suspect, &earlier, b"200\nb\nc\n"), "at another place");
        assert!(varies(suspect, &earlier, b"200\nc\na\n"), "at the same place");
        assert!(varies(suspect, &earlier, suspect));
    }

    fn in_parts(boundary: &str, kind: &str) -> Vec<u8> {
        format!(
            "Content-Type: multipart/{kind}; boundary={boundary}\r\n\r\n--{boundary}\r\n\r\na--{boundary}--"
        )
        .into()
    }

    #[test]
    fn boundaries_of_byteranges_may_differ() {
        assert_eq!(difference(&in_parts("0123", "byteranges"), &in_parts("xyzt", "byteranges")), None);
        assert_eq!(
            difference(&in_parts("\"0123\"", "byteranges"), &in_parts("\"xyzt\"", "byteranges")),
            None
        );
    }

    #[test]
    fn boundaries_of_another_length_or_of_form_data_are_differences() {
        assert!(difference(&in_parts("0123", "byteranges"), &in_parts("012", "byteranges")).is_some());
        assert!(difference(&in_parts("0123", "form-data"), &in_parts("xyzt", "form-data")).is_some());
        assert!(difference(&in_parts("", "byteranges"), &in_parts("", "byteranges")).is_none());
    }

    #[test]
    fn dates_in_other_headers_are_differences() {
        let [left, right] =
            ["08:49:37", "08:49:38"].map(|time| format!("Last-Modified: Sun, 06 Nov 1994 {time} GMT\r\n"));
        assert!(difference(left.as_bytes(), right.as_bytes()).is_some());
    }

    #[test]
    fn a_missing_date_is_a_difference() {
        assert!(difference(FIRST, b"HTTP/1.1 200 OK\r\n\r\nhi").is_some());
    }

    #[test]
    fn a_shorter_answer_is_described_by_its_end() {
        let found = difference(b"a\r\nb", b"a\r\n").expect("one byte less");
        assert_eq!(
            found.describe("here", "there"),
            "line 2 (byte 3): here \"b\", there the end of the answer"
        );
    }
}
