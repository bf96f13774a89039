//! JSON texts (RFC 8259).

use std::ops::Range;

use crate::document::{DocumentBuilder, DocumentKind, DocumentOutline, DocumentSpan};

/// Kind of a JSON element.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JsonKind {
    /// An object, braces included.
    Object,
    /// An array, brackets included.
    Array,
    /// The name of a member, quotes included.
    Key,
    /// A string, quotes included.
    String,
    /// A number, and what looks like one.
    Number,
    /// `true`, `false`, `null`, and any other word.
    Literal,
}

/// Element of a JSON text.
pub type JsonSpan = DocumentSpan<JsonKind>;

/// Elements of a JSON text.
///
/// ```
/// use sockfuzz_model::{JsonKind, JsonOutline};
///
/// let text = br#"{"id": 12, "tags": ["a"]}"#;
/// let outline = JsonOutline::parse(text);
/// let number = outline.spans().iter().position(|span| span.kind == JsonKind::Number).expect("a number");
/// assert_eq!(text[outline.member(number)], *br#""id": 12"#);
/// ```
pub type JsonOutline = DocumentOutline<JsonKind>;

impl DocumentKind for JsonKind {
    /// What is no JSON between elements belongs to none of them; an object, array or string without an end extends to the end
    /// of the text.
    fn elements(text: &[u8]) -> Vec<JsonSpan> {
        let mut builder = DocumentBuilder::new();
        let mut open: Vec<usize> = Vec::new();
        let mut at = 0;
        while let Some(&byte) = text.get(at) {
            let rest = &text[at..];
            let mut add = |kind, len: usize| {
                builder.add(kind, at..at + len);
                len
            };
            at += match byte {
                b'{' | b'[' => {
                    let kind = if byte == b'{' { Self::Object } else { Self::Array };
                    open.push(builder.add(kind, at..text.len()));
                    1
                }
                b'}' | b']' => {
                    if let Some(index) = open.pop() {
                        builder.end(index, at + 1);
                    }
                    1
                }
                b':' => {
                    if let Some((Self::String, last)) = builder.last() {
                        builder.change(last, Self::Key);
                    }
                    1
                }
                b'"' => add(Self::String, string_len(rest)),
                b'-' | b'+' | b'.' | b'0'..=b'9' => add(Self::Number, word_len(rest)),
                byte if byte.is_ascii_alphabetic() => add(Self::Literal, word_len(rest)),
                _ => 1,
            };
        }
        builder.finish()
    }
}

impl JsonOutline {
    /// Returns the range of the member that the element belongs to: a key with its value, or an element of an array.
    ///
    /// # Panics
    /// If there is no element at `index`.
    #[must_use]
    pub fn member(&self, index: usize) -> Range<usize> {
        let (spans, own) = (self.spans(), self.spans()[index]);
        let is_key = |index: &usize| spans.get(*index).is_some_and(|span| span.kind == JsonKind::Key);
        if own.kind == JsonKind::Key {
            let value = spans.get(index + 1).filter(|next| next.kind != JsonKind::Key);
            return own.range().start..value.map_or(own.range().end, |value| value.range().end);
        }
        let key = index.checked_sub(1).filter(is_key);
        key.map_or(own.range(), |key| spans[key].range().start..own.range().end)
    }
}

/// Returns the length of the string at the front, quotes included.
fn string_len(text: &[u8]) -> usize {
    let mut at = 1;
    while let Some(&byte) = text.get(at) {
        match byte {
            b'"' => return at + 1,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    text.len()
}

/// Returns the length of the number or word at the front.
fn word_len(text: &[u8]) -> usize {
    let belongs = |byte: &u8| byte.is_ascii_alphanumeric() || b"+-._".contains(byte);
    text.iter().take_while(|byte| belongs(byte)).count()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::document::tests::{assert_nested, elements};

    #[test]
    fn elements_are_found() {
        use JsonKind::{Array, Key, Literal, Number, Object, String};
        let text = r#"{"a\"b": [1.5e3, null, ""], "c":"d"}"#;
        let found = [
            (Object, text),
            (Key, r#""a\"b""#),
            (Array, r#"[1.5e3, null, ""]"#),
            (Number, "1.5e3"),
            (Literal, "null"),
            (String, r#""""#),
            (Key, r#""c""#),
            (String, r#""d""#),
        ];
        assert_eq!(elements(text), found);
        assert_eq!(elements(r#"[{"a":"#), [(Array, r#"[{"a":"#), (Object, r#"{"a":"#), (Key, r#""a""#)]);
        assert_eq!(elements(r#"]}"\"#), [(String, r#""\"#)]);
    }

    #[test]
    fn members_have_their_keys() {
        let text = r#"{"a": [1, {"b": 2}], "c"}"#;
        let outline = JsonOutline::parse(text.as_bytes());
        let members: Vec<_> = (0..outline.spans().len()).map(|index| &text[outline.member(index)]).collect();
        let array = r#""a": [1, {"b": 2}]"#;
        assert_eq!(members, [text, array, array, "1", r#"{"b": 2}"#, r#""b": 2"#, r#""b": 2"#, r#""c""#]);
    }

    proptest! {
        #[test]
        fn any_text_is_parsed(text in prop_oneof![any::<Vec<u8>>(), "[\\[\\]{}:,\"\\\\a1 -]{0,40}".prop_map(String::into_bytes)]) {
            let outline = JsonOutline::parse(&text);
            for index in 0..outline.spans().len() {
                let (own, member) = (outline.spans()[index].range(), outline.member(index));
                prop_assert!(member.start <= own.start && own.end <= text.len() && member.end <= text.len());
            }
            assert_nested::<JsonKind>(&text);
        }
    }
}
