//! `/static/NAME`: embedded documents, with ranges and conditionals.

use std::fmt::Write as _;
use std::ops::Range;
use std::time::{Duration, SystemTime};

use super::not_found;
use crate::http::{Request, Response};
use crate::parse::byte_range;
use crate::parse::validator::{Validator, Verdict};

struct Document {
    name: &'static str,
    content_type: &'static str,
    content: &'static [u8],
}

/// Documents, the same as on the real servers, so that one corpus fits all servers.
const DOCUMENTS: &[Document] = &[
    Document {
        name: "index.html",
        content_type: "text/html",
        content: include_bytes!("../../www/index.html"),
    },
    Document {
        name: "notes.txt",
        content_type: "text/plain",
        content: include_bytes!("../../www/notes.txt"),
    },
];

/// Time of the last change of the documents: 1 January 2020, 00:00 UTC, in seconds since 1970.
const MODIFIED: u64 = 1_577_836_800;

/// Boundary between the parts of a multipart response; occurs in no document.
const BOUNDARY: &str = "THESE_PARTS_ARE_SEPARATE";

pub(super) fn answer(request: &Request, name: &str) -> Response {
    let Some(document) = DOCUMENTS.iter().find(|document| document.name == name) else {
        return not_found();
    };
    let validator = Validator {
        etag: format!("\"{MODIFIED:x}-{:x}\"", document.content.len()),
        modified: SystemTime::UNIX_EPOCH + Duration::from_secs(MODIFIED),
    };
    let headers = request.headers();
    let response = match validator.check(headers) {
        Verdict::Changed => Response::text(412, "412: precondition failed\n"),
        Verdict::Known => Response::new(304),
        Verdict::Send => {
            let ranges = headers
                .first("Range")
                // RFC 9110, section 14.2: ranges are for GET only.
                .filter(|_| request.method() == "GET" && validator.allows_range(headers))
                .and_then(byte_range::parse);
            match ranges {
                None => Response::content(200, document.content_type, document.content),
                Some(specs) => ranged(document, &specs),
            }
        }
    };
    response
        .with("ETag", validator.etag)
        .with("Last-Modified", httpdate::fmt_http_date(validator.modified))
        .with("Accept-Ranges", "bytes")
}

fn ranged(document: &Document, specs: &[byte_range::Spec]) -> Response {
    let len = document.content.len();
    let ranges: Vec<_> = specs.iter().filter_map(|spec| spec.resolve(len)).collect();
    match ranges.as_slice() {
        [] => Response::text(416, "416: no such range\n").with("Content-Range", format!("bytes */{len}")),
        [range] => Response::content(206, document.content_type, &document.content[range.clone()])
            .with("Content-Range", content_range(range, len)),
        ranges => multipart(document, ranges),
    }
}

fn multipart(document: &Document, ranges: &[Range<usize>]) -> Response {
    let mut body = Vec::new();
    for range in ranges {
        let mut head = String::new();
        let _infallible = write!(
            head,
            "\r\n--{BOUNDARY}\r\nContent-Type: {}\r\nContent-Range: {}\r\n\r\n",
            document.content_type,
            content_range(range, document.content.len()),
        );
        body.extend_from_slice(head.as_bytes());
        body.extend_from_slice(&document.content[range.clone()]);
    }
    body.extend_from_slice(format!("\r\n--{BOUNDARY}--\r\n").as_bytes());
    Response::content(206, &format!("multipart/byteranges; boundary={BOUNDARY}"), body)
}

fn content_range(range: &Range<usize>, len: usize) -> String {
    format!("bytes {}-{}/{len}", range.start, range.end - 1)
}
