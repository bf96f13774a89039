//! Framing of HTTP/1 answers (RFC 9112, section 6.3).

use httparse::{EMPTY_HEADER, Response, Status};

/// Maximum number of fields of an answer that is read.
const MAX_FIELDS: usize = 256;

/// Takes the next final answer off the front of `rest`, and returns its status code; `None` if there is none. `method` is that of
/// the request.
pub(super) fn take(rest: &mut &[u8], method: &[u8]) -> Option<u16> {
    loop {
        let mut fields = [EMPTY_HEADER; MAX_FIELDS];
        let mut answer = Response::new(&mut fields);
        let Ok(Status::Complete(head)) = answer.parse(rest) else {
            // What follows cannot be told apart.
            *rest = &[];
            return None;
        };
        let status = answer.code?;
        let body = &rest[head..];
        let length = match status {
            // After 101, another protocol is spoken.
            100 | 102..=199 => 0,
            101 => body.len(),
            204 | 304 => 0,
            _ if method == b"HEAD" => 0,
            _ => body_length(answer.headers, body),
        };
        *rest = &body[length.min(body.len())..];
        if status == 101 || status >= 200 {
            return Some(status);
        }
    }
}

/// Returns the length of a body. Without a valid one, the body ends with the connection.
fn body_length(fields: &[httparse::Header<'_>], body: &[u8]) -> usize {
    let value =
        |name: &str| fields.iter().rfind(|field| field.name.eq_ignore_ascii_case(name)).map(|it| it.value);
    let is_chunked = |value: &[u8]| value.to_ascii_lowercase().ends_with(b"chunked");
    if value("transfer-encoding").is_some_and(is_chunked) {
        return chunked_length(body);
    }
    let length =
        value("content-length").and_then(|value| std::str::from_utf8(value).ok()?.trim().parse().ok());
    length.unwrap_or(body.len())
}

/// Returns the length of a chunked body, with its trailer section.
fn chunked_length(body: &[u8]) -> usize {
    let mut at = 0;
    while let Ok(Status::Complete((begin, size))) = httparse::parse_chunk_size(&body[at..]) {
        at += begin;
        if size == 0 {
            // The trailer section ends with an empty line.
            return loop {
                let Some(line) = memchr::memchr(b'\n', &body[at..]) else { break body.len() };
                let is_empty = body[at..at + line].trim_ascii().is_empty();
                at += line + 1;
                if is_empty {
                    break at;
                }
            };
        }
        // The data ends with CRLF.
        at = usize::try_from(size).unwrap_or(usize::MAX).saturating_add(at).saturating_add(2);
        if at >= body.len() {
            break;
        }
    }
    body.len()
}
