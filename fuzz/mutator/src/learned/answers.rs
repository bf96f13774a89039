//! Words from answers: what a server names or gives out, and may expect in a later request.

use sockfuzz_model::{JsonKind, JsonOutline, JsonSpan, WordKind};

use super::{Learned, Origin};

/// Parts of the names of JSON members whose values a server may expect again, in lower case.
const NAMES_OF_IDS: &[&str] =
    &["id", "token", "key", "session", "csrf", "nonce", "cursor", "etag", "version", "name", "slug", "code"];
/// Number of JSON elements of an answer that are looked at.
const MAX_JSON_ELEMENTS: usize = 256;

impl Learned {
    /// Adds the words of an answer of HTTP/1, which may be cut off at its end.
    /// Servers may write a body by itself.
    pub(crate) fn add_answer(&mut self, answer: &[u8]) {
        let mut rest = answer;
        while rest.first().is_some_and(|byte| !b"{[".contains(byte))
            && let Some(end) = memchr::memchr(b'\n', rest)
        {
            let line = rest[..end].trim_ascii();
            rest = &rest[end + 1..];
            if line.is_empty() {
                break;
            }
            let Some(colon) = memchr::memchr(b':', line) else { continue };
            self.add_field(&line[..colon], line[colon + 1..].trim_ascii());
        }
        // The size of a first chunk comes before its data.
        if let Some(start) = rest.iter().take(16).position(|byte| b"{[".contains(byte)) {
            self.add_json(&rest[start..]);
        }
    }

    fn add_field(&mut self, name: &[u8], value: &[u8]) {
        match name.to_ascii_lowercase().as_slice() {
            b"location" | b"content-location" => self.add_reference(value),
            b"link" => value
                .split(|byte| *byte == b'<')
                .filter_map(|part| part.split(|byte| *byte == b'>').next())
                .for_each(|target| self.add_reference(target)),
            b"set-cookie" => {
                let pair = value.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
                self.add(Origin::Answer, WordKind::Cookie, pair);
                if let Some((name, value)) = split_at_byte(pair, b'=') {
                    self.add_text(Origin::Answer, name);
                    self.add(Origin::Answer, WordKind::Value, value);
                }
            }
            b"etag" => self.add(Origin::Answer, WordKind::Value, value),
            b"allow" | b"vary" | b"access-control-allow-headers" | b"access-control-allow-methods" => value
                .split(|byte| *byte == b',')
                .for_each(|word| self.add_text(Origin::Answer, word.trim_ascii())),
            // A header that the server has of its own may be a token.
            other if other.starts_with(b"x-") => {
                self.add(Origin::Answer, WordKind::Header, name);
                self.add(Origin::Answer, WordKind::Value, value);
            }
            _ => {}
        }
    }

    /// Adds the path of a reference, the names and values of its query, and its last segment.
    fn add_reference(&mut self, reference: &[u8]) {
        let after_scheme = memchr::memmem::find(reference, b"://").map_or(0, |at| at + 3);
        let Some(root) = memchr::memchr(b'/', &reference[after_scheme..]).map(|at| after_scheme + at) else {
            return;
        };
        let target = &reference[root..];
        let (path, query) = split_at_byte(target, b'?').unwrap_or((target, b""));
        self.add_text(Origin::Answer, path);
        if let Some(segment) = path.rsplit(|byte| *byte == b'/').next() {
            self.add(Origin::Answer, WordKind::Value, segment);
        }
        for (name, value) in query.split(|byte| *byte == b'&').filter_map(|pair| split_at_byte(pair, b'=')) {
            self.add_text(Origin::Answer, name);
            self.add(Origin::Answer, WordKind::Value, value);
        }
    }

    fn add_json(&mut self, text: &[u8]) {
        let outline = JsonOutline::parse(text);
        let mut name: &[u8] = b"";
        for span in outline.spans().iter().take(MAX_JSON_ELEMENTS) {
            let content = json_content(text, *span);
            match span.kind {
                JsonKind::Key => {
                    name = content;
                    self.add_text(Origin::Answer, content);
                }
                JsonKind::String if content.starts_with(b"/") => self.add_reference(content),
                JsonKind::String | JsonKind::Number if names_an_id(name) => {
                    self.add(Origin::Answer, WordKind::Value, content);
                }
                _ => {}
            }
        }
    }
}

/// Returns an element without its quotes. An answer that is cut off may lack the last one.
fn json_content(text: &[u8], span: JsonSpan) -> &[u8] {
    let content = &text[span.range()];
    let content = content.strip_prefix(b"\"").unwrap_or(content);
    content.strip_suffix(b"\"").unwrap_or(content)
}

fn names_an_id(name: &[u8]) -> bool {
    let name = name.to_ascii_lowercase();
    NAMES_OF_IDS.iter().any(|part| memchr::memmem::find(&name, part.as_bytes()).is_some())
}

fn split_at_byte(text: &[u8], byte: u8) -> Option<(&[u8], &[u8])> {
    let at = memchr::memchr(byte, text)?;
    Some((&text[..at], &text[at + 1..]))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;
    use crate::random::Random;

    fn words(answer: &str, kind: WordKind) -> BTreeSet<String> {
        let mut learned = Learned::default();
        learned.add_answer(answer.as_bytes());
        let mut random = Random::new(1);
        let picked = (0..200).filter_map(|_| learned.pick(&mut random, kind));
        picked.map(|word| String::from_utf8_lossy(word).into_owned()).collect()
    }

    fn set(words: &[&str]) -> BTreeSet<String> {
        words.iter().map(|word| (*word).to_owned()).collect()
    }

    const CREATED: &str = "HTTP/1.1 201 Created\r\nLocation: http://a:80/orders/o-17?view=full&x=1\r\n\
        Link: </orders?page=2>; rel=\"next\", <https://b/help>; rel=help\r\nETag: \"e5\"\r\nX-Request-Id: r9\r\n\
        Set-Cookie: session=s42; Path=/\r\nAllow: GET, PURGE\r\nTransfer-Encoding: chunked\r\n\r\n\
        40\r\n{\"order_id\": 17, \"token\": \"t-1\", \"note\": \"none\", \"self\": \"/orders/o-17/self\"";

    #[test]
    fn headers_and_members_have_words() {
        let paths = ["/orders/o-17", "/orders", "/help", "/orders/o-17/self"];
        assert_eq!(words(CREATED, WordKind::Path), set(&paths));
        let keys = ["view", "page", "session", "order_id", "token", "note", "self"];
        assert_eq!(words(CREATED, WordKind::Key), set(&keys));
        assert_eq!(words(CREATED, WordKind::Cookie), set(&["session=s42"]));
        assert_eq!(words(CREATED, WordKind::Method), set(&["GET", "PURGE"]));
        assert_eq!(words(CREATED, WordKind::Header), set(&["X-Request-Id"]));
        let values = words(CREATED, WordKind::Value);
        for value in ["o-17", "\"e5\"", "s42", "17", "t-1", "r9"] {
            assert!(values.contains(value), "{value}: {values:?}");
        }
        assert!(!values.contains("none"), "{values:?}");
    }

    proptest! {
        #[test]
        fn any_bytes_are_an_answer(bytes: Vec<u8>, cut in 0..CREATED.len()) {
            Learned::default().add_answer(&bytes);
            Learned::default().add_answer(&[&CREATED.as_bytes()[..cut], &bytes].concat());
        }
    }
}
