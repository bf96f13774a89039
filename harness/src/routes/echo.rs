//! `/echo`: returns the request as the server has parsed it, with its body.

use crate::http::{Headers, Request, Response};

pub(super) fn answer(request: &Request, _rest: &str) -> Response {
    let head = &request.head;
    let line = format!("{} {} {}\n", head.method, head.target.raw, head.version.as_str());
    let mut text = line.into_bytes();
    append(&mut text, &head.headers);
    text.push(b'\n');
    text.extend_from_slice(&request.body);
    append(&mut text, &request.trailers);
    Response::content(200, "text/plain", text)
}

fn append(text: &mut Vec<u8>, fields: &Headers) {
    for (name, value) in fields.iter() {
        text.extend_from_slice(name.as_bytes());
        text.extend_from_slice(b": ");
        text.extend_from_slice(value);
        text.push(b'\n');
    }
}
