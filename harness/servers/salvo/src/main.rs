//! A small server on salvo: its extractors, on tokio's multi-threaded runtime.
//!
//! `salvo-server ADDRESS`

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::error::Error;

use futures_util::stream;
use salvo::prelude::*;
use serde_json::Value;

type Pairs = BTreeMap<String, String>;

#[tokio::main(worker_threads = 2)]
async fn main() -> Result<(), Box<dyn Error>> {
    let address = std::env::args().nth(1).ok_or("usage: salvo-server ADDRESS")?;
    let routes = Router::new()
        .get(index)
        .push(Router::with_path("big").get(big))
        .push(Router::with_path("echo").patch(json).goal(echo))
        .push(Router::with_path("form").post(form))
        .push(Router::with_path("query").get(query))
        .push(Router::with_path("status/{code}").goal(status));
    let listener = TcpListener::new(address).try_bind().await?;
    Server::new(listener).serve(routes).await;
    Ok(())
}

#[handler]
async fn index() -> &'static str {
    "hello\n"
}

/// Returns the requested number of lines, in chunks.
#[handler]
async fn big(request: &mut Request, response: &mut Response) {
    let size = request.query::<usize>("size").unwrap_or(0);
    let line = "All work and no play makes Jack a dull boy.\n";
    response.stream(stream::iter((0..size.min(10_000)).map(move |_| Ok::<_, Infallible>(line))));
}

#[handler]
async fn echo(request: &mut Request, response: &mut Response) -> Result<(), StatusError> {
    let body = request.payload().await.map_err(|_| StatusError::bad_request())?.clone();
    response.write_body(body).map_err(|_| StatusError::internal_server_error())
}

#[handler]
async fn json(request: &mut Request) -> Result<Json<Value>, StatusError> {
    request.parse_json().await.map(Json).map_err(|_| StatusError::bad_request())
}

#[handler]
async fn form(request: &mut Request) -> Result<Json<Pairs>, StatusError> {
    request.parse_form().await.map(Json).map_err(|_| StatusError::bad_request())
}

#[handler]
async fn query(request: &mut Request) -> Result<Json<Pairs>, StatusError> {
    request.parse_queries().map(Json).map_err(|_| StatusError::bad_request())
}

#[handler]
async fn status(request: &mut Request, response: &mut Response) {
    let code = request.param::<u16>("code").and_then(|code| StatusCode::from_u16(code).ok());
    response.status_code(code.unwrap_or(StatusCode::BAD_REQUEST));
}
