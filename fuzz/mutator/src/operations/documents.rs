//! Operations on documents in bodies: generate JSON, forms and XML piece by piece. Most documents are valid, so
//! that they reach the code after a parser's first checks.

use std::ops::Range;

use sockfuzz_model::Kind;

use super::Mutation;
use crate::edits::Region;
use crate::random::Random;

const MAX_DEPTH: usize = 3;
/// Inverse of the probability that a document is nested deeper than parsers allow.
const DEEP_NESTING_ONE_IN: usize = 64;
const DEEP_NESTING_LEVELS: usize = 200;

#[rustfmt::skip]
pub(super) const JSON_NUMBERS: &[&str] = &[
    "0", "-0", "1", "-1", "12", "1.5", "-0.25", "0.1", "1e10", "1E+2", "1e-7", "3.141592653589793", "1e400",
    "5e-324", "1.7976931348623157e308", "-1.5e-300", "9007199254740993", "9223372036854775807",
    "9223372036854775808", "-9223372036854775809", "18446744073709551615", "18446744073709551616",
    "123456789012345678901234567890", "0.000000000000000000001", "01", "1.", ".5", "1e", "-", "+1", "0x1", "NaN",
];

pub(super) const JSON_LITERALS: &[&str] = &["true", "false", "null", "tru", "nul", "True", "undefined"];

/// Pieces of JSON strings. The last pieces are invalid.
#[rustfmt::skip]
const JSON_STRING_PIECES: &[&str] = &[
    "a", "name", "size", " ", "/", "\u{fc}", "\u{20ac}", "\u{1f600}", "\\n", "\\t", "\\\\", "\\\"", "\\/", "\\b",
    "\\f", "\\r", "\\u0000", "\\u00fc", "\\u20AC", "\\ud83d\\ude00", "\\ud83d", "\\ude00", "\\u12", "\\x", "\n",
];

/// Pieces of names and values in forms.
#[rustfmt::skip]
const FORM_PIECES: &[&str] = &[
    "a", "name", "size", "value", "10", "", "+", "%20", "%41", "%c3%bc", "%00", "%", "%4", "%zz", "%25", "[]", "[a]",
    "\u{fc}", ".", "*",
];

/// Pieces of text in XML.
#[rustfmt::skip]
const XML_TEXT_PIECES: &[&str] = &[
    "a", "\n", "&amp;", "&lt;", "&#65;", "&#x41;", "&#xd800;", "&x;", "<![CDATA[a]]>", "<!-- a -->", "<?a b?>",
    "\u{20ac}", "]]>", "&",
];

const XML_ELEMENT_NAMES: &[&str] =
    &["a", "D:prop", "D:set", "D:href", "propfind", "x:y", "item", "_", "\u{fc}", "1"];

/// Replaces a body by a document, and sometimes adds its Content-Type.
pub(super) fn document(mutation: &mut Mutation<'_>) -> bool {
    let Some(request) = mutation.random_index(Kind::Request) else { return false };
    let kind =
        if mutation.first_inside(request, Kind::Content).is_some() { Kind::Content } else { Kind::Data };
    let Some(content) = mutation.first_inside(request, kind) else { return false };
    let Some(line) = mutation.first_inside(request, Kind::RequestLine) else { return false };
    let (media_type, write) = match mutation.random.below(4) {
        0 | 1 => ("Content-Type: application/json\r\n", json as DocumentWriter),
        2 => ("Content-Type: application/x-www-form-urlencoded\r\n", form as DocumentWriter),
        _ => ("Content-Type: text/xml\r\n", xml as DocumentWriter),
    };
    if mutation.random.one_in(2) {
        mutation.edits.replace(line.end..line.end, media_type.as_bytes(), Region::Elsewhere);
    }
    write_document(mutation, content, write)
}

/// Replaces a piece of a body by a document of the same format, or inserts the document after the piece.
pub(super) fn piece(mutation: &mut Mutation<'_>) -> bool {
    let kind = if mutation.random.one_in(2) { Kind::Content } else { Kind::Data };
    let Some(content) = mutation.random_span(kind) else { return false };
    let bytes = mutation.bytes(content.clone());
    let write = match bytes.iter().find(|byte| !byte.is_ascii_whitespace()) {
        Some(b'{' | b'[' | b'"' | b'0'..=b'9' | b'-') => json as DocumentWriter,
        Some(b'<') => xml as DocumentWriter,
        _ => form as DocumentWriter,
    };
    let place = super::values::random_piece(mutation, content);
    let place = match mutation.random.below(4) {
        0 => place.end..place.end,
        _ => place,
    };
    write_document(mutation, place, write)
}

/// Function that writes a random document of at most this depth.
type DocumentWriter = fn(&mut Random, usize, &mut Vec<u8>);

fn write_document(mutation: &mut Mutation<'_>, range: Range<usize>, write: DocumentWriter) -> bool {
    let random = &mut *mutation.random;
    let depth = random.below(MAX_DEPTH + 1);
    mutation.edits.replace_with(range, Region::Body, |scratch| {
        if random.one_in(DEEP_NESTING_ONE_IN) {
            let open = random.word(&["[", "{\"a\":", "<a>"]);
            scratch.extend(open.iter().cycle().take(open.len() * DEEP_NESTING_LEVELS));
        }
        write(random, depth, scratch);
    })
}

fn json(random: &mut Random, depth: usize, out: &mut Vec<u8>) {
    match random.below(if depth == 0 { 3 } else { 6 }) {
        0 => out.extend_from_slice(random.word(JSON_NUMBERS)),
        1 => json_string(random, out),
        2 => out.extend_from_slice(random.word(JSON_LITERALS)),
        3 => list(random, out, b"[", b"]", |random, out| json(random, depth - 1, out)),
        _ => list(random, out, b"{", b"}", |random, out| {
            json_string(random, out);
            out.extend_from_slice(random.word(&[":", ":", ":", ": ", " :\n", "", ","]));
            json(random, depth - 1, out);
        }),
    }
}

fn json_string(random: &mut Random, out: &mut Vec<u8>) {
    out.push(b'"');
    for _ in 0..random.below(4) {
        out.extend_from_slice(random.word(JSON_STRING_PIECES));
    }
    if !random.one_in(32) {
        out.push(b'"');
    }
}

/// Writes up to three members between an opening and a closing delimiter.
fn list(
    random: &mut Random,
    out: &mut Vec<u8>,
    open: &[u8],
    close: &[u8],
    mut member: impl FnMut(&mut Random, &mut Vec<u8>),
) {
    out.extend_from_slice(open);
    for number in 0..random.below(4) {
        if number > 0 {
            out.extend_from_slice(random.word(&[",", ",", ",", " , ", "\n,", "", ",,"]));
        }
        member(random, out);
    }
    if !random.one_in(32) {
        out.extend_from_slice(close);
    }
}

fn form(random: &mut Random, depth: usize, out: &mut Vec<u8>) {
    for number in 0..=depth {
        if number > 0 {
            out.extend_from_slice(random.word(&["&", "&", "&", "&&", ";"]));
        }
        for _ in 0..random.below(3) {
            out.extend_from_slice(random.word(FORM_PIECES));
        }
        out.extend_from_slice(random.word(&["=", "=", "=", "", "=="]));
        for _ in 0..random.below(4) {
            out.extend_from_slice(random.word(FORM_PIECES));
        }
    }
}

fn xml(random: &mut Random, depth: usize, out: &mut Vec<u8>) {
    if random.one_in(8) {
        out.extend_from_slice(random.word(&[
            "<?xml version=\"1.0\"?>",
            "<?xml version=\"1.0\" encoding=\"utf-16\"?>",
            "<!DOCTYPE a [<!ENTITY x \"y\">]>",
        ]));
    }
    let name = random.word(XML_ELEMENT_NAMES);
    out.push(b'<');
    out.extend_from_slice(name);
    for _ in 0..random.below(3) {
        out.extend_from_slice(random.word(&[
            " a=\"b\"",
            " a='&lt;'",
            " xmlns:D=\"DAV:\"",
            " xmlns=\"DAV:\"",
            " a",
            "\n",
        ]));
    }
    if random.one_in(4) {
        out.extend_from_slice(b"/>");
        return;
    }
    out.push(b'>');
    for _ in 0..random.below(4) {
        if depth > 0 && random.one_in(2) {
            xml(random, depth - 1, out);
        } else {
            out.extend_from_slice(random.word(XML_TEXT_PIECES));
        }
    }
    let close = if random.one_in(32) { random.word(XML_ELEMENT_NAMES) } else { name };
    for piece in [&b"</"[..], close, b">"] {
        out.extend_from_slice(piece);
    }
}
