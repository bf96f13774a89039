//! Encodings of values: what an application reads, and what stands in the request.

use std::io::Write;

use crate::random::Random;

/// How a value is written where it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Encoding {
    /// As it is, in a field of a header or in another text.
    Plain,
    /// Percent-encoded, in targets and forms (RFC 3986, section 2.1).
    Percent,
    /// With escapes, inside the quotes of a JSON string (RFC 8259, section 7).
    Json,
    /// With references, in the text of an element or the value of an attribute (XML 1.0, section 4.1).
    Xml,
}

/// How much of a value is encoded. Decoders differ in what they expect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Spelling {
    /// What must be.
    Usual,
    /// As little as leaves the request in one piece.
    Raw,
    /// Every byte.
    Whole,
    /// What must be, twice.
    Twice,
    /// What must be, and what has a meaning in paths.
    Separators,
}

impl Spelling {
    pub(crate) fn random(random: &mut Random) -> Self {
        match random.below(12) {
            0 | 1 => Self::Raw,
            2 => Self::Whole,
            3 => Self::Twice,
            4 => Self::Separators,
            _ => Self::Usual,
        }
    }

    /// Whether a byte of a target is encoded.
    fn encodes(self, byte: u8) -> bool {
        match self {
            Self::Whole => true,
            Self::Raw => byte <= b' ' || byte == 0x7f,
            Self::Separators if b"./\\;".contains(&byte) => true,
            _ => !(byte.is_ascii_alphanumeric() || b"-._~!$'()*+,;:@/".contains(&byte)),
        }
    }
}

impl Encoding {
    /// Appends the value that an application reads.
    pub(crate) fn decode(self, written: &[u8], value: &mut Vec<u8>) {
        match self {
            Self::Plain => value.extend_from_slice(written),
            Self::Percent => decode_percent(written, value),
            Self::Json => decode_json(written, value),
            Self::Xml => decode_xml(written, value),
        }
    }

    /// Appends what stands in the request for this value.
    pub(crate) fn encode(self, value: &[u8], spelling: Spelling, written: &mut Vec<u8>) {
        match self {
            Self::Plain => written.extend(value.iter().filter(|byte| !b"\r\n\0".contains(byte))),
            Self::Percent => {
                let percent: &[u8] = if spelling == Spelling::Twice { b"%25" } else { b"%" };
                for &byte in value {
                    if spelling.encodes(byte) {
                        written.extend_from_slice(percent);
                        let _ = write!(written, "{byte:02X}");
                    } else {
                        written.push(byte);
                    }
                }
            }
            Self::Json => encode_json(value, spelling, written),
            Self::Xml => encode_xml(value, spelling, written),
        }
    }
}

fn decode_percent(written: &[u8], value: &mut Vec<u8>) {
    let mut rest = written;
    while let Some((&first, after)) = rest.split_first() {
        rest = after;
        let byte = match (first, after) {
            (b'%', [high, low, after @ ..]) => hexadecimal(&[*high, *low]).map(|byte| {
                rest = after;
                byte as u8
            }),
            _ => None,
        };
        value.push(byte.unwrap_or(first));
    }
}

fn hexadecimal(digits: &[u8]) -> Option<u32> {
    // `from_str_radix` accepts a sign.
    let digits =
        std::str::from_utf8(digits).ok().filter(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()))?;
    u32::from_str_radix(digits, 16).ok()
}

fn decode_json(written: &[u8], value: &mut Vec<u8>) {
    let mut units = Vec::new();
    let flush = |units: &mut Vec<u16>, value: &mut Vec<u8>| {
        value.extend_from_slice(String::from_utf16_lossy(units).as_bytes());
        units.clear();
    };
    let mut rest = written;
    while let Some((&first, after)) = rest.split_first() {
        rest = after;
        if first == b'\\'
            && let Some(unit) = after.strip_prefix(b"u").and_then(|after| hexadecimal(after.get(..4)?))
        {
            units.push(unit as u16);
            rest = &after[5..];
            continue;
        }
        flush(&mut units, value);
        match (first, after) {
            (b'\\', [escaped, after @ ..]) => {
                rest = after;
                value.push(match escaped {
                    b'n' => b'\n',
                    b't' => b'\t',
                    b'r' => b'\r',
                    b'b' => 8,
                    b'f' => 12,
                    other => *other,
                });
            }
            _ => value.push(first),
        }
    }
    flush(&mut units, value);
}

fn encode_json(value: &[u8], spelling: Spelling, written: &mut Vec<u8>) {
    if spelling == Spelling::Raw {
        // Invalid UTF-8 stays as it is.
        return written.extend(value.iter().filter(|byte| !b"\"\\".contains(byte)));
    }
    for character in String::from_utf8_lossy(value).chars() {
        match character {
            '"' | '\\' => written.extend([b'\\', character as u8]),
            '/' if spelling == Spelling::Separators => written.extend(b"\\/"),
            _ if spelling == Spelling::Whole || character < ' ' => {
                for unit in character.encode_utf16(&mut [0; 2]) {
                    let _ = write!(written, "\\u{unit:04x}");
                }
            }
            _ => written.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
}

/// Characters that have references of their own (XML 1.0, section 4.6).
const XML_ENTITIES: [(&[u8], u8); 5] =
    [(b"lt", b'<'), (b"gt", b'>'), (b"amp", b'&'), (b"quot", b'"'), (b"apos", b'\'')];

/// Decodes references to characters. References to other entities stay as they are.
fn decode_xml(written: &[u8], value: &mut Vec<u8>) {
    const MAX_REFERENCE_BYTES: usize = 10;
    let mut rest = written;
    while let Some((&first, after)) = rest.split_first() {
        rest = after;
        let end = (first == b'&')
            .then(|| after.iter().take(MAX_REFERENCE_BYTES).position(|byte| *byte == b';'))
            .flatten();
        let character = end.and_then(|end| referred(&after[..end]));
        match (character, end) {
            (Some(character), Some(end)) => {
                value.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
                rest = &after[end + 1..];
            }
            _ => value.push(first),
        }
    }
}

/// Returns the character that a reference stands for.
fn referred(name: &[u8]) -> Option<char> {
    match name {
        [b'#', b'x', digits @ ..] => char::from_u32(hexadecimal(digits)?),
        [b'#', digits @ ..] => char::from_u32(std::str::from_utf8(digits).ok()?.parse().ok()?),
        _ => XML_ENTITIES.iter().find(|(own, _)| *own == name).map(|(_, byte)| char::from(*byte)),
    }
}

fn encode_xml(value: &[u8], spelling: Spelling, written: &mut Vec<u8>) {
    let entity = |byte: u8| XML_ENTITIES.iter().find(|(_, own)| *own == byte).map(|(name, _)| *name);
    if spelling == Spelling::Raw {
        return written.extend(value.iter().filter(|byte| entity(**byte).is_none()));
    }
    let ampersand: &[u8] = if spelling == Spelling::Twice { b"&amp;" } else { b"&" };
    for character in String::from_utf8_lossy(value).chars() {
        match u8::try_from(character).ok().and_then(entity) {
            _ if spelling == Spelling::Whole => drop(write!(written, "&#x{:x};", u32::from(character))),
            Some(name) => written.extend([ampersand, name, b";"].concat()),
            None => written.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn written(encoding: Encoding, value: &str, spelling: Spelling) -> String {
        let mut written = Vec::new();
        encoding.encode(value.as_bytes(), spelling, &mut written);
        String::from_utf8(written).expect("UTF-8")
    }

    #[test]
    fn spellings_differ() {
        let path = |spelling| written(Encoding::Percent, "é/.. ", spelling);
        assert_eq!(path(Spelling::Usual), "%C3%A9/..%20");
        assert_eq!(path(Spelling::Raw), "é/..%20");
        assert_eq!(path(Spelling::Whole), "%C3%A9%2F%2E%2E%20");
        assert_eq!(path(Spelling::Twice), "%25C3%25A9/..%2520");
        assert_eq!(path(Spelling::Separators), "%C3%A9%2F%2E%2E%20");
        assert_eq!(written(Encoding::Json, "a\"\n😀", Spelling::Usual), "a\\\"\\u000a😀");
        assert_eq!(written(Encoding::Json, "😀", Spelling::Whole), "\\ud83d\\ude00");
        assert_eq!(written(Encoding::Plain, "a\r\nb", Spelling::Usual), "ab");
        assert_eq!(written(Encoding::Xml, "<é&", Spelling::Usual), "&lt;é&amp;");
        assert_eq!(written(Encoding::Xml, "<é", Spelling::Whole), "&#x3c;&#xe9;");
        assert_eq!(written(Encoding::Xml, "<", Spelling::Twice), "&amp;lt;");
    }

    proptest! {
        #[test]
        fn decoding_inverts_encoding(value in ".{0,12}", whole: bool) {
            let spelling = if whole { Spelling::Whole } else { Spelling::Usual };
            for encoding in [Encoding::Percent, Encoding::Json, Encoding::Xml] {
                let mut read = Vec::new();
                encoding.decode(written(encoding, &value, spelling).as_bytes(), &mut read);
                prop_assert_eq!(String::from_utf8(read).expect("UTF-8"), value.as_str());
            }
        }

        #[test]
        fn any_text_is_decoded(text: Vec<u8>) {
            for encoding in [Encoding::Plain, Encoding::Percent, Encoding::Json, Encoding::Xml] {
                encoding.decode(&text, &mut Vec::new());
            }
        }
    }
}
