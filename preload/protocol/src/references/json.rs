//! Values in JSON texts (RFC 8259). Any bytes are a text; nothing recurses, because the stacks of a server may be small.

use std::borrow::Cow;

use memchr::memmem;

use super::text::{decimal, split_at_dot};

/// Returns the text of the value to which a path leads, from the root or, if it leads nowhere from there, from the first
/// member that has the name of its first key.
pub(super) fn find<'a>(text: &'a [u8], path: &[u8]) -> Option<&'a [u8]> {
    follow(text, path).or_else(|| {
        let (key, rest) = split_at_dot(path);
        follow(first_member(text, key)?, rest)
    })
}

/// Returns the value as an application reads it: a string without quotes and escapes, anything else as it is.
pub(super) fn value(text: &[u8]) -> Cow<'_, [u8]> {
    match text {
        [b'"', content @ ..] => {
            let content = content.strip_suffix(b"\"").unwrap_or(content);
            if memchr::memchr(b'\\', content).is_some() { unescaped(content).into() } else { content.into() }
        }
        other => other.into(),
    }
}

/// Returns the text of the value at the start of `text`, followed along a path.
fn follow<'a>(text: &'a [u8], mut path: &[u8]) -> Option<&'a [u8]> {
    let mut place = text.trim_ascii_start();
    while !path.is_empty() {
        let (step, rest) = split_at_dot(path);
        place = match place.first()? {
            b'{' => Elements(&place[1..]).find(|(key, _)| *key == Some(step))?.1,
            b'[' => Elements(&place[1..]).nth(decimal(step)?)?.1,
            _ => return None,
        };
        path = rest;
    }
    let found = &place[..length(place)];
    (!found.is_empty()).then_some(found)
}

/// Returns the text from the value of the first member with this key on, at any depth.
fn first_member<'a>(text: &'a [u8], key: &[u8]) -> Option<&'a [u8]> {
    let quoted = [b"\"", key, b"\""].concat();
    memmem::find_iter(text, &quoted)
        .find_map(|at| text[at + quoted.len()..].trim_ascii_start().strip_prefix(b":"))
}

/// Elements of an array, or members of an object: the key, and the text from the value on.
struct Elements<'a>(&'a [u8]);

impl<'a> Iterator for Elements<'a> {
    type Item = (Option<&'a [u8]>, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let text = self.0.trim_ascii_start();
        let first = length(text);
        if first == 0 {
            return None;
        }
        let after = text[first..].trim_ascii_start();
        let (key, value) = match after.strip_prefix(b":") {
            Some(value) => (text[..first].get(1..first - 1), value.trim_ascii_start()),
            None => (None, text),
        };
        let rest = value[length(value)..].trim_ascii_start();
        self.0 = rest.strip_prefix(b",").unwrap_or_default();
        Some((key, value))
    }
}

/// Returns the length of the value at the start of a text; 0 if there is none.
fn length(text: &[u8]) -> usize {
    let mut depth = 0_usize;
    let mut position = 0;
    while let Some(&byte) = text.get(position) {
        position += match byte {
            b'"' => string_length(&text[position..]),
            b',' | b':' | b']' | b'}' if depth == 0 => break,
            byte if depth == 0 && byte.is_ascii_whitespace() => break,
            _ => 1,
        };
        match byte {
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth -= 1,
            _ => {}
        }
        if depth == 0 && matches!(byte, b'"' | b'}' | b']') {
            break;
        }
    }
    position
}

fn string_length(text: &[u8]) -> usize {
    let mut position = 1;
    while let Some(found) = memchr::memchr2(b'"', b'\\', text.get(position..).unwrap_or_default()) {
        position += found + 1;
        if text[position - 1] == b'"' {
            return position;
        }
        position += 1;
    }
    text.len()
}

fn unescaped(content: &[u8]) -> Vec<u8> {
    let mut value = Vec::with_capacity(content.len());
    let mut rest = content;
    while let Some(at) = memchr::memchr(b'\\', rest) {
        value.extend_from_slice(&rest[..at]);
        rest = &rest[at + 1..];
        let Some((&escape, after)) = rest.split_first() else { break };
        rest = after;
        match escape {
            b'n' => value.push(b'\n'),
            b'r' => value.push(b'\r'),
            b't' => value.push(b'\t'),
            b'b' => value.push(8),
            b'f' => value.push(12),
            b'u' => rest = push_unicode(rest, &mut value),
            other => value.push(other),
        }
    }
    value.extend_from_slice(rest);
    value
}

/// Appends the character of an escape after its `\u`, and returns the rest of the text.
fn push_unicode<'a>(text: &'a [u8], value: &mut Vec<u8>) -> &'a [u8] {
    let unit = |text: &[u8]| {
        let digits = text.get(..4).filter(|digits| digits.iter().all(u8::is_ascii_hexdigit))?;
        u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
    };
    let Some(first) = unit(text) else { return text };
    let second = text[4..].strip_prefix(b"\\u").and_then(unit);
    let mut characters = char::decode_utf16([Some(first), second].into_iter().flatten());
    let character = characters.next().and_then(Result::ok);
    let mut buffer = [0; 4];
    let written = character.unwrap_or(char::REPLACEMENT_CHARACTER).encode_utf8(&mut buffer);
    value.extend_from_slice(written.as_bytes());
    // A character beyond 0xFFFF takes both units.
    &text[if character.is_some_and(|it| it > '\u{FFFF}') { 10 } else { 4 }..]
}
