//! A small server on rouille: its router, its inputs and its compression, on a pool of two threads.
//!
//! `rouille-server ADDRESS`

use std::error::Error;
use std::io::{Cursor, Read};

use rouille::input::json_input;
use rouille::input::multipart::get_multipart_input;
use rouille::input::post::raw_urlencoded_post_input;
use rouille::{Request, Response, ResponseBody, Server, content_encoding, input, router, try_or_400};
use serde_json::Value;

fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let address = std::env::args().nth(1).ok_or("usage: rouille-server ADDRESS")?;
    Server::new(address, |request| content_encoding::apply(request, answer(request)))?.pool_size(2).run();
    Ok(())
}

fn answer(request: &Request) -> Response {
    router!(request,
        (GET) ["/"] => { Response::text("hello\n").with_etag(request, "1") },
        (GET) ["/big"] => { big(request) },
        (PATCH) ["/echo"] => { Response::json(&try_or_400!(json_input::<Value>(request))) },
        (POST) ["/form"] => { Response::json(&try_or_400!(raw_urlencoded_post_input(request))) },
        (GET) ["/query"] => { Response::text(format!("{} {:?}\n", request.raw_query_string(), request.get_param("a"))) },
        (POST) ["/upload"] => { upload(request) },
        (GET) ["/user"] => { user(request) },
        (GET) ["/status/{code}", code: u16] => { Response::text("").with_status_code(code) },
        _ => match request.url().as_str() {
            "/echo" => echo(request),
            _ => Response::empty_404(),
        }
    )
}

/// Returns the requested number of lines, in chunks.
fn big(request: &Request) -> Response {
    let size: usize = request.get_param("size").and_then(|size| size.parse().ok()).unwrap_or(0);
    let lines = "All work and no play makes Jack a dull boy.\n".repeat(size.min(10_000));
    Response { data: ResponseBody::from_reader(Cursor::new(lines)), ..Response::text("") }
}

fn echo(request: &Request) -> Response {
    let mut body = Vec::new();
    if let Some(mut data) = request.data() {
        try_or_400!(data.read_to_end(&mut body));
    }
    Response::from_data("application/octet-stream", body)
}

/// Lists the fields of a multipart form.
fn upload(request: &Request) -> Response {
    let mut form = try_or_400!(get_multipart_input(request));
    let mut fields = String::new();
    while let Some(mut field) = form.next() {
        let mut content = Vec::new();
        try_or_400!(field.data.read_to_end(&mut content));
        fields.push_str(&format!("{}: {} bytes\n", field.headers.name, content.len()));
    }
    Response::text(fields)
}

/// Names the user and the cookies of a request.
fn user(request: &Request) -> Response {
    let Some(auth) = input::basic_http_auth(request) else {
        return Response::basic_http_auth_login_required("realm");
    };
    let cookies: Vec<_> = input::cookies(request).collect();
    Response::text(format!("{} {cookies:?}\n", auth.login)).with_no_cache()
}
