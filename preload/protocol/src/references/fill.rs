//! Requests with the values of their references.

use std::ops::Range;

use super::answers::EarlierAnswers;
use super::reference::{ValueName, find};
use super::text::{cut, decimal, first_line, hexadecimal};

/// Maximum number of references of a chunk that are replaced.
const MAX_REFERENCES: usize = 16;
/// Maximum number of bytes by which a chunk grows.
const MAX_GROWTH_BYTES: usize = 64 * 1024;

/// Where a reference stands. The value is encoded as it has to be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Context {
    /// In a request line.
    Target,
    /// In a field of a header or trailer.
    Field,
    /// In a body that is JSON.
    Json,
    /// In a body that is a form (`application/x-www-form-urlencoded`).
    Form,
    /// In another body, or in bytes that are no request.
    Plain,
}

/// Number of bytes that a request states.
struct StatedLength {
    /// Its digits, in the output.
    digits: Range<usize>,
    value: usize,
    radix: u32,
}

/// Appends a chunk of a session to `filled`, with values in the place of references.
///
/// In a request line and in a form, a value is percent-encoded where a byte may not stand there; the values of fields
/// are encoded already. In a field, CR, LF and NUL are left out. In a string of JSON, a value is escaped.
///
/// The Content-Length of a request, and the size of a chunk (RFC 9112, section 7.1), change by as much as what they
/// measure: one that is wrong stays wrong by the same difference. This holds for a request that begins in this chunk of
/// the session; frames of HTTP/2 keep their lengths.
pub fn fill(chunk: &[u8], answers: &EarlierAnswers, filled: &mut Vec<u8>) {
    let limit = filled.len() + chunk.len() + MAX_GROWTH_BYTES;
    let mut filler = Filler { rest: chunk, answers, output: filled, left: MAX_REFERENCES, limit };
    while !filler.rest.is_empty() {
        if !filler.request() {
            let rest = std::mem::take(&mut filler.rest);
            filler.copy(rest, if looks_like_json(rest) { Context::Json } else { Context::Plain });
        }
    }
}

/// Line of a header that was filled.
struct FilledField<'a> {
    name: &'a [u8],
    /// The value before it was filled.
    value: &'a [u8],
    /// End of the value in the output.
    end: usize,
}

struct Filler<'a> {
    rest: &'a [u8],
    answers: &'a EarlierAnswers,
    output: &'a mut Vec<u8>,
    /// References that may still be replaced.
    left: usize,
    /// Maximum length of the output.
    limit: usize,
}

impl<'a> Filler<'a> {
    /// Fills the request at the front; returns `false` if there is none.
    fn request(&mut self) -> bool {
        let blank = self.rest.iter().take_while(|byte| b"\r\n".contains(byte)).count();
        let line = first_line(&self.rest[blank..]);
        if memchr::memmem::find(line, b" HTTP/").is_none() {
            return false;
        }
        let line = self.take(blank + line.len());
        self.copy(line, Context::Target);
        let (mut lengths, mut chunked, mut form) = (Vec::new(), false, false);
        while let Some(FilledField { name, value, end }) = self.field() {
            if name.eq_ignore_ascii_case(b"content-length")
                && let Some(length) = decimal(value)
            {
                lengths.push(StatedLength { digits: end - value.len()..end, value: length, radix: 10 });
            }
            chunked |= name.eq_ignore_ascii_case(b"transfer-encoding") && contains(value, b"chunked");
            form |= name.eq_ignore_ascii_case(b"content-type") && contains(value, b"urlencoded");
        }
        let context = |body: &[u8]| match form {
            true => Context::Form,
            false if looks_like_json(body) => Context::Json,
            false => Context::Plain,
        };
        if chunked {
            self.chunks(context(after_line(self.rest)));
        } else if let Some(first) = lengths.first() {
            let body = self.take(first.value);
            self.measured(body, context(body), &lengths);
        }
        true
    }

    /// Fills the next line of a header. Returns `None` after the last one.
    fn field(&mut self) -> Option<FilledField<'a>> {
        let line = first_line(self.rest);
        let line = self.take(line.len());
        self.copy(line, Context::Field);
        let content = line.trim_ascii_end();
        if content.is_empty() {
            return None;
        }
        let colon = memchr::memchr(b':', content).unwrap_or(content.len());
        let value = content.get(colon + 1..).unwrap_or_default().trim_ascii_start();
        let end = self.output.len() - (line.len() - content.len());
        Some(FilledField { name: &content[..colon], value, end })
    }

    /// Fills a body in chunks, and its trailer.
    fn chunks(&mut self, context: Context) {
        loop {
            let line = first_line(self.rest);
            let Some(size) = hexadecimal(line) else { return };
            let start = self.output.len();
            let digits = line.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
            let line = self.take(line.len());
            self.output.extend_from_slice(line);
            if size == 0 {
                while self.field().is_some() {}
                return;
            }
            let data = self.take(size);
            self.measured(
                data,
                context,
                &[StatedLength { digits: start..start + digits, value: size, radix: 16 }],
            );
            let end = self.rest.iter().take_while(|byte| b"\r\n".contains(byte)).count().min(2);
            let end = self.take(end);
            self.output.extend_from_slice(end);
        }
    }

    /// Fills content, and corrects the lengths that state how long it is.
    fn measured(&mut self, content: &[u8], context: Context, lengths: &[StatedLength]) {
        let start = self.output.len();
        self.copy(content, context);
        let grown = (self.output.len() - start) as isize - content.len() as isize;
        if grown == 0 {
            return;
        }
        // From the last one, so that the places of the others stay.
        for StatedLength { digits, value, radix } in lengths.iter().rev() {
            let length = value.saturating_add_signed(grown);
            let text = if *radix == 16 { format!("{length:x}") } else { length.to_string() };
            self.output.splice(digits.clone(), text.into_bytes());
        }
    }

    /// Appends a text with the values of its references.
    fn copy(&mut self, text: &[u8], context: Context) {
        let (mut position, mut in_string) = (0, false);
        while self.left > 0
            && let Some((range, reference)) = find(text, position)
        {
            let before = &text[position..range.start];
            self.output.extend_from_slice(before);
            in_string ^= context == Context::Json && ends_in_other_state(before, in_string);
            let value = self.answers.value(reference);
            match value.filter(|value| self.output.len() + value.len() <= self.limit) {
                Some(value) => {
                    self.left -= 1;
                    let is_encoded = !matches!(reference.value, ValueName::Json(_));
                    encode(&value, context, in_string, is_encoded, self.output);
                }
                None => self.output.extend_from_slice(&text[range.clone()]),
            }
            position = range.end;
        }
        self.output.extend_from_slice(&text[position..]);
    }

    /// Takes bytes from the front.
    fn take(&mut self, count: usize) -> &'a [u8] {
        cut(&mut self.rest, count)
    }
}

/// Appends a value.
fn encode(value: &[u8], context: Context, in_string: bool, is_encoded: bool, output: &mut Vec<u8>) {
    match context {
        Context::Target => percent_encode(value, is_encoded, output),
        Context::Form => percent_encode(value, false, output),
        Context::Field => output.extend(value.iter().filter(|byte| !b"\r\n\0".contains(byte))),
        Context::Json if in_string => json_escape(value, output),
        Context::Json | Context::Plain => output.extend_from_slice(value),
    }
}

/// Appends a value for a target. In one that is encoded already, separators and percent signs keep their meaning.
fn percent_encode(value: &[u8], is_encoded: bool, output: &mut Vec<u8>) {
    for &byte in value {
        let stands = byte.is_ascii_alphanumeric() || b"-._~!$'()*,:@/".contains(&byte);
        if stands || is_encoded && b"%?&=+;".contains(&byte) {
            output.push(byte);
        } else {
            output.extend_from_slice(format!("%{byte:02X}").as_bytes());
        }
    }
}

fn json_escape(value: &[u8], output: &mut Vec<u8>) {
    for &byte in value {
        match byte {
            b'"' | b'\\' => output.extend_from_slice(&[b'\\', byte]),
            0..b' ' => output.extend_from_slice(format!("\\u{byte:04x}").as_bytes()),
            _ => output.push(byte),
        }
    }
}

/// Whether a string of JSON begins or ends in a text, so that one is open after it if and only if none was before.
fn ends_in_other_state(text: &[u8], mut in_string: bool) -> bool {
    let before = in_string;
    let mut bytes = text.iter();
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => in_string = !in_string,
            b'\\' if in_string => drop(bytes.next()),
            _ => {}
        }
    }
    in_string != before
}

fn looks_like_json(content: &[u8]) -> bool {
    content.trim_ascii_start().first().is_some_and(|byte| b"{[\"".contains(byte))
}

/// Returns what follows the first line.
fn after_line(text: &[u8]) -> &[u8] {
    &text[first_line(text).len()..]
}

fn contains(text: &[u8], word: &[u8]) -> bool {
    text.windows(word.len()).any(|window| window.eq_ignore_ascii_case(word))
}
