//! Tests of the routes.

use super::*;
use crate::http::{Head, HeadParser};

/// Returns the response to a request of these lines (the request line first) with this body.
fn ask(lines: &str, body: &str) -> Response {
    let text = format!("{lines}\n\n");
    let head: Head = HeadParser::default().parse(&mut text.as_bytes()).unwrap().unwrap();
    answer(&Request { body: body.into(), ..Request::new(head) })
}

fn get(target: &str, fields: &str) -> Response {
    ask(format!("GET {target} HTTP/1.1\n{fields}").trim_end(), "")
}

fn body(response: &Response) -> &str {
    std::str::from_utf8(&response.body).unwrap()
}

fn header<'a>(response: &'a Response, name: &str) -> Option<&'a str> {
    let found = response.headers.iter().find(|(other, _)| *other == name);
    found.map(|(_, value)| value.as_str())
}

#[test]
fn methods_are_checked_per_route() {
    assert_eq!(ask("FOO / HTTP/1.1", "").status, 501);
    let refused = ask("POST /query HTTP/1.1", "");
    assert_eq!((refused.status, header(&refused, "Allow")), (405, Some(READ)));
    let options = ask("OPTIONS /form HTTP/1.1", "");
    assert_eq!((options.status, header(&options, "Allow")), (204, Some(WRITE)));
    assert_eq!(ask("CONNECT h:1 HTTP/1.1", "").status, 405);
    assert_eq!(ask("OPTIONS * HTTP/1.1", "").status, 204);
    assert_eq!(ask("GET http://h HTTP/1.1", "").status, 200);
}

#[test]
fn paths_are_decoded_and_matched_whole() {
    assert_eq!(get("/%65cho", "").status, 200);
    assert_eq!(get("/echo/", "").status, 404);
    assert_eq!(get("/nothing", "").status, 404);
    assert_eq!(get("/%4", "").status, 400);
    assert_eq!(get("/static/../Cargo.toml", "").status, 404);
}

#[test]
fn echo_returns_the_parsed_request() {
    let answer = ask("PUT /echo?a HTTP/1.0\nX: 1", "body");
    assert_eq!(body(&answer), "PUT /echo?a HTTP/1.0\nX: 1\n\nbody");
}

#[test]
fn queries_cookies_and_forms_are_listed() {
    assert_eq!(body(&get("/query?a=%41&b", "")), "a = A\nb = \n");
    assert_eq!(get("/query?%", "").status, 400);
    let cookies = get("/cookies", "Cookie: visits=41; a=b");
    assert_eq!(body(&cookies), "visits = 41\na = b\n");
    assert_eq!(header(&cookies, "Set-Cookie"), Some("visits=42; Path=/; HttpOnly"));

    let form = |kind: &str, body: &str| ask(&format!("POST /form HTTP/1.1\nContent-Type: {kind}"), body);
    let plain = form("application/x-www-form-urlencoded; charset=x", "a=1+2");
    assert_eq!(body(&plain), "a = 1 2\n");
    let parts = "--x\r\nContent-Disposition: form-data; name=f; filename=g\r\n\r\n12\r\n--x--";
    let multipart = form("Multipart/Form-Data; boundary=x", parts);
    assert_eq!(body(&multipart), "f = g (2 bytes)\n");
    assert_eq!(form("multipart/form-data", parts).status, 400);
    assert_eq!(form("text/plain", "a=1").status, 415);
}

#[test]
fn sizes_and_statuses_are_as_requested() {
    assert_eq!(get("/big", "").body.len(), 1024 * 1024);
    assert_eq!(get("/big?size=17000001", "").body.len(), 17_000_001);
    assert_eq!(get("/big?size=99999999999", "").body.len(), 32 * 1024 * 1024);
    assert_eq!(get("/big?size=-1", "").status, 400);
    for status in [200, 204, 304, 418, 599] {
        assert_eq!(get(&format!("/status/{status}"), "").status, status);
    }
    for status in ["100", "600", "65736", "abc", ""] {
        assert_eq!(get(&format!("/status/{status}"), "").status, 404, "{status}");
    }
}

#[test]
fn documents_have_ranges() {
    let ranged = |range| get("/static/notes.txt", &format!("Range: bytes={range}"));
    let whole = get("/static/notes.txt", "");
    let len = whole.body.len();
    let one = ranged("1-3");
    assert_eq!((one.status, &one.body[..]), (206, &whole.body[1..4]));
    let expected = format!("bytes 1-3/{len}");
    assert_eq!(header(&one, "Content-Range"), Some(expected.as_str()));
    assert_eq!(ranged("-2").body, whole.body[len - 2..]);

    let outside = ranged("9999-");
    let expected = format!("bytes */{len}");
    assert_eq!((outside.status, header(&outside, "Content-Range")), (416, Some(&*expected)));

    let two = ranged("0-0,-1");
    assert_eq!(two.status, 206);
    assert!(header(&two, "Content-Type").unwrap().starts_with("multipart/byteranges"));
    assert_eq!(body(&two).matches("Content-Range: bytes ").count(), 2);
    assert_eq!(ask("HEAD /static/notes.txt HTTP/1.1\nRange: bytes=0-0", "").status, 200);
}

#[test]
fn documents_support_conditional_requests() {
    let tag = header(&get("/static/notes.txt", ""), "ETag").unwrap().to_owned();
    let status = |field: &str| get("/static/notes.txt", field).status;
    assert_eq!(status(&format!("If-None-Match: {tag}")), 304);
    assert_eq!(status("If-None-Match: \"other\""), 200);
    assert_eq!(status("If-Modified-Since: Wed, 01 Jan 2020 00:00:00 GMT"), 304);
    assert_eq!(status("If-Modified-Since: Tue, 31 Dec 2019 23:59:59 GMT"), 200);
    assert_eq!(status("If-Match: \"other\""), 412);
    assert_eq!(status(&format!("Range: bytes=0-0\nIf-Range: {tag}")), 206);
    assert_eq!(status("Range: bytes=0-0\nIf-Range: \"other\""), 200);
}
