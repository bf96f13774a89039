//! A small server on tiny_http: two threads answer requests, and threads of the library read the
//! connections.
//!
//! `tiny_http-server ADDRESS`

use std::error::Error;
use std::io::{self, Cursor};
use std::thread;

use serde_json::Value;
use tiny_http::{Method, Request, Response, ResponseBox, Server, StatusCode};

/// Number of threads that answer requests.
const THREADS: usize = 2;

fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let address = std::env::args().nth(1).ok_or("usage: tiny_http-server ADDRESS")?;
    let server = Server::http(address)?;
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| server.incoming_requests().for_each(serve));
        }
    });
    Ok(())
}

fn serve(mut request: Request) {
    let response = answer(&mut request).unwrap_or_else(|error| text(error.to_string()).with_status_code(400));
    if let Err(error) = request.respond(response) {
        eprintln!("{error}");
    }
}

fn answer(request: &mut Request) -> io::Result<ResponseBox> {
    let url = request.url().to_owned();
    let (path, query) = url.split_once('?').unwrap_or((&url, ""));
    Ok(match (request.method(), path) {
        (Method::Get, "/") => text("hello\n".to_owned()),
        (Method::Get, "/big") => big(query),
        (Method::Get, "/query") => list(query.as_bytes()),
        (Method::Patch, "/echo") => {
            let value: Value = serde_json::from_reader(request.as_reader())?;
            text(value.to_string())
        }
        (_, "/echo") => Response::from_data(body(request)?).boxed(),
        (Method::Post, "/form") => list(&body(request)?),
        (_, path) => {
            let code = path.strip_prefix("/status/").and_then(|code| code.parse::<u16>().ok());
            Response::empty(code.unwrap_or(404)).boxed()
        }
    })
}

/// Returns the requested number of lines, in chunks.
fn big(query: &str) -> ResponseBox {
    let size = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "size");
    let size: usize = size.and_then(|(_, size)| size.parse().ok()).unwrap_or(0);
    let lines = "All work and no play makes Jack a dull boy.\n".repeat(size.min(10_000));
    Response::new(StatusCode(200), Vec::new(), Cursor::new(lines), None, None).boxed()
}

fn body(request: &mut Request) -> io::Result<Vec<u8>> {
    let mut body = Vec::new();
    request.as_reader().read_to_end(&mut body)?;
    Ok(body)
}

/// Formats the decoded pairs of a form or a query, one per line.
fn list(encoded: &[u8]) -> ResponseBox {
    text(form_urlencoded::parse(encoded).map(|(name, value)| format!("{name} = {value}\n")).collect())
}

fn text(content: String) -> ResponseBox {
    Response::from_string(content).boxed()
}
