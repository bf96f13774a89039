//! A small server on axum: its extractors, on tokio's multi-threaded runtime.
//!
//! `axum-server ADDRESS`
//!
//! With the feature `rustls`, it speaks TLS by the crate axum-server, and HTTP/2 by ALPN: `axum-server ADDRESS CERTIFICATES`.

use std::convert::Infallible;
use std::error::Error;

use axum::body::{Body, Bytes};
use axum::extract::{Path, Query};
use axum::http::StatusCode;
use axum::routing::{any, get, post};
use axum::{Form, Json, Router};
use futures_util::stream;
use serde::Deserialize;
use serde_json::Value;

type Pairs = Vec<(String, String)>;

#[tokio::main(worker_threads = 2)]
async fn main() -> Result<(), Box<dyn Error>> {
    let address = std::env::args().nth(1).ok_or("usage: axum-server ADDRESS")?;
    let routes = Router::new()
        .route("/", get("hello\n"))
        .route("/big", get(big))
        .route("/echo", any(echo).patch(json))
        .route("/form", post(form))
        .route("/query", get(query))
        .route("/status/{code}", any(status));
    serve(&address, routes).await
}

#[cfg(not(feature = "rustls"))]
async fn serve(address: &str, routes: Router) -> Result<(), Box<dyn Error>> {
    let listener = tokio::net::TcpListener::bind(address).await?;
    Ok(axum::serve(listener, routes).await?)
}

#[cfg(feature = "rustls")]
async fn serve(address: &str, routes: Router) -> Result<(), Box<dyn Error>> {
    use axum_server::tls_rustls::RustlsConfig;

    let address: std::net::SocketAddr = address.parse()?;
    let directory = std::env::args().nth(2).ok_or("usage: axum-server ADDRESS CERTIFICATES")?;
    let [certificate, key] = ["server.crt", "server.key"].map(|name| format!("{directory}/{name}"));
    let config = RustlsConfig::from_pem_file(certificate, key).await?;
    Ok(axum_server::bind_rustls(address, config).serve(routes.into_make_service()).await?)
}

/// Returns the requested number of lines, in chunks.
async fn big(Query(Big { size }): Query<Big>) -> Body {
    let line = Bytes::from_static(b"All work and no play makes Jack a dull boy.\n");
    Body::from_stream(stream::iter((0..size.min(10_000)).map(move |_| Ok::<_, Infallible>(line.clone()))))
}

#[derive(Deserialize)]
struct Big {
    #[serde(default)]
    size: usize,
}

async fn echo(body: Bytes) -> Bytes {
    body
}

async fn json(Json(value): Json<Value>) -> Json<Value> {
    Json(value)
}

async fn form(Form(pairs): Form<Pairs>) -> Json<Pairs> {
    Json(pairs)
}

async fn query(Query(pairs): Query<Pairs>) -> Json<Pairs> {
    Json(pairs)
}

async fn status(Path(code): Path<u16>) -> Result<StatusCode, StatusCode> {
    StatusCode::from_u16(code).map_err(|_| StatusCode::BAD_REQUEST)
}
