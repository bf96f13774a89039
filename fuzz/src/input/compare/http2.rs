//! Text form of HTTP/2 answers, for a comparison like that of HTTP/1. The frames themselves cannot be compared
//! byte for byte, because the length of a date in Huffman code depends on the date.

use sockfuzz_model::http2::hpack::{Block, Tables};
use sockfuzz_model::http2::{Connection, kind};

/// Returns the text form of an answer; `None` unless it consists of whole HTTP/2 frames, SETTINGS first.
pub(super) fn as_text(answer: &[u8]) -> Option<Vec<u8>> {
    let connection = Connection::parse(answer);
    let first = connection.frames.first()?;
    let whole = connection.rest.is_empty() && connection.frames.iter().all(|frame| frame.declared.is_none());
    if !whole || first.kind != kind::SETTINGS || first.stream != 0 {
        return None;
    }
    let mut text = Vec::with_capacity(2 * answer.len());
    let mut tables = Tables::default();
    for (number, frame) in connection.frames.iter().enumerate() {
        let head = format!("frame {} flags {:#x} stream {}\r\n", frame.kind, frame.flags, frame.stream);
        text.extend_from_slice(head.as_bytes());
        if frame.begins_block() {
            for header in tables.read(&Block::parse(&connection.block(number))) {
                let (name, value) = header.unwrap_or_default();
                text.extend_from_slice(&[&name, &b": "[..], &value, b"\r\n"].concat());
            }
        } else if frame.kind != kind::CONTINUATION {
            text.extend_from_slice(&frame.payload);
            text.extend_from_slice(b"\r\n");
        }
    }
    Some(text)
}
