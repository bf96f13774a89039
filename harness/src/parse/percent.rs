//! Percent-encoding (RFC 3986, section 2.1).

/// Decodes `text`; `None` for a `%` without two hexadecimal digits.
pub fn decode(text: &[u8]) -> Option<Vec<u8>> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text;
    while let [first, tail @ ..] = rest {
        if *first == b'%' {
            let [high, low, tail @ ..] = tail else {
                return None;
            };
            decoded.push(hex(*high)? << 4 | hex(*low)?);
            rest = tail;
        } else {
            decoded.push(*first);
            rest = tail;
        }
    }
    Some(decoded)
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_become_bytes() {
        assert_eq!(decode(b"a%2Fb%c3%A9+%00"), Some(b"a/b\xc3\xa9+\0".to_vec()));
        assert_eq!(decode(b""), Some(vec![]));
    }

    #[test]
    fn broken_escapes_are_refused() {
        for text in ["%", "%4", "a%4", "%4g", "%g4", "%%41", "%+1"] {
            assert_eq!(decode(text.as_bytes()), None, "{text}");
        }
    }
}
