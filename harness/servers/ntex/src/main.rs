//! A small server on ntex: its extractors and its compression, on two workers.
//!
//! `ntex-server ADDRESS`

use std::io;

use futures_util::stream;
use ntex::SharedCfg;
use ntex::http::StatusCode;
use ntex::util::Bytes;
use ntex::web::middleware::Compress;
use ntex::web::types::{Form, Json, Path, Query};
use ntex::web::{self, App, HttpResponse, HttpServer};
use serde::Deserialize;
use serde_json::Value;

type Pairs = Vec<(String, String)>;

#[ntex::main]
async fn main() -> io::Result<()> {
    let address = std::env::args().nth(1).ok_or_else(|| io::Error::other("usage: ntex-server ADDRESS"))?;
    let app = async |_: &()| {
        App::new().middleware(Compress::default()).service((index, big, form, query, status)).service(
            web::resource("/echo").route(web::patch().to(json)).default_service(web::route().to(echo)),
        )
    };
    HttpServer::new(app).workers(2).bind(address, SharedCfg::new("ntex-server"))?.run().await
}

#[web::get("/")]
async fn index() -> &'static str {
    "hello\n"
}

/// Returns the requested number of lines, in chunks.
#[web::get("/big")]
async fn big(Query(Big { size }): Query<Big>) -> HttpResponse {
    let line = Bytes::from_static(b"All work and no play makes Jack a dull boy.\n");
    let lines = (0..size.min(10_000)).map(move |_| Ok::<_, io::Error>(line.clone()));
    HttpResponse::Ok().content_type("text/plain").streaming(stream::iter(lines))
}

#[derive(Deserialize)]
struct Big {
    #[serde(default)]
    size: usize,
}

async fn json(value: Json<Value>) -> HttpResponse {
    HttpResponse::Ok().json(&value.into_inner())
}

async fn echo(body: Bytes) -> Bytes {
    body
}

#[web::post("/form")]
async fn form(pairs: Form<Pairs>) -> HttpResponse {
    HttpResponse::Ok().json(&pairs.into_inner())
}

#[web::get("/query")]
async fn query(pairs: Query<Pairs>) -> HttpResponse {
    HttpResponse::Ok().json(&pairs.into_inner())
}

#[web::get("/status/{code}")]
async fn status(code: Path<u16>) -> HttpResponse {
    HttpResponse::new(StatusCode::from_u16(*code).unwrap_or(StatusCode::BAD_REQUEST))
}
