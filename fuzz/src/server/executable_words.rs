//! Words in a server's executable: texts that look like paths, methods, names of headers, or keys.

mod texts;

use std::collections::BTreeSet;
use std::fmt;
use std::fs;
use std::path::Path;

use indicatif::HumanCount;
use sockfuzz_model::WordKind;

/// Kinds of words, the most useful first, with the largest number of words of each and their name in messages.
const KINDS: [(WordKind, usize, &str, &str); 4] = [
    (WordKind::Path, 1000, "path", "paths"),
    (WordKind::Method, 50, "method", "methods"),
    (WordKind::Header, 250, "header name", "header names"),
    (WordKind::Key, 700, "key", "keys"),
];

/// Length of the shortest path, in bytes. Shorter texts are often random bytes.
const MIN_PATH_BYTES: usize = 3;
/// Length of the shortest key in camel case.
const MIN_CAMEL_CASE_BYTES: usize = 6;

/// Starts of paths on the machine that built or runs the server.
const FILE_ROOTS: &[&str] = &[
    "/bin/", "/build/", "/cargo/", "/dev/", "/etc/", "/home/", "/lib", "/opt/", "/proc/", "/root/", "/run/",
    "/rustc/", "/sbin/", "/sys/", "/tmp/", "/usr/", "/var/",
];

/// Ends of names of sources and libraries.
const FILE_ENDS: &[&str] = &[".rs", ".c", ".h", ".cc", ".cpp", ".hpp", ".so", ".a", ".o", ".inc"];

/// Words of an executable, each kind sorted.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct ExecutableWords([BTreeSet<String>; KINDS.len()]);

impl ExecutableWords {
    /// Reads an executable. A file that cannot be read, or is no executable, has no words.
    #[must_use]
    pub fn read(executable: &Path) -> Self {
        let mut words = Self::default();
        let Ok(content) = fs::read(executable) else { return words };
        for text in texts::texts(&content).unwrap_or_default() {
            words.add(text);
        }
        words
    }

    fn add(&mut self, text: &str) {
        let Some(kind) = WordKind::of(text.as_bytes()) else { return };
        let is_kind = |(other, ..): &(WordKind, usize, &str, &str)| *other == kind;
        let Some(index) = KINDS.iter().position(is_kind) else { return };
        let is_useful = match kind {
            WordKind::Path => text.len() >= MIN_PATH_BYTES && !is_file(text),
            WordKind::Key => is_snake_case(text) || is_camel_case(text),
            _ => true,
        };
        if is_useful && self.0[index].len() < KINDS[index].1 {
            self.0[index].insert(text.to_owned());
        }
    }

    /// Returns all words, one in each line.
    #[must_use]
    pub fn lines(&self) -> String {
        self.0.iter().flatten().map(|word| format!("{word}\n")).collect()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.iter().all(BTreeSet::is_empty)
    }
}

impl fmt::Display for ExecutableWords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counts = self.0.iter().zip(KINDS).filter(|(words, _)| !words.is_empty()).map(|(words, kind)| {
            let (_, _, one, many) = kind;
            format!("{} {}", HumanCount(words.len() as u64), if words.len() == 1 { one } else { many })
        });
        f.write_str(&counts.collect::<Vec<_>>().join(", "))
    }
}

/// Whether a word has lower-case letters and digits only, with underscores between them.
fn is_snake_case(word: &str) -> bool {
    word.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}

/// Whether a word is written as JavaScript writes names. Others are names of types and constants, and short ones random bytes.
fn is_camel_case(word: &str) -> bool {
    word.len() >= MIN_CAMEL_CASE_BYTES
        && word.starts_with(|first: char| first.is_ascii_lowercase())
        && word.bytes().all(|byte| byte.is_ascii_alphabetic())
}

/// Whether a path is that of a file on a machine, or other data, not one of requests.
fn is_file(path: &str) -> bool {
    path.bytes().any(|byte| b"'()!$&,;=".contains(&byte))
        || FILE_ROOTS.iter().any(|root| path.starts_with(root))
        || FILE_ENDS.iter().any(|end| path.ends_with(end))
}

#[cfg(test)]
mod tests {
    use std::hint::black_box;

    use super::*;

    #[test]
    fn texts_are_words_by_their_kind() {
        let mut words = ExecutableWords::default();
        let texts = [
            "/orders/{id}",
            "/etc/passwd",
            "/src/main.rs",
            "PURGE",
            "x-key",
            "sku",
            "Debug",
            "aB3x",
            "no word",
        ];
        texts.iter().for_each(|text| words.add(text));
        assert_eq!(words.lines(), "/orders/{id}\nPURGE\nx-key\nsku\n");
        assert_eq!(words.to_string(), "1 path, 1 method, 1 header name, 1 key");
    }

    /// The compiler puts literals beside each other, without a separator.
    #[test]
    fn literals_of_this_program_are_found_whole() {
        const FIELDS: &[&str] = &["quux_count", "quux_owner"];
        let route = black_box("/qzx/of/this/test");
        black_box(FIELDS);
        let words = ExecutableWords::read(&std::env::current_exe().expect("this test"));
        let lines = words.lines();
        assert!(lines.lines().any(|word| word == route), "{lines}");
        assert!(lines.contains("quux_") || words.0[3].len() == KINDS[3].1, "{lines}");
    }

    #[test]
    fn other_files_have_no_words() {
        assert!(ExecutableWords::read(Path::new("/proc/self/status")).is_empty());
        assert!(ExecutableWords::read(Path::new("/nonexistent")).is_empty());
    }
}
