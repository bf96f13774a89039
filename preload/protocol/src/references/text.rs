//! Lines and numbers of texts.

/// Returns the first line, its end included.
pub(super) fn first_line(text: &[u8]) -> &[u8] {
    &text[..memchr::memchr(b'\n', text).map_or(text.len(), |end| end + 1)]
}

/// Cuts off the first `count` bytes, or all if there are fewer.
pub(super) fn cut<'a>(text: &mut &'a [u8], count: usize) -> &'a [u8] {
    let (first, rest) = text.split_at(count.min(text.len()));
    *text = rest;
    first
}

/// Splits a text at its first dot; without one, the rest is empty.
pub(super) fn split_at_dot(text: &[u8]) -> (&[u8], &[u8]) {
    match memchr::memchr(b'.', text) {
        Some(dot) => (&text[..dot], &text[dot + 1..]),
        None => (text, b""),
    }
}

/// Parses a decimal number that is all of a text.
pub(super) fn decimal(text: &[u8]) -> Option<usize> {
    let is_plain = !text.is_empty() && text.iter().all(u8::is_ascii_digit);
    is_plain.then(|| std::str::from_utf8(text).ok()?.parse().ok()).flatten()
}

/// Parses the hexadecimal number at the start of a text.
pub(super) fn hexadecimal(text: &[u8]) -> Option<usize> {
    let digits = text.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
    usize::from_str_radix(std::str::from_utf8(&text[..digits]).ok()?, 16).ok()
}
