//! What bodies hold: JSON, forms and XML, made up piece by piece. A parser's second half is only reached
//! by what its first half takes.

use std::ops::Range;

use sockfuzz_model::Kind;

use super::Draft;
use crate::edits::Place;
use crate::random::Random;

/// How deep documents are nested, as a rule.
const DEPTH: usize = 3;
/// One time in so many, something is nested deeper than parsers like.
const ABYSS: usize = 64;
const ABYSS_DEPTH: usize = 200;

#[rustfmt::skip]
const NUMBERS: &[&str] = &[
    "0", "-0", "1", "-1", "12", "1.5", "-0.25", "0.1", "1e10", "1E+2", "1e-7", "3.141592653589793", "1e400",
    "5e-324", "1.7976931348623157e308", "-1.5e-300", "9007199254740993", "9223372036854775807",
    "9223372036854775808", "-9223372036854775809", "18446744073709551615", "18446744073709551616",
    "123456789012345678901234567890", "0.000000000000000000001", "01", "1.", ".5", "1e", "-", "+1", "0x1", "NaN",
];

const LITERALS: &[&str] = &["true", "false", "null", "tru", "nul", "True", "undefined"];

/// Pieces of strings in JSON; the last ones are no such.
#[rustfmt::skip]
const CHARACTERS: &[&str] = &[
    "a", "name", "size", " ", "/", "\u{fc}", "\u{20ac}", "\u{1f600}", "\\n", "\\t", "\\\\", "\\\"", "\\/", "\\b",
    "\\f", "\\r", "\\u0000", "\\u00fc", "\\u20AC", "\\ud83d\\ude00", "\\ud83d", "\\ude00", "\\u12", "\\x", "\n",
];

/// Names and values in forms.
#[rustfmt::skip]
const FORM: &[&str] = &[
    "a", "name", "size", "value", "10", "", "+", "%20", "%41", "%c3%bc", "%00", "%", "%4", "%zz", "%25", "[]", "[a]",
    "\u{fc}", ".", "*",
];

/// Text in XML.
#[rustfmt::skip]
const TEXT: &[&str] = &[
    "a", "\n", "&amp;", "&lt;", "&#65;", "&#x41;", "&#xd800;", "&x;", "<![CDATA[a]]>", "<!-- a -->", "<?a b?>",
    "\u{20ac}", "]]>", "&",
];

const ELEMENTS: &[&str] = &["a", "D:prop", "D:set", "D:href", "propfind", "x:y", "item", "_", "\u{fc}", "1"];

/// A document in place of a body, and what says of which kind it is.
pub(super) fn document(draft: &mut Draft<'_>) -> bool {
    let Some(request) = draft.find(Kind::Request) else { return false };
    let kind = if draft.inside(request, Kind::Content).is_some() { Kind::Content } else { Kind::Data };
    let Some(content) = draft.inside(request, kind) else { return false };
    let Some(line) = draft.inside(request, Kind::RequestLine) else { return false };
    let (media_type, write) = match draft.random.below(4) {
        0 | 1 => ("Content-Type: application/json\r\n", json as Writer),
        2 => ("Content-Type: application/x-www-form-urlencoded\r\n", form as Writer),
        _ => ("Content-Type: text/xml\r\n", xml as Writer),
    };
    if draft.random.one_in(2) {
        draft.edits.put(line.end..line.end, media_type.as_bytes(), Place::Elsewhere);
    }
    make(draft, content, write)
}

/// A piece of what a body holds, in place of one that stands there or beside it.
pub(super) fn piece(draft: &mut Draft<'_>) -> bool {
    let kind = if draft.random.one_in(2) { Kind::Content } else { Kind::Data };
    let Some(content) = draft.span(kind) else { return false };
    let bytes = draft.bytes(content.clone());
    let write = match bytes.iter().find(|byte| !byte.is_ascii_whitespace()) {
        Some(b'{' | b'[' | b'"' | b'0'..=b'9' | b'-') => json as Writer,
        Some(b'<') => xml as Writer,
        _ => form as Writer,
    };
    let place = super::values::piece(draft, content);
    let place = match draft.random.below(4) {
        0 => place.end..place.end,
        _ => place,
    };
    make(draft, place, write)
}

type Writer = fn(&mut Random, usize, &mut Vec<u8>);

fn make(draft: &mut Draft<'_>, range: Range<usize>, write: Writer) -> bool {
    let random = &mut *draft.random;
    let depth = random.below(DEPTH + 1);
    draft.edits.write(range, Place::Body, |scratch| {
        if random.one_in(ABYSS) {
            let open = random.word(&["[", "{\"a\":", "<a>"]);
            scratch.extend(open.iter().cycle().take(open.len() * ABYSS_DEPTH));
        }
        write(random, depth, scratch);
    })
}

fn json(random: &mut Random, depth: usize, out: &mut Vec<u8>) {
    match random.below(if depth == 0 { 3 } else { 6 }) {
        0 => out.extend_from_slice(random.word(NUMBERS)),
        1 => json_string(random, out),
        2 => out.extend_from_slice(random.word(LITERALS)),
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
        out.extend_from_slice(random.word(CHARACTERS));
    }
    if !random.one_in(32) {
        out.push(b'"');
    }
}

/// Up to three things between an opening and a closing word.
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
            out.extend_from_slice(random.word(FORM));
        }
        out.extend_from_slice(random.word(&["=", "=", "=", "", "=="]));
        for _ in 0..random.below(4) {
            out.extend_from_slice(random.word(FORM));
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
    let name = random.word(ELEMENTS);
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
            out.extend_from_slice(random.word(TEXT));
        }
    }
    let close = if random.one_in(32) { random.word(ELEMENTS) } else { name };
    for piece in [&b"</"[..], close, b">"] {
        out.extend_from_slice(piece);
    }
}
