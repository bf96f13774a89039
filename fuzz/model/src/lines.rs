//! Functions that split text into lines and words without losing bytes.

use memchr::memchr;

/// Cuts off the first line. Returns its content and its end: CRLF, LF, or nothing at the end of the text.
pub(crate) fn line<'a>(text: &mut &'a [u8]) -> (&'a [u8], &'a [u8]) {
    let end = memchr(b'\n', text).map_or(text.len(), |feed| feed + 1);
    let whole = cut(text, end);
    let ending = match whole {
        [.., b'\r', b'\n'] => 2,
        [.., b'\n'] => 1,
        _ => 0,
    };
    whole.split_at(whole.len() - ending)
}

/// Cuts off the first `count` bytes, or all if there are fewer.
pub(crate) fn cut<'a>(text: &mut &'a [u8], count: usize) -> &'a [u8] {
    let (first, rest) = text.split_at(count.min(text.len()));
    *text = rest;
    first
}

/// Cuts off the longest prefix whose bytes all satisfy `like`.
pub(crate) fn cut_while<'a>(text: &mut &'a [u8], like: impl Fn(u8) -> bool) -> &'a [u8] {
    let count = text.iter().position(|byte| !like(*byte)).unwrap_or(text.len());
    cut(text, count)
}

/// Cuts off the longest suffix whose bytes all satisfy `like`.
pub(crate) fn cut_back_while<'a>(text: &mut &'a [u8], like: impl Fn(u8) -> bool) -> &'a [u8] {
    let count = text.iter().rposition(|byte| !like(*byte)).map_or(0, |last| last + 1);
    let (rest, back) = text.split_at(count);
    *text = rest;
    back
}

/// Whether the byte is a space or a tab.
pub(crate) fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

/// Whether the byte is CR or LF.
pub(crate) fn is_line_end(byte: u8) -> bool {
    matches!(byte, b'\r' | b'\n')
}

/// Whether tokens, such as methods and field names, can contain the byte (RFC 9110, section 5.6.2).
pub(crate) fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// Finds `word`, ignoring case.
pub(crate) fn find_ignoring_case(text: &[u8], word: &[u8]) -> Option<usize> {
    text.windows(word.len()).position(|window| window.eq_ignore_ascii_case(word))
}
