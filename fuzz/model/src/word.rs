//! Words of requests by their kinds: what a text is good for that a server compares, contains, or answers.

/// Kind of a word: the elements of a request that it fits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(usize)]
pub enum WordKind {
    /// A path from its root, such as `/api/orders/{id}`.
    Path,
    /// A name in a query, a form or a JSON object, or a segment of a path.
    Key,
    /// A method.
    Method,
    /// The name of a header.
    Header,
    /// A cookie with its value.
    Cookie,
    /// An identifier or another value that a server gives out.
    Value,
}

/// Length of the longest path, in bytes.
const MAX_PATH_BYTES: usize = 128;
/// Lengths of keys and names of headers, in bytes. Shorter ones are found without help.
const NAME_BYTES: std::ops::RangeInclusive<usize> = 3..=40;
/// Lengths of methods, in bytes: those that are registered have 3 to 17.
const METHOD_BYTES: std::ops::RangeInclusive<usize> = 3..=17;

impl WordKind {
    /// All kinds.
    pub const ALL: [Self; 6] = [Self::Path, Self::Key, Self::Method, Self::Header, Self::Cookie, Self::Value];

    /// Returns the kind that a text looks like: a path, a method, the name of a header, or a key. `None` for any other.
    ///
    /// ```
    /// use sockfuzz_model::WordKind;
    ///
    /// assert_eq!(WordKind::of(b"/orders/{id}"), Some(WordKind::Path));
    /// assert_eq!(WordKind::of(b"PURGE"), Some(WordKind::Method));
    /// assert_eq!(WordKind::of(b"x-api-key"), Some(WordKind::Header));
    /// assert_eq!(WordKind::of(b"discount_code"), Some(WordKind::Key));
    /// assert_eq!(WordKind::of(b"not found"), None);
    /// ```
    #[must_use]
    pub fn of(text: &[u8]) -> Option<Self> {
        if text.starts_with(b"/") {
            return is_path(text).then_some(Self::Path);
        }
        if !NAME_BYTES.contains(&text.len()) || !text[0].is_ascii_alphabetic() && text[0] != b'_' {
            return None;
        }
        if METHOD_BYTES.contains(&text.len()) && text.iter().all(u8::is_ascii_uppercase) {
            return Some(Self::Method);
        }
        let is_plain = |byte: &u8| byte.is_ascii_alphanumeric();
        if text.contains(&b'-') && text.iter().all(|byte| is_plain(byte) || *byte == b'-') {
            let begins_with_letter = |part: &[u8]| part.first().is_some_and(u8::is_ascii_alphabetic);
            return text.split(|byte| *byte == b'-').all(begins_with_letter).then_some(Self::Header);
        }
        text.iter().all(|byte| is_plain(byte) || b"_.".contains(byte)).then_some(Self::Key)
    }
}

/// Whether a byte may be in a path: what RFC 3986 (section 3.3) allows, and the braces of templates.
#[must_use]
pub fn is_path_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"/-._~%!$&'()*+,;=:@{}".contains(&byte)
}

fn is_path(text: &[u8]) -> bool {
    let has_name = text.iter().any(u8::is_ascii_alphabetic);
    has_name && text.len() <= MAX_PATH_BYTES && text.iter().all(|byte| is_path_byte(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_that_fit_nowhere_have_no_kind() {
        let others: [&[u8]; 10] =
            [b"e-100", b"", b"/", b"//", b"ab", b"7up", b"a b", b"/a b", b"key-", b"\xff\xfe\xfd"];
        for text in others {
            assert_eq!(WordKind::of(text), None, "{}", text.escape_ascii());
        }
        assert_eq!(WordKind::of(&[b'a'; 41]), None);
        assert_eq!(WordKind::of(&[&b"/"[..], &[b'a'; 128]].concat()), None);
    }
}
