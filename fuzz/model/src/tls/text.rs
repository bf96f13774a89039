//! Text form of a stream, for people: records, messages, and their elements with the names of numbers.

use std::fmt::{self, Display, Formatter, Write};

use super::element::{Content, Element};
use super::record::{RecordHeader, content_type};
use super::stream::{RecordStream, parse_content};
use super::vocabulary::{is_number, name_of};

/// Number of opaque bytes that are shown.
const MAX_SHOWN_BYTES: usize = 24;

impl Display for RecordStream<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for first in self.contents() {
            let records = &self.records[first..first + self.content_records(first)];
            for record in records {
                write!(f, "record {}, {} bytes", header(record.header), record.fragment.len())?;
                match record.declared {
                    Some(declared) => writeln!(f, " (declared: {declared})")?,
                    None => writeln!(f)?,
                }
            }
            let bytes = self.content(first);
            let content = parse_content(records[0].header, &bytes);
            content.children().iter().try_for_each(|child| write_element(f, child, 1))?;
            if content.children().is_empty() && !bytes.is_empty() {
                writeln!(f, "  {}", value(&content))?;
            }
        }
        if !self.rest.is_empty() {
            writeln!(f, "rest {}", opaque(self.rest))?;
        }
        Ok(())
    }
}

fn header(header: RecordHeader) -> String {
    let RecordHeader::Tls { content_type, version } = header else { return "SSL 2.0".to_owned() };
    let kind = match content_type {
        content_type::CHANGE_CIPHER_SPEC => "change_cipher_spec".to_owned(),
        content_type::ALERT => "alert".to_owned(),
        content_type::HANDSHAKE => "handshake".to_owned(),
        content_type::APPLICATION_DATA => "application_data".to_owned(),
        content_type::HEARTBEAT => "heartbeat".to_owned(),
        other => format!("of type {other}"),
    };
    format!("{kind}, {}", number("version", version.into(), 2))
}

fn write_element(f: &mut Formatter<'_>, element: &Element<'_>, depth: usize) -> fmt::Result {
    let (title, element) = match tagged(element) {
        Some((tag, payload)) => (value(tag), payload),
        None => (element.name.to_owned(), element),
    };
    write!(f, "{:width$}{title}", "", width = 2 * depth)?;
    if let Some(line) = one_line(element) {
        return writeln!(f, " {line}");
    }
    writeln!(f, "{}", declared_length(element))?;
    inner(element).iter().try_for_each(|child| write_element(f, child, depth + 1))
}

/// Splits an element into a type and what the type is the name of: messages, extensions, names.
fn tagged<'e, 'a>(element: &'e Element<'a>) -> Option<(&'e Element<'a>, &'e Element<'a>)> {
    match element.children() {
        [tag, payload] if tag.number().is_some() && tag.name.ends_with("_type") => Some((tag, payload)),
        _ => None,
    }
}

/// Returns the elements inside, without a list or a structure that is all there is in a vector.
fn inner<'e, 'a>(element: &'e Element<'a>) -> &'e [Element<'a>] {
    match (&element.content, element.children()) {
        (Content::Vector { .. }, [only]) if !matches!(only.content, Content::Bytes(_)) => inner(only),
        (_, children) => children,
    }
}

/// Returns the text of an element that fits one line: a value, or values next to each other.
fn one_line(element: &Element<'_>) -> Option<String> {
    if let Some((tag, payload)) = tagged(element) {
        return Some(format!("{} {}", value(tag), one_line(payload)?));
    }
    let is_value = |child: &Element<'_>| match child.children() {
        [] => true,
        [only] => matches!(only.content, Content::Bytes(_)),
        _ => false,
    };
    let mut line = match (&element.content, inner(element)) {
        (Content::Bytes(_), _) => value(element),
        (_, children) if children.len() > 1 && !children.iter().all(is_value) => return None,
        (_, children) => children.iter().map(one_line).collect::<Option<Vec<_>>>()?.join(", "),
    };
    line.push_str(&declared_length(element));
    Some(line)
}

fn declared_length(element: &Element<'_>) -> String {
    match element.content {
        Content::Vector { declared: Some(declared), .. } => format!(" (declared: {declared} bytes)"),
        _ => String::new(),
    }
}

/// Returns the text of a number or of opaque bytes.
fn value(element: &Element<'_>) -> String {
    let Content::Bytes(bytes) = &element.content else { return String::new() };
    match element.number() {
        Some(known) if is_number(element.name) => number(element.name, known, bytes.len()),
        _ => opaque(bytes),
    }
}

fn number(element: &str, number: u32, width: usize) -> String {
    match name_of(element, number) {
        Some(name) => name.to_owned(),
        None => format!("{number:#0width$x}", width = 2 + 2 * width),
    }
}

fn opaque(bytes: &[u8]) -> String {
    if bytes.is_empty() {
        return "empty".to_owned();
    }
    let is_text = bytes.len() > 1 && bytes.iter().all(|byte| matches!(byte, b' '..=b'~'));
    let shown = &bytes[..bytes.len().min(MAX_SHOWN_BYTES)];
    let mut text = if is_text { format!("\"{}\"", shown.escape_ascii()) } else { hexadecimal(shown) };
    if shown.len() < bytes.len() {
        let _ = write!(text, "… ({} bytes)", bytes.len());
    }
    text
}

fn hexadecimal(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        let _ = write!(text, "{byte:02x}");
    }
    text
}
