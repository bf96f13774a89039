//! Syntax of references.

use std::ops::Range;

use memchr::memmem;

use super::text::{decimal, split_at_dot};

const OPENING: &[u8] = b"{{";
const CLOSING: &[u8] = b"}}";

/// Longest reference, its braces included.
const MAX_REFERENCE_BYTES: usize = 256;

/// Reference to a value of an earlier answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reference<'a> {
    /// Number of the answer, from 1.
    pub answer: usize,
    /// The value in it.
    pub value: ValueName<'a>,
}

/// Value of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ValueName<'a> {
    /// Value in a JSON body: keys and indices of arrays, with dots between them. The empty path is the body.
    Json(&'a [u8]),
    /// Field with this name.
    Header(&'a [u8]),
    /// Cookie with this name.
    Cookie(&'a [u8]),
    /// Path and query of the field Location.
    Location,
    /// Last segment of that path.
    LocationId,
    /// Status code.
    Status,
}

impl<'a> Reference<'a> {
    /// Parses what stands between the braces.
    #[must_use]
    pub fn parse(text: &'a [u8]) -> Option<Self> {
        let (number, name) = split_at_dot(text);
        let answer = decimal(number)?;
        let value = match split_at_dot(name) {
            (b"json", path) => ValueName::Json(path),
            (b"header", name) if !name.is_empty() => ValueName::Header(name),
            (b"cookie", name) if !name.is_empty() => ValueName::Cookie(name),
            (b"location", b"") => ValueName::Location,
            (b"location", b"id") => ValueName::LocationId,
            (b"status", b"") => ValueName::Status,
            _ => return None,
        };
        Some(Self { answer, value })
    }
}

/// Whether a text may have references: a fast check, which does not parse them.
#[must_use]
pub fn may_occur(text: &[u8]) -> bool {
    memmem::find(text, OPENING).is_some()
}

/// Returns the first reference at or after a position, and its range, braces included.
#[must_use]
pub fn find(text: &[u8], from: usize) -> Option<(Range<usize>, Reference<'_>)> {
    let mut position = from;
    loop {
        let start = position + memmem::find(text.get(position..)?, OPENING)?;
        let content = start + OPENING.len();
        let window = &text[content..text.len().min(start + MAX_REFERENCE_BYTES)];
        let length = window.iter().take_while(|byte| may_stand(**byte)).count();
        if window[length..].starts_with(CLOSING)
            && let Some(reference) = Reference::parse(&window[..length])
        {
            return Some((start..content + length + CLOSING.len(), reference));
        }
        position = start + 1;
    }
}

/// Whether a byte may stand in a reference: others would end a string, a line, or another reference.
fn may_stand(byte: u8) -> bool {
    byte.is_ascii_graphic() && !b"{}\"\\".contains(&byte)
}
