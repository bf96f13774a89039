//! Command line of afl-fuzz, read as getopt(3) reads it.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

/// Options of afl-fuzz 4.40c that take a value (AFL++'s src/afl-fuzz.c, its call of getopt).
const WITH_VALUE: &[u8] = b"abBceEfFgGiIKlLmMopPsStTVwx";

/// Ends the options.
const END: &[u8] = b"--";

/// One word of options, or two if the value is a word of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
struct AflOption {
    letter: u8,
    value: Option<OsString>,
    words: Vec<OsString>,
}

/// Command line of afl-fuzz, without its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AflLine {
    options: Vec<AflOption>,
    /// The server's command line, after `--` if that is there.
    rest: Vec<OsString>,
}

impl AflLine {
    /// Reads the words. Options that afl-fuzz does not know are kept: it reports them itself.
    pub fn parse(words: impl IntoIterator<Item = OsString>) -> Self {
        let mut words = words.into_iter();
        let mut options = Vec::new();
        while let Some(word) = words.next() {
            let bytes = word.as_bytes();
            if bytes == END || bytes.len() < 2 || bytes[0] != b'-' {
                return Self { options, rest: std::iter::once(word).chain(words).collect() };
            }
            options.extend(option(word, &mut words));
        }
        Self { options, rest: Vec::new() }
    }

    /// Returns the line without an option and its value, and whether it had that option.
    #[must_use]
    pub fn without(mut self, letter: char) -> (Self, bool) {
        let count = self.options.len();
        self.options.retain(|option| char::from(option.letter) != letter);
        let had = self.options.len() < count;
        (self, had)
    }

    /// Returns the value of an option; of the last one if it is repeated.
    #[must_use]
    pub fn value(&self, letter: char) -> Option<&OsStr> {
        let mut options = self.options.iter().rev();
        options.find(|option| char::from(option.letter) == letter)?.value.as_deref()
    }

    /// Returns the words.
    pub fn words(self) -> impl Iterator<Item = OsString> {
        self.options.into_iter().flat_map(|option| option.words).chain(self.rest)
    }
}

/// Returns the options in a word such as `-Z` or `-oDIR`, which takes the next word if it ends where a value is expected.
fn option(word: OsString, words: &mut impl Iterator<Item = OsString>) -> Vec<AflOption> {
    let letters = &word.as_bytes()[1..];
    let Some(at) = letters.iter().position(|letter| WITH_VALUE.contains(letter)) else {
        return vec![AflOption { letter: letters[0], value: None, words: vec![word] }];
    };
    let flags = letters[..at].iter().map(|&letter| AflOption {
        letter,
        value: None,
        words: vec![OsStr::from_bytes(&[b'-', letter]).to_owned()],
    });
    let (letter, rest) = (letters[at], OsStr::from_bytes(&letters[at + 1..]));
    let joined = OsStr::from_bytes(&[b"-", &letters[at..]].concat()).to_owned();
    let (value, all) = match rest.is_empty() {
        true => {
            let value = words.next();
            (value.clone(), std::iter::once(joined).chain(value).collect())
        }
        false => (Some(rest.to_owned()), vec![joined]),
    };
    flags.chain([AflOption { letter, value, words: all }]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> AflLine {
        AflLine::parse(line.split(' ').map(OsString::from))
    }

    fn text(line: AflLine) -> String {
        line.words().map(|word| word.display().to_string()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn values_stand_in_the_same_word_or_in_the_next() {
        let glued = parse("-l1 -L0 -Z -Sdefault -iIN -o/tmp/out -mnone /b/x_fuzzer 2147483647");
        let apart = parse("-m none -t 5000+ -i in -o /tmp/out -L 0 -- /b/x_fuzzer");
        for line in [&glued, &apart] {
            assert_eq!(line.value('o').expect("given"), "/tmp/out");
        }
        let (glued, had) = glued.without('L');
        assert!(had);
        assert_eq!(text(glued), "-l1 -Z -Sdefault -iIN -o/tmp/out -mnone /b/x_fuzzer 2147483647");
        let (apart, _) = apart.without('L');
        assert_eq!(text(apart), "-m none -t 5000+ -i in -o /tmp/out -- /b/x_fuzzer");
    }

    #[test]
    fn words_of_the_server_are_no_options() {
        let line = parse("-i -L -o out ./server -L 1");
        assert_eq!(line.value('i').expect("given"), "-L");
        assert!(!line.clone().without('L').1);
        assert_eq!(text(line), "-i -L -o out ./server -L 1");
    }

    #[test]
    fn flags_may_share_a_word() {
        let (line, had) = parse("-ZL0 -i in").without('L');
        assert!(had);
        assert_eq!(text(line), "-Z -i in");
    }
}
