//! AFL++ dictionary, with its words grouped by the elements of a request that they fit.

use std::path::Path;

type Words = Vec<Box<[u8]>>;

/// Words of a dictionary, grouped by the elements that they fit.
#[derive(Debug, Default)]
pub struct Dictionary {
    /// Methods, without the space.
    pub(crate) methods: Words,
    /// Header names, without the colon.
    pub(crate) names: Words,
    /// Pieces of targets.
    pub(crate) paths: Words,
    /// Pieces of header values.
    pub(crate) values: Words,
    /// All words, unchanged.
    pub(crate) all: Words,
}

impl Dictionary {
    /// Parses a dictionary in AFL++'s format. Skips invalid lines.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let mut dictionary = Self::default();
        for word in text.lines().filter_map(unquoted) {
            dictionary.add(&word);
        }
        dictionary
    }

    /// Reads the dictionary at `path`, or the bundled one if there is no path or no readable file.
    #[must_use]
    pub fn read(path: Option<&Path>) -> Self {
        let given = path.and_then(|path| std::fs::read_to_string(path).ok());
        Self::parse(given.as_deref().unwrap_or(sockfuzz_corpus::DICTIONARY))
    }

    fn add(&mut self, word: &[u8]) {
        let is_token =
            |word: &[u8]| word.iter().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(byte));
        let has_line_end = word.iter().any(|byte| b"\r\n".contains(byte));
        match word {
            [method @ .., b' '] if !method.is_empty() && method.iter().all(u8::is_ascii_uppercase) => {
                self.methods.push(method.into());
            }
            [name @ .., b':', b' '] if !name.is_empty() && is_token(name) => self.names.push(name.into()),
            [b'/' | b'%' | b'\\', ..] => self.paths.push(word.into()),
            _ if !has_line_end && !word.is_empty() => self.values.push(word.into()),
            _ => {}
        }
        self.all.push(word.into());
    }
}

/// Parses a line: `"word"` with escapes inside, optionally after a name and a level.
fn unquoted(line: &str) -> Option<Vec<u8>> {
    let line = line.trim();
    if line.starts_with('#') {
        return None;
    }
    let mut rest = line[line.find('"')? + 1..].strip_suffix('"')?.as_bytes();
    let mut word = Vec::new();
    while let Some((&first, after)) = rest.split_first() {
        rest = after;
        let byte = match (first, after) {
            (b'\\', [b'x', high, low, after @ ..]) => {
                rest = after;
                let digits = [*high, *low];
                u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?
            }
            (b'\\', [literal, after @ ..]) => {
                rest = after;
                *literal
            }
            _ => first,
        };
        word.push(byte);
    }
    Some(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_unquoted() {
        assert_eq!(unquoted(r#""a\x0d\x0a\"\\""#), Some(b"a\r\n\"\\".to_vec()));
        assert_eq!(unquoted(r#"name@1="b""#), Some(b"b".to_vec()));
        assert_eq!(unquoted(r#"# "c""#), None);
        assert_eq!(unquoted("d"), None);
    }

    #[test]
    fn bundled_words_are_sorted_by_element() {
        let dictionary = Dictionary::read(None);
        let has = |words: &Words, word: &[u8]| words.iter().any(|other| **other == *word);
        assert!(has(&dictionary.methods, b"PROPFIND"));
        assert!(has(&dictionary.names, b"If-None-Match"));
        assert!(has(&dictionary.paths, b"/static/"));
        assert!(has(&dictionary.values, b"keep-alive"));
        assert!(dictionary.all.len() > 200);
    }
}
