//! A small server on actix-web: its extractors and its compression, on two workers.
//!
//! `actix-web-server ADDRESS`

use std::io;

use actix_web::http::StatusCode;
use actix_web::middleware::Compress;
use actix_web::web::{Bytes, Form, Json, Path, Query};
use actix_web::{App, HttpResponse, HttpServer, Responder, error, get, patch, post, route};
use futures_util::stream;
use serde::Deserialize;
use serde_json::Value;

type Pairs = Vec<(String, String)>;

#[actix_web::main]
async fn main() -> io::Result<()> {
    let address =
        std::env::args().nth(1).ok_or_else(|| io::Error::other("usage: actix-web-server ADDRESS"))?;
    let app = || App::new().wrap(Compress::default()).service((index, big, json, echo, form, query, status));
    HttpServer::new(app).workers(2).bind(address)?.run().await
}

#[get("/")]
async fn index() -> &'static str {
    "hello\n"
}

/// Returns the requested number of lines, in chunks.
#[get("/big")]
async fn big(Query(Big { size }): Query<Big>) -> impl Responder {
    let line = Bytes::from_static(b"All work and no play makes Jack a dull boy.\n");
    let lines = (0..size.min(10_000)).map(move |_| Ok::<_, io::Error>(line.clone()));
    HttpResponse::Ok().content_type("text/plain").streaming(stream::iter(lines))
}

#[derive(Deserialize)]
struct Big {
    #[serde(default)]
    size: usize,
}

#[patch("/echo")]
async fn json(value: Json<Value>) -> Json<Value> {
    value
}

#[route("/echo", method = "GET", method = "HEAD", method = "POST", method = "PUT", method = "DELETE")]
async fn echo(body: Bytes) -> Bytes {
    body
}

#[post("/form")]
async fn form(Form(pairs): Form<Pairs>) -> Json<Pairs> {
    Json(pairs)
}

#[get("/query")]
async fn query(Query(pairs): Query<Pairs>) -> Json<Pairs> {
    Json(pairs)
}

#[get("/status/{code}")]
async fn status(code: Path<u16>) -> actix_web::Result<HttpResponse> {
    let code = StatusCode::from_u16(*code).map_err(error::ErrorBadRequest)?;
    Ok(HttpResponse::new(code))
}
