//! A small server on hyper, without a framework, on either of tokio's runtimes.
//!
//! `hyper-server ADDRESS [current_thread|multi_thread]`
//!
//! The feature `planted` adds a bug to what it does with requests.
//!
//! With the feature `ring` or `aws-lc`, it speaks TLS, and HTTP/2 by ALPN: `hyper-server ADDRESS current_thread|multi_thread CERTIFICATES`.

use std::convert::Infallible;
use std::error::Error;

use futures_util::stream;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Empty, Full, StreamBody};
use hyper::body::{Bytes, Frame, Incoming};
use hyper::{Method, Request, Response, StatusCode};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::runtime::Builder;

#[cfg(not(feature = "tls"))]
mod plain;
#[cfg(feature = "planted")]
mod planted;
#[cfg(feature = "tls")]
mod tls;

#[cfg(not(feature = "tls"))]
use plain::Acceptor;
#[cfg(feature = "tls")]
use tls::Acceptor;

type Body = BoxBody<Bytes, hyper::Error>;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let address = arguments.next().ok_or("usage: hyper-server ADDRESS [multi_thread]")?;
    let mut runtime = match arguments.next().as_deref() {
        Some("multi_thread") => Builder::new_multi_thread(),
        _ => Builder::new_current_thread(),
    };
    let acceptor = Acceptor::new(arguments.next())?;
    runtime.worker_threads(2).enable_all().build()?.block_on(serve(&address, &acceptor))
}

async fn serve(address: &str, acceptor: &Acceptor) -> Result<(), Box<dyn Error>> {
    let listener = TcpListener::bind(address).await?;
    loop {
        let (stream, _) = listener.accept().await?;
        let acceptor = acceptor.clone();
        tokio::spawn(async move {
            if let Err(error) = acceptor.serve(stream).await {
                eprintln!("{error}");
            }
        });
    }
}

async fn answer(request: Request<Incoming>) -> Result<Response<Body>, hyper::Error> {
    #[cfg(feature = "planted")]
    if let Some(part) = planted::part(&request) {
        return Ok(part);
    }
    let path = request.uri().path().to_owned();
    match (request.method(), path.as_str()) {
        (&Method::GET, "/") => Ok(Response::new(full("hello\n"))),
        (&Method::GET, "/big") => Ok(big(&request)),
        (&Method::GET, "/query") => {
            Ok(Response::new(list(request.uri().query().unwrap_or_default().as_bytes())))
        }
        (&Method::PATCH, "/echo") => json(request).await,
        (_, "/echo") => Ok(Response::new(request.into_body().boxed())),
        (&Method::POST, "/form") => {
            let body = request.into_body().collect().await?.to_bytes();
            Ok(Response::new(list(&body)))
        }
        (_, path) => {
            let code = path.strip_prefix("/status/").and_then(|code| code.parse().ok());
            Ok(empty(code.unwrap_or(StatusCode::NOT_FOUND)))
        }
    }
}

/// Returns the requested number of lines, in chunks.
fn big(request: &Request<Incoming>) -> Response<Body> {
    let mut pairs = form_urlencoded::parse(request.uri().query().unwrap_or_default().as_bytes());
    let size: usize =
        pairs.find(|(name, _)| name == "size").and_then(|(_, size)| size.parse().ok()).unwrap_or(0);
    let line = Bytes::from_static(b"All work and no play makes Jack a dull boy.\n");
    let frames = (0..size.min(10_000)).map(move |_| Ok(Frame::data(line.clone())));
    Response::new(BodyExt::boxed(StreamBody::new(stream::iter(frames))))
}

/// Parses JSON and returns the same value.
async fn json(request: Request<Incoming>) -> Result<Response<Body>, hyper::Error> {
    let body = request.into_body().collect().await?.to_bytes();
    Ok(match serde_json::from_slice::<Value>(&body) {
        Ok(value) => Response::new(full(value.to_string())),
        Err(_) => empty(StatusCode::BAD_REQUEST),
    })
}

/// Formats the decoded pairs of a form or a query, one per line.
fn list(encoded: &[u8]) -> Body {
    full(
        form_urlencoded::parse(encoded)
            .map(|(name, value)| format!("{name} = {value}\n"))
            .collect::<String>(),
    )
}

fn empty(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Empty::new().map_err(|never: Infallible| match never {}).boxed());
    *response.status_mut() = status;
    response
}

fn full(content: impl Into<Bytes>) -> Body {
    Full::new(content.into()).map_err(|never| match never {}).boxed()
}
