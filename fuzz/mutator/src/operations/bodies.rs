//! Bodies, and what says how long they are.

use std::io::Write;

use sockfuzz_model::Kind;
use sockfuzz_model::vocabulary::{BODIES, EXTENSIONS, FIELDS, NUMBERS, SIZES};

use super::Draft;
use crate::edits::Place;

/// A body, and the field that frames it, for a request without one.
pub(super) fn add_body(draft: &mut Draft<'_>) -> bool {
    let Some(request) = draft.find(Kind::Request) else { return false };
    let (None, Some(line), Some(end)) = (
        draft.inside(request, Kind::Body),
        draft.inside(request, Kind::RequestLine),
        draft.inside(request, Kind::SectionEnd),
    ) else {
        return false;
    };
    let content = draft.random.word(BODIES);
    let chunked = draft.random.one_in(2);
    if draft.random.one_in(2)
        && let Some(method) = draft.inside(request, Kind::Method)
    {
        draft.edits.put(method, draft.random.word(&["POST", "PUT", "PATCH", "PROPFIND"]), Place::Elsewhere);
    }
    let framed = draft.edits.write(line.end..line.end, Place::Elsewhere, |scratch| {
        let _ = match chunked {
            true => write!(scratch, "Transfer-Encoding: chunked\r\n"),
            false => write!(scratch, "Content-Length: {}\r\n", content.len()),
        };
    });
    let first = draft.random.below(content.len());
    framed
        && draft.edits.write(end.end..end.end, Place::Elsewhere, |scratch| match chunked {
            true => write_chunks(scratch, content, first),
            false => scratch.extend_from_slice(content),
        })
}

/// Two chunks, or one, and the last.
fn write_chunks(scratch: &mut Vec<u8>, content: &[u8], first: usize) {
    let (first, second) = content.split_at(first);
    for data in [first, second].into_iter().filter(|data| !data.is_empty()) {
        let _ = write!(scratch, "{:x}\r\n", data.len());
        scratch.extend_from_slice(data);
        scratch.extend_from_slice(b"\r\n");
    }
    scratch.extend_from_slice(b"0\r\n\r\n");
}

/// The body of a known length in chunks instead.
pub(super) fn chunk_body(draft: &mut Draft<'_>) -> bool {
    let Some(request) = draft.find(Kind::Request) else { return false };
    let Some(content) = draft.inside(request, Kind::Content) else { return false };
    let fields = draft.parent.outline.inside(request);
    let is_length = |name: &&sockfuzz_model::Span| {
        name.kind == Kind::Name && draft.bytes(name.range()).eq_ignore_ascii_case(b"Content-Length")
    };
    let Some(name) = fields.iter().find(is_length).map(|name| name.range()) else { return false };
    let is_its_value =
        |span: &&sockfuzz_model::Span| span.kind == Kind::Value && span.range().start >= name.end;
    let Some(value) = fields.iter().find(is_its_value).map(|value| value.range()) else { return false };
    let first = draft.random.below(content.len());
    let parent = draft.parent;
    draft.edits.put(name, b"Transfer-Encoding", Place::Elsewhere)
        && draft.edits.put(value, b"chunked", Place::Elsewhere)
        && draft.edits.write(content.clone(), Place::Elsewhere, |scratch| {
            write_chunks(scratch, &parent.bytes[content], first);
        })
}

/// One chunk becomes two.
pub(super) fn split_chunk(draft: &mut Draft<'_>) -> bool {
    let Some(chunk) = draft.find(Kind::Chunk) else { return false };
    let (Some(size), Some(data)) = (draft.inside(chunk, Kind::Size), draft.inside(chunk, Kind::Data)) else {
        return false;
    };
    let at = draft.random.within(data.clone());
    let (first, second) = (at - data.start, data.end - at);
    draft.edits.write(size, Place::Elsewhere, |scratch| drop(write!(scratch, "{first:x}")))
        && draft.edits.write(at..at, Place::Elsewhere, |scratch| drop(write!(scratch, "\r\n{second:x}\r\n")))
}

pub(super) fn double_chunk(draft: &mut Draft<'_>) -> bool {
    let Some(chunk) = draft.span(Kind::Chunk) else { return false };
    draft.edits.copy(chunk.start..chunk.start, chunk, Place::Body)
}

pub(super) fn drop_chunk(draft: &mut Draft<'_>) -> bool {
    let Some(chunk) = draft.span(Kind::Chunk) else { return false };
    draft.edits.put(chunk, b"", Place::Body)
}

/// A wrong size.
pub(super) fn size(draft: &mut Draft<'_>) -> bool {
    let Some(size) = draft.span(Kind::Size) else { return false };
    let word = draft.random.word(SIZES);
    let range = if draft.random.one_in(4) { size.end..size.end } else { size };
    draft.edits.put(range, word, Place::Elsewhere)
}

pub(super) fn extension(draft: &mut Draft<'_>) -> bool {
    let Some(size) = draft.span(Kind::Size) else { return false };
    let word = draft.random.word(EXTENSIONS);
    draft.edits.put(size.end..size.end, word, Place::Elsewhere)
}

/// A field behind the last chunk.
pub(super) fn trailer(draft: &mut Draft<'_>) -> bool {
    let Some(chunk) = draft.parent.outline.of(Kind::Chunk).last().map(|index| draft.at(*index as usize))
    else {
        return false;
    };
    let Some(known) = draft.random.pick(FIELDS) else { return false };
    let (at, value) = (chunk.range().end, draft.random.word(known.values));
    super::fields::add_at(draft, at, known.name.as_bytes(), value)
}

/// A wrong length, instead of the right one or beside it.
pub(super) fn length(draft: &mut Draft<'_>) -> bool {
    let Some(line) = draft.line() else { return false };
    let word = draft.random.word(NUMBERS);
    let name: &[u8] = draft.random.word(&[
        "Content-Length: ",
        "Content-Length: ",
        "Transfer-Encoding: chunked\r\nContent-Length: ",
    ]);
    draft.edits.write(line..line, Place::Elsewhere, |scratch| {
        for piece in [name, word, b"\r\n"] {
            scratch.extend_from_slice(piece);
        }
    })
}

/// Something else in a body; its length goes along.
pub(super) fn content(draft: &mut Draft<'_>) -> bool {
    let kind = if draft.random.one_in(2) { Kind::Content } else { Kind::Data };
    let Some(content) = draft.span(kind) else { return false };
    let word = draft.word(BODIES, |dictionary| &dictionary.all);
    let from = draft.random.within(content.start..content.end + 1);
    let to = if draft.random.one_in(2) { from } else { draft.random.within(from..content.end + 1) };
    if draft.random.one_in(8) {
        // Long enough for buffers to overflow into files.
        let count = 1 << draft.random.within(6..13);
        return draft
            .edits
            .write(from..to, Place::Body, |scratch| scratch.extend(std::iter::repeat_n(b'a', count)));
    }
    draft.edits.put(from..to, &word, Place::Body)
}

/// A part of a multipart body: twice, gone, or elsewhere.
pub(super) fn part(draft: &mut Draft<'_>) -> bool {
    let (Some(part), Some(other)) = (draft.span(Kind::Part), draft.span(Kind::Part)) else { return false };
    match draft.random.below(3) {
        0 => draft.edits.put(part, b"", Place::Body),
        1 => draft.edits.copy(other.start..other.start, part, Place::Body),
        _ => {
            draft.edits.put(part.clone(), b"", Place::Body)
                && draft.edits.copy(other.end..other.end, part, Place::Body)
        }
    }
}
