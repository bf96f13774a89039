//! Basic rules of RFC 9110, section 5.6, on which the other parsers are built.

/// Whether `text` is a `token`, such as a method, a field name or a parameter name.
pub fn is_token(text: &[u8]) -> bool {
    !text.is_empty()
        && text.iter().all(|&byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}

/// Returns `text` without the optional white space (spaces and tabs) around it.
pub fn trim_ows(text: &[u8]) -> &[u8] {
    let is_ows = |byte: &u8| matches!(byte, b' ' | b'\t');
    let Some(start) = text.iter().position(|byte| !is_ows(byte)) else {
        return &[];
    };
    let end = text.iter().rposition(|byte| !is_ows(byte)).unwrap_or(start);
    &text[start..=end]
}

/// Parses a decimal number of digits only; `None` for a sign, white space or overflow.
pub fn decimal(text: &[u8]) -> Option<u64> {
    if text.is_empty() {
        return None;
    }
    text.iter().try_fold(0u64, |number, &byte| {
        let digit = char::from(byte).to_digit(10)?;
        number.checked_mul(10)?.checked_add(u64::from(digit))
    })
}

/// Splits `text` at each `separator` outside of quoted strings, and trims the pieces.
///
/// Keeps empty pieces; their meaning depends on the caller.
pub fn split_unquoted(text: &[u8], separator: u8) -> impl Iterator<Item = &[u8]> {
    let mut quoted = false;
    let mut escaped = false;
    text.split(move |&byte| {
        if escaped {
            escaped = false;
        } else if quoted && byte == b'\\' {
            escaped = true;
        } else if byte == b'"' {
            quoted = !quoted;
        }
        !quoted && byte == separator
    })
    .map(trim_ows)
}

/// Returns the content of a quoted string with its escapes resolved, or `text` itself if it has no quotes.
pub fn unquote(text: &[u8]) -> Vec<u8> {
    let Some(inner) = text.strip_prefix(b"\"").and_then(|rest| rest.strip_suffix(b"\"")) else {
        return text.to_vec();
    };
    let mut bytes = inner.iter();
    let mut content = Vec::with_capacity(inner.len());
    while let Some(&byte) = bytes.next() {
        content.extend(if byte == b'\\' { bytes.next() } else { Some(&byte) });
    }
    content
}

/// Returns the value of `;name=value` in a field such as `Content-Type` (names ignore case, RFC 9110, 5.6.6).
pub fn parameter(field: &[u8], name: &str) -> Option<Vec<u8>> {
    split_unquoted(field, b';').skip(1).find_map(|parameter| {
        let equals = parameter.iter().position(|&byte| byte == b'=')?;
        let (key, value) = (&parameter[..equals], &parameter[equals + 1..]);
        key.eq_ignore_ascii_case(name.as_bytes()).then(|| unquote(value))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_have_no_separators() {
        assert!(is_token(b"X-Some_Field~1"));
        assert!(!is_token(b""));
        assert!(!is_token(b"a b"));
        assert!(!is_token(b"a:b"));
        assert!(!is_token("é".as_bytes()));
    }

    #[test]
    fn white_space_is_trimmed_at_the_ends_only() {
        assert_eq!(trim_ows(b" \ta b\t "), b"a b");
        assert_eq!(trim_ows(b" \t"), b"");
        assert_eq!(trim_ows(b""), b"");
    }

    #[test]
    fn decimal_takes_digits_and_nothing_else() {
        assert_eq!(decimal(b"0042"), Some(42));
        assert_eq!(decimal(b"18446744073709551615"), Some(u64::MAX));
        for text in ["", "+1", "-1", " 1", "1a", "18446744073709551616"] {
            assert_eq!(decimal(text.as_bytes()), None, "{text:?}");
        }
    }

    #[test]
    fn quoted_separators_do_not_split() {
        let pieces: Vec<_> = split_unquoted(br#""a,\",b" , c,,"#, b',').collect();
        assert_eq!(pieces, [&br#""a,\",b""#[..], b"c", b"", b""]);
    }

    #[test]
    fn parameters_are_found_by_name_and_unquoted() {
        let field = br#"multipart/form-data; charset=x; Boundary="a;\"b""#;
        assert_eq!(parameter(field, "boundary"), Some(b"a;\"b".to_vec()));
        assert_eq!(parameter(field, "charset"), Some(b"x".to_vec()));
        assert_eq!(parameter(field, "multipart/form-data"), None);
    }
}
