//! Operations on bodies and their framing.

use std::io::Write;

use sockfuzz_model::Kind;
use sockfuzz_model::vocabulary::{BODIES, CHUNK_EXTENSIONS, CHUNK_SIZES, FIELDS, NUMBERS};

use super::Mutation;
use super::conversion::HeadField;
use crate::edits::Region;

/// Adds a body and the field that frames it to a request without one.
pub(super) fn add_body(mutation: &mut Mutation<'_>) -> bool {
    let Some(request) = mutation.random_index(Kind::Request) else { return false };
    let (None, Some(line), Some(end)) = (
        mutation.first_inside(request, Kind::Body),
        mutation.first_inside(request, Kind::RequestLine),
        mutation.first_inside(request, Kind::SectionEnd),
    ) else {
        return false;
    };
    let content = mutation.random.word(BODIES);
    let chunked = mutation.random.one_in(2);
    if mutation.random.one_in(2)
        && let Some(method) = mutation.first_inside(request, Kind::Method)
    {
        mutation.edits.replace(
            method,
            mutation.random.word(&["POST", "PUT", "PATCH", "PROPFIND"]),
            Region::Elsewhere,
        );
    }
    let framed = mutation.edits.replace_with(line.end..line.end, Region::Elsewhere, |scratch| {
        let _ = match chunked {
            true => write!(scratch, "Transfer-Encoding: chunked\r\n"),
            false => write!(scratch, "Content-Length: {}\r\n", content.len()),
        };
    });
    let first = mutation.random.below(content.len());
    framed
        && mutation.edits.replace_with(end.end..end.end, Region::Elsewhere, |scratch| match chunked {
            true => write_chunks(scratch, content, first),
            false => scratch.extend_from_slice(content),
        })
}

/// Writes one or two chunks and the last chunk.
fn write_chunks(scratch: &mut Vec<u8>, content: &[u8], first: usize) {
    let (first, second) = content.split_at(first);
    for data in [first, second].into_iter().filter(|data| !data.is_empty()) {
        let _ = write!(scratch, "{:x}\r\n", data.len());
        scratch.extend_from_slice(data);
        scratch.extend_from_slice(b"\r\n");
    }
    scratch.extend_from_slice(b"0\r\n\r\n");
}

/// Converts a body with a Content-Length to chunks.
pub(super) fn chunk_body(mutation: &mut Mutation<'_>) -> bool {
    let Some(request) = mutation.random_index(Kind::Request) else { return false };
    let Some(content) = mutation.first_inside(request, Kind::Content) else { return false };
    let Some(HeadField { name, value: Some(value), .. }) = mutation.head_field(request, "Content-Length")
    else {
        return false;
    };
    let first = mutation.random.below(content.len());
    let parent = mutation.parent;
    mutation.edits.replace(name, b"Transfer-Encoding", Region::Elsewhere)
        && mutation.edits.replace(value, b"chunked", Region::Elsewhere)
        && mutation.edits.replace_with(content.clone(), Region::Elsewhere, |scratch| {
            write_chunks(scratch, &parent.bytes[content], first);
        })
}

/// Splits a chunk in two.
pub(super) fn split_chunk(mutation: &mut Mutation<'_>) -> bool {
    let Some(chunk) = mutation.random_index(Kind::Chunk) else { return false };
    let (Some(size), Some(data)) =
        (mutation.first_inside(chunk, Kind::Size), mutation.first_inside(chunk, Kind::Data))
    else {
        return false;
    };
    let at = mutation.random.within(data.clone());
    let (first, second) = (at - data.start, data.end - at);
    mutation.edits.replace_with(size, Region::Elsewhere, |scratch| drop(write!(scratch, "{first:x}")))
        && mutation
            .edits
            .replace_with(at..at, Region::Elsewhere, |scratch| drop(write!(scratch, "\r\n{second:x}\r\n")))
}

pub(super) fn double_chunk(mutation: &mut Mutation<'_>) -> bool {
    let Some(chunk) = mutation.random_span(Kind::Chunk) else { return false };
    mutation.edits.copy_from_parent(chunk.start..chunk.start, chunk, Region::Body)
}

pub(super) fn drop_chunk(mutation: &mut Mutation<'_>) -> bool {
    let Some(chunk) = mutation.random_span(Kind::Chunk) else { return false };
    mutation.edits.replace(chunk, b"", Region::Body)
}

/// Replaces or extends a chunk size.
pub(super) fn size(mutation: &mut Mutation<'_>) -> bool {
    let Some(size) = mutation.random_span(Kind::Size) else { return false };
    let word = mutation.random.word(CHUNK_SIZES);
    let range = if mutation.random.one_in(4) { size.end..size.end } else { size };
    mutation.edits.replace(range, word, Region::Elsewhere)
}

pub(super) fn extension(mutation: &mut Mutation<'_>) -> bool {
    let Some(size) = mutation.random_span(Kind::Size) else { return false };
    let word = mutation.random.word(CHUNK_EXTENSIONS);
    mutation.edits.replace(size.end..size.end, word, Region::Elsewhere)
}

/// Adds a trailer field after the last chunk.
pub(super) fn trailer(mutation: &mut Mutation<'_>) -> bool {
    let Some(chunk) =
        mutation.parent.outline.of(Kind::Chunk).last().map(|index| mutation.span_at(*index as usize))
    else {
        return false;
    };
    let Some(known) = mutation.random.pick(FIELDS) else { return false };
    let (at, value) = (chunk.range().end, mutation.random.word(known.values));
    super::fields::add_at(mutation, at, known.name.as_bytes(), value)
}

/// Adds a Content-Length field with another length.
pub(super) fn length(mutation: &mut Mutation<'_>) -> bool {
    let Some(line) = mutation.field_position() else { return false };
    let word = mutation.random.word(NUMBERS);
    let name: &[u8] = mutation.random.word(&[
        "Content-Length: ",
        "Content-Length: ",
        "Transfer-Encoding: chunked\r\nContent-Length: ",
    ]);
    mutation.edits.replace_with(line..line, Region::Elsewhere, |scratch| {
        for piece in [name, word, b"\r\n"] {
            scratch.extend_from_slice(piece);
        }
    })
}

/// Replaces content of a body, whose length is repaired later.
pub(super) fn content(mutation: &mut Mutation<'_>) -> bool {
    let kind = if mutation.random.one_in(2) { Kind::Content } else { Kind::Data };
    let Some(content) = mutation.random_span(kind) else { return false };
    let word = mutation.random_word(BODIES, |dictionary| &dictionary.all);
    let from = mutation.random.within(content.start..content.end + 1);
    let to = if mutation.random.one_in(2) { from } else { mutation.random.within(from..content.end + 1) };
    if mutation.random.one_in(8) {
        // Long enough for servers to buffer bodies in files.
        let count = 1 << mutation.random.within(6..13);
        return mutation.edits.replace_with(from..to, Region::Body, |scratch| {
            scratch.extend(std::iter::repeat_n(b'a', count))
        });
    }
    mutation.edits.replace(from..to, &word, Region::Body)
}
