//! Whether two answers are the same: byte for byte, except what a clock must change.
//!
//! The `Date` header (RFC 9110 section 6.6.1) is the only exception, and only where its value is
//! a date in the form of RFC 9110 section 5.6.7.

use crate::printable::one_line;

/// The first place at which two answers part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// Bytes, dates made equal, before that place.
    pub offset: usize,
    /// Line of the place, counted from 1.
    pub line: usize,
    /// The first answer's line, or what is left of it.
    pub left: Vec<u8>,
    /// The second answer's line.
    pub right: Vec<u8>,
}

impl Difference {
    /// It in words; `left` and `right` say where the answers are from.
    #[must_use]
    pub fn between(&self, left: &str, right: &str) -> String {
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

/// The first difference between two answers, dates aside; none when they are the same.
#[must_use]
pub fn difference(left: &[u8], right: &[u8]) -> Option<Difference> {
    let (left, right) = (without_dates(left), without_dates(right));
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

fn first_line(bytes: &[u8]) -> Vec<u8> {
    bytes.split_inclusive(|&b| b == b'\n').next().unwrap_or_default().to_vec()
}

/// The answer with the value of each well-formed `Date` header line taken out.
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

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: &[u8] = b"HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n\r\nhi";

    #[test]
    fn dates_may_differ() {
        let second = b"HTTP/1.1 200 OK\r\nDate: Mon, 07 Nov 1994 08:49:38 GMT\r\n\r\nhi";
        assert_eq!(difference(FIRST, second), None);
    }

    #[test]
    fn nothing_else_may_differ() {
        let second = b"HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n\r\nho";
        let found = difference(FIRST, second).expect("the body differs");
        assert_eq!((found.line, found.left, found.right), (4, b"hi".to_vec(), b"ho".to_vec()));
    }

    #[test]
    fn a_date_that_is_no_date_counts() {
        assert!(difference(b"Date: soon\r\n", b"Date: late\r\n").is_some());
    }

    #[test]
    fn other_headers_with_dates_count() {
        let [left, right] =
            ["08:49:37", "08:49:38"].map(|time| format!("Last-Modified: Sun, 06 Nov 1994 {time} GMT\r\n"));
        assert!(difference(left.as_bytes(), right.as_bytes()).is_some());
    }

    #[test]
    fn a_missing_date_counts() {
        assert!(difference(FIRST, b"HTTP/1.1 200 OK\r\n\r\nhi").is_some());
    }

    #[test]
    fn a_shorter_answer_says_where_it_ended() {
        let found = difference(b"a\r\nb", b"a\r\n").expect("one byte less");
        assert_eq!(
            found.between("here", "there"),
            "line 2 (byte 3): here \"b\", there the end of the answer"
        );
    }
}
