//! A small HTTP/1.1 server on smol. Its reactor, async-io, waits in system calls that bypass libc.
//!
//! `smol-server ADDRESS [MORE_THREADS]`

use std::error::Error;
use std::future::pending;
use std::net::{SocketAddr, TcpListener};
use std::thread;

use async_io::Async;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Empty, Full};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use smol::Executor;
use smol_hyper::rt::FuturesIo;

type Body = BoxBody<Bytes, hyper::Error>;

static EXECUTOR: Executor<'_> = Executor::new();

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let address = arguments.next().ok_or("usage: smol-server ADDRESS [MORE_THREADS]")?;
    for _ in 0..arguments.next().map_or(Ok(0), |count| count.parse())? {
        thread::spawn(|| smol::block_on(EXECUTOR.run(pending::<()>())));
    }
    smol::block_on(EXECUTOR.run(serve(address.parse()?)))
}

async fn serve(address: SocketAddr) -> Result<(), Box<dyn Error>> {
    let listener = Async::<TcpListener>::bind(address)?;
    loop {
        let (stream, _) = listener.accept().await?;
        let connection = http1::Builder::new().serve_connection(FuturesIo::new(stream), service_fn(answer));
        EXECUTOR
            .spawn(async {
                if let Err(error) = connection.await {
                    eprintln!("{error}");
                }
            })
            .detach();
    }
}

async fn answer(request: Request<Incoming>) -> Result<Response<Body>, hyper::Error> {
    let path = request.uri().path().to_owned();
    match (request.method(), path.as_str()) {
        (&Method::GET | &Method::HEAD, "/") => Ok(Response::new(full("hello\n"))),
        (&Method::GET, "/query") => {
            Ok(Response::new(full(list(request.uri().query().unwrap_or_default().as_bytes()))))
        }
        (&Method::POST, "/echo") => Ok(Response::new(request.into_body().boxed())),
        (&Method::POST, "/form") => {
            let body = request.into_body().collect().await?.to_bytes();
            Ok(Response::new(full(list(&body))))
        }
        (_, path) => {
            let code = path.strip_prefix("/status/").and_then(|code| code.parse().ok());
            let mut response = Response::new(Empty::new().map_err(|never| match never {}).boxed());
            *response.status_mut() = code.unwrap_or(StatusCode::NOT_FOUND);
            Ok(response)
        }
    }
}

/// Formats the encoded pairs of a query or a form, one per line.
fn list(encoded: &[u8]) -> Vec<u8> {
    encoded.split(|&byte| byte == b'&').flat_map(|pair| [pair, b"\n"].concat()).collect()
}

fn full(content: impl Into<Bytes>) -> Body {
    Full::new(content.into()).map_err(|never| match never {}).boxed()
}
