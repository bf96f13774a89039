//! Byte ranges (RFC 9110, section 14).

use std::ops::Range;

use crate::http::syntax::{decimal, trim_ows};

/// Maximum number of ranges in one request; more look like an attack (RFC 9110, section 14.2).
const MAX_RANGES: usize = 16;

/// Range that a request asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spec {
    /// From the first position up to and including the last, or up to the end.
    From(u64, Option<u64>),
    /// This number of bytes at the end.
    Suffix(u64),
}

impl Spec {
    /// Returns the range within `len` bytes; `None` if it lies outside or is empty.
    pub fn resolve(self, len: usize) -> Option<Range<usize>> {
        let clamp = |position: u64| usize::try_from(position).map_or(len, |p| p.min(len));
        let range = match self {
            Self::From(first, last) => {
                let end = last.map_or(len, |last| clamp(last.saturating_add(1)));
                clamp(first)..end
            }
            Self::Suffix(count) => len - clamp(count)..len,
        };
        (!range.is_empty()).then_some(range)
    }
}

/// Parses the ranges in a Range field. `None` if the field is to be ignored: it is malformed, in another
/// unit, or has too many ranges.
pub fn parse(field: &[u8]) -> Option<Vec<Spec>> {
    let equals = field.iter().position(|&byte| byte == b'=')?;
    if !field[..equals].eq_ignore_ascii_case(b"bytes") {
        return None;
    }
    let specs: Vec<Spec> = field[equals + 1..]
        .split(|&byte| byte == b',')
        .map(trim_ows)
        .filter(|spec| !spec.is_empty())
        .map(spec)
        .collect::<Option<_>>()?;
    (1..=MAX_RANGES).contains(&specs.len()).then_some(specs)
}

fn spec(text: &[u8]) -> Option<Spec> {
    let dash = text.iter().position(|&byte| byte == b'-')?;
    let (first, last) = (&text[..dash], &text[dash + 1..]);
    match (first, last) {
        ([], count) => Some(Spec::Suffix(decimal(count)?)),
        (first, []) => Some(Spec::From(decimal(first)?, None)),
        (first, last) => {
            let (first, last) = (decimal(first)?, decimal(last)?);
            (first <= last).then_some(Spec::From(first, Some(last)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_three_forms_are_read() {
        assert_eq!(
            parse(b"Bytes= 0-4 , 7-,,-2"),
            Some(vec![Spec::From(0, Some(4)), Spec::From(7, None), Spec::Suffix(2)])
        );
    }

    #[test]
    fn malformed_fields_are_ignored() {
        for field in ["", "bytes", "bytes=", "bytes=-", "bytes=a-b", "bytes=4-3", "lines=1-2"] {
            assert_eq!(parse(field.as_bytes()), None, "{field}");
        }
        assert_eq!(parse(format!("bytes={}", "0-,".repeat(17)).as_bytes()), None);
    }

    #[test]
    fn ranges_are_cut_at_the_end() {
        assert_eq!(Spec::From(2, Some(4)).resolve(10), Some(2..5));
        assert_eq!(Spec::From(2, Some(u64::MAX)).resolve(10), Some(2..10));
        assert_eq!(Spec::From(9, None).resolve(10), Some(9..10));
        assert_eq!(Spec::From(10, None).resolve(10), None);
        assert_eq!(Spec::Suffix(3).resolve(10), Some(7..10));
        assert_eq!(Spec::Suffix(u64::MAX).resolve(10), Some(0..10));
        assert_eq!(Spec::Suffix(0).resolve(10), None);
        assert_eq!(Spec::Suffix(5).resolve(0), None);
    }
}
