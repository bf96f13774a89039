//! Media types of documents (RFC 9110, section 8.3.1).

use super::format::Format;
use crate::random::Random;

/// Boundaries of parts: short and long ones, one longer than allowed, one that is a prefix of another, and unusual characters
/// (RFC 2046, section 5.1.1).
#[rustfmt::skip]
const BOUNDARIES: &[&str] = &[
    "x", "xx", "----WebKitFormBoundary7MA4YWxkTrZu0gW", "-", "--", "a'b", "a+b_c-d.e/f:g=h?i", "(a)", "0",
    "0123456789012345678901234567890123456789012345678901234567890123456789",
    "01234567890123456789012345678901234567890123456789012345678901234567890",
];

/// Parameters, with what divides them from the type.
#[rustfmt::skip]
const PARAMETERS: &[&str] = &[
    "; charset=utf-8", ";charset=UTF-8", "; charset=\"utf-8\"", "; charset=utf-16", "; charset=utf-16le", "; charset=utf-7",
    "; charset=iso-8859-1", "; charset=x", "; charset=", "; charset", "; charset=utf-8; charset=utf-16",
    "; charset*=utf-8''utf-8", ";", ";;", "; ", "; q=0", "; boundary=x", "; boundary=", "; profile=\"a b\"", "; version=1.0",
    "; a=\"", "; a=\"\\", ", text/plain", " ",
];

/// Types that are none, or of no document.
#[rustfmt::skip]
const OTHERS: &[&str] = &[
    "", "*/*", "application/*", "json", "application", "application/", "/json", "application/json/xml", "APPLICATION/JSON",
    "application/octet-stream", "text/plain", "text/html", "image/svg+xml", "application/x-ndjson", "application/cbor",
    "application/msgpack", "application/javascript", "application/grpc", "text/event-stream", "message/http", "+json", "a/b+json",
    "multipart/form-data", "multipart/form-data; boundary=", "multipart/form-data; boundary=\"x", "multipart/mixed; boundary=x",
    "multipart/related; boundary=x; type=\"application/json\"", "multipart/byteranges; boundary=x",
];

/// Returns a boundary.
pub(crate) fn boundary(random: &mut Random) -> &'static [u8] {
    if random.one_in(2) { b"x" } else { random.word(BOUNDARIES) }
}

/// Returns a media type that documents of this format have.
pub(crate) fn agreeing(random: &mut Random, format: Format, boundary: &[u8]) -> Vec<u8> {
    let (usual, others): (_, &[&str]) = match format {
        Format::Json => (
            "application/json",
            &[
                "application/json; charset=utf-8",
                "application/vnd.api+json",
                "application/problem+json",
                "application/ld+json",
                "application/hal+json",
                "application/merge-patch+json",
                "application/json-patch+json",
                "text/json",
            ],
        ),
        Format::Form => {
            ("application/x-www-form-urlencoded", &["application/x-www-form-urlencoded; charset=utf-8"])
        }
        Format::Multipart => ("multipart/form-data", &["multipart/mixed", "multipart/related"]),
        Format::Xml => (
            "application/xml",
            &["text/xml", "text/xml; charset=utf-8", "application/soap+xml", "application/atom+xml"],
        ),
        Format::GraphqlInJson => {
            ("application/json", &["application/graphql+json", "application/graphql-response+json"])
        }
        Format::Graphql => ("application/graphql", &["application/graphql; charset=utf-8"]),
    };
    let word = if random.one_in(3) { random.word(others) } else { usual.as_bytes() };
    match format {
        Format::Multipart => {
            // Without quotes, these characters end a value (RFC 9110, section 5.6.2).
            let needs_quotes = boundary.iter().any(|byte| b" ()/:=?,;".contains(byte));
            let quote: &[u8] = if needs_quotes || random.one_in(4) { b"\"" } else { b"" };
            [word, b"; boundary=", quote, boundary, quote].concat()
        }
        _ => word.to_vec(),
    }
}

/// Returns a media type that documents of this format do not have.
pub(crate) fn other(random: &mut Random, format: Format) -> Vec<u8> {
    if random.one_in(2) {
        return random.word(OTHERS).to_vec();
    }
    let others = Format::ALL.map(|other| (other != format).then_some(other));
    let format = random.pick(&others).flatten().unwrap_or(Format::Json);
    let boundary = boundary(random);
    agreeing(random, format, boundary)
}

/// Adds a parameter to a media type.
pub(crate) fn add_parameter(random: &mut Random, media_type: &mut Vec<u8>) {
    media_type.extend_from_slice(random.word(PARAMETERS));
}
