//! History: the inputs of one server process up to the finding that ended it, as a file. Lines of text name the finding;
//! after an empty line, the inputs follow as a [`batch`].

use std::fmt;
use std::str;

use crate::{batch, fnv};

/// Begins every history.
const MAGIC: &str = "sockfuzz history 1\n";

/// Separates the text from the inputs.
const TEXT_END: &str = "\n\n";

const FINDING: &str = "finding: ";
const LEFT_OUT: &str = "left out: ";

/// Inputs of a process, and how it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct History {
    /// Name of the finding, such as `sig:11,at:nginx+4a3c1`: see [`is_finding_name`].
    pub finding: String,
    /// Number of earlier inputs that the process ran and that were not kept.
    pub left_out: u64,
    /// Kept inputs, in the order in which they ran. The last one was running when the process ended.
    pub inputs: Vec<Vec<u8>>,
}

impl History {
    /// Encodes a history as a file, from the stream of its inputs.
    #[must_use]
    pub fn encode(finding: &str, left_out: u64, inputs: &[u8]) -> Vec<u8> {
        let text = format!("{MAGIC}{FINDING}{finding}\n{LEFT_OUT}{left_out}{TEXT_END}");
        [text.as_bytes(), inputs].concat()
    }

    /// Decodes a file; `None` if it holds no history. A truncated file gives the inputs that are left.
    #[must_use]
    pub fn decode(file: &[u8]) -> Option<Self> {
        let rest = file.strip_prefix(MAGIC.as_bytes())?;
        let end = rest.windows(TEXT_END.len()).position(|window| window == TEXT_END.as_bytes())?;
        let text = str::from_utf8(&rest[..end]).ok()?;
        let value = |name| text.lines().find_map(|line| line.strip_prefix(name));
        let inputs = batch::inputs(&rest[end + TEXT_END.len()..]).map(<[u8]>::to_vec).collect();
        Some(Self { finding: value(FINDING)?.to_owned(), left_out: value(LEFT_OUT)?.parse().ok()?, inputs })
    }
}

/// Begins the place in the name of a finding.
const PLACE: &str = ",at:";

/// Returns the kind of the finding with this name: `sig`, `exit`, `hang` or `internal`.
#[must_use]
pub fn kind(name: &str) -> &str {
    name.split([':', ',']).next().unwrap_or(name)
}

/// Returns the place in the name of a finding; `None` if it has none.
#[must_use]
pub fn place(name: &str) -> Option<&str> {
    name.split_once(PLACE).map(|(_, place)| place)
}

/// Name of the file in a directory of histories with a line for each process that ended by a finding, also for those
/// whose history was not saved because its place was known: see [`PlaceLine`].
pub const PLACES_FILE: &str = "places.txt";

/// Line of [`PLACES_FILE`]: which input ended a process, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlaceLine {
    /// FNV-1a hash of the input.
    pub input: u64,
    /// Name of the finding.
    pub finding: String,
}

impl PlaceLine {
    /// Returns the line for a process that this input has ended.
    #[must_use]
    pub fn new(input: &[u8], finding: &str) -> Self {
        Self { input: fnv::extend(fnv::EMPTY, input), finding: finding.to_owned() }
    }

    /// Parses a line; `None` if it is none, for example because it is incomplete.
    #[must_use]
    pub fn parse(line: &str) -> Option<Self> {
        let (input, finding) = line.split_once(' ')?;
        let input = u64::from_str_radix(input, 16).ok()?;
        is_finding_name(finding).then(|| Self { input, finding: finding.to_owned() })
    }
}

impl fmt::Display for PlaceLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x} {}", self.input, self.finding)
    }
}

/// Maximum length of a finding's name in bytes.
pub const MAX_NAME_BYTES: usize = 120;

/// Whether this can be the name of a finding: a part of a file name, which a hostile server may have proposed.
#[must_use]
pub fn is_finding_name(name: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b":,+-._~".contains(&byte);
    (1..=MAX_NAME_BYTES).contains(&name.len()) && name.bytes().all(is_plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_comes_back_from_its_line() {
        let line = PlaceLine::new(b"GET /", "sig:11,at:nginx+4a3c1");
        assert_eq!(PlaceLine::parse(&line.to_string()), Some(line));
        for bad in ["", "12", "x sig:11", "1f sig:11 \x1b"] {
            assert_eq!(PlaceLine::parse(bad), None);
        }
    }

    #[test]
    fn a_history_comes_back_from_its_file() {
        let inputs = [&b"one\n\n"[..], b"", b"three"];
        let file = History::encode("sig:11,at:nginx+4a3c1", 7, &batch::encode(inputs));
        let expected = History {
            finding: "sig:11,at:nginx+4a3c1".to_owned(),
            left_out: 7,
            inputs: inputs.map(<[u8]>::to_vec).into(),
        };
        assert_eq!(History::decode(&file), Some(expected));
    }

    #[test]
    fn other_files_are_no_histories() {
        for file in [&b""[..], b"GET / HTTP/1.1\r\n\r\n", MAGIC.as_bytes(), b"sockfuzz history 1\n\n\n"] {
            assert_eq!(History::decode(file), None);
        }
    }

    #[test]
    fn a_name_is_a_part_of_a_file_name() {
        assert!(is_finding_name("sig:06,at:lib.so.6+12~0af3"));
        for name in ["", "../etc/passwd", "a b", "a\0", &"a".repeat(MAX_NAME_BYTES + 1)] {
            assert!(!is_finding_name(name), "{name}");
        }
    }
}
