//! A small server on poem: its extractors, on tokio's multi-threaded runtime.
//!
//! `poem-server ADDRESS`

use std::error::Error;

use futures_util::stream;
use poem::http::StatusCode;
use poem::listener::TcpListener;
use poem::web::{Form, Json, Path, Query};
use poem::{Body, Result, Route, Server, get, handler, post};
use serde::Deserialize;
use serde_json::Value;

type Pairs = Vec<(String, String)>;

#[tokio::main(worker_threads = 2)]
async fn main() -> Result<(), Box<dyn Error>> {
    let address = std::env::args().nth(1).ok_or("usage: poem-server ADDRESS")?;
    let routes = Route::new()
        .at("/", get(index))
        .at("/big", get(big))
        .at("/echo", get(echo).head(echo).post(echo).put(echo).delete(echo).patch(json))
        .at("/form", post(form))
        .at("/query", get(query))
        .at("/status/:code", get(status));
    Ok(Server::new(TcpListener::bind(address)).run(routes).await?)
}

#[handler]
async fn index() -> &'static str {
    "hello\n"
}

/// Returns the requested number of lines, in chunks.
#[handler]
async fn big(Query(Big { size }): Query<Big>) -> Body {
    let line = "All work and no play makes Jack a dull boy.\n";
    Body::from_bytes_stream(stream::iter((0..size.min(10_000)).map(move |_| Ok::<_, std::io::Error>(line))))
}

#[derive(Deserialize)]
struct Big {
    #[serde(default)]
    size: usize,
}

#[handler]
async fn echo(body: Vec<u8>) -> Vec<u8> {
    body
}

#[handler]
async fn json(Json(value): Json<Value>) -> Json<Value> {
    Json(value)
}

#[handler]
async fn form(Form(pairs): Form<Pairs>) -> Json<Pairs> {
    Json(pairs)
}

#[handler]
async fn query(Query(pairs): Query<Pairs>) -> Json<Pairs> {
    Json(pairs)
}

#[handler]
async fn status(Path(code): Path<u16>) -> StatusCode {
    StatusCode::from_u16(code).unwrap_or(StatusCode::BAD_REQUEST)
}
