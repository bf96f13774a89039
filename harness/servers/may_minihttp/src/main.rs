//! A small server on may_minihttp, as its examples are: one service, in a coroutine for each connection.
//!
//! `may_minihttp-server ADDRESS`

use std::error::Error;
use std::io::{self, BufRead, Read};

use may_minihttp::{HttpServer, HttpService, Request, Response};
use serde_json::Value;

#[derive(Clone)]
struct App;

fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let address = std::env::args().nth(1).ok_or("usage: may_minihttp-server ADDRESS")?;
    HttpServer(App).start(address)?.join().map_err(|_| "the server has panicked")?;
    Ok(())
}

impl HttpService for App {
    fn call(&mut self, request: Request<'_, '_, '_>, response: &mut Response<'_>) -> io::Result<()> {
        let (method, url) = (request.method().to_owned(), request.path().to_owned());
        let (path, query) = url.split_once('?').unwrap_or((&url, ""));
        match (method.as_str(), path) {
            ("GET", "/") => response.body("hello\n"),
            ("GET", "/big") => response.body_vec(big(query)),
            ("GET", "/headers") => response.body_vec(headers(&request)),
            ("GET", "/query") => response.body_vec(list(query.as_bytes())),
            ("PATCH", "/echo") => {
                let value: Value = serde_json::from_slice(request.body().fill_buf()?)?;
                response.header("Content-Type: application/json").body_vec(serde_json::to_vec(&value)?);
            }
            (_, "/echo") => response.body_vec(body(request)?),
            ("POST", "/form") => response.body_vec(list(&body(request)?)),
            _ => response.status_code(404, "Not Found").body("nothing here\n"),
        }
        Ok(())
    }
}

fn big(query: &str) -> Vec<u8> {
    let size = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "size");
    let size: usize = size.and_then(|(_, size)| size.parse().ok()).unwrap_or(0);
    b"All work and no play makes Jack a dull boy.\n".repeat(size.min(10_000))
}

fn body(request: Request<'_, '_, '_>) -> io::Result<Vec<u8>> {
    let mut body = Vec::new();
    request.body().read_to_end(&mut body)?;
    Ok(body)
}

fn headers(request: &Request<'_, '_, '_>) -> Vec<u8> {
    let line = |header: &_| format!("{header:?}\n");
    request.headers().iter().map(line).collect::<String>().into_bytes()
}

/// Formats the decoded pairs of a form or a query, one per line.
fn list(encoded: &[u8]) -> Vec<u8> {
    let pairs = form_urlencoded::parse(encoded);
    pairs.map(|(name, value)| format!("{name} = {value}\n")).collect::<String>().into_bytes()
}
