//! A small server on xitca-web: its extractors, on two workers.
//!
//! `xitca-web-server ADDRESS`

use std::io;

use serde::Deserialize;
use serde_json::Value;
use xitca_web::App;
use xitca_web::handler::form::Form;
use xitca_web::handler::handler_service;
use xitca_web::handler::json::Json;
use xitca_web::handler::params::Params;
use xitca_web::handler::query::Query;
use xitca_web::http::StatusCode;
use xitca_web::route::{get, patch, post};

type Pairs = Vec<(String, String)>;

fn main() -> io::Result<()> {
    let address =
        std::env::args().nth(1).ok_or_else(|| io::Error::other("usage: xitca-web-server ADDRESS"))?;
    App::new()
        .at("/", get(handler_service(index)))
        .at("/big", get(handler_service(big)))
        .at("/echo", patch(handler_service(json)).get(handler_service(echo)).post(handler_service(echo)))
        .at("/form", post(handler_service(form)))
        .at("/query", get(handler_service(query)))
        .at("/status/:code", get(handler_service(status)))
        .serve()
        .worker_threads(2)
        .bind(address)?
        .run()
        .wait()
}

async fn index() -> &'static str {
    "hello\n"
}

#[derive(Deserialize)]
struct Big {
    #[serde(default)]
    size: usize,
}

async fn big(Query(Big { size }): Query<Big>) -> String {
    "All work and no play makes Jack a dull boy.\n".repeat(size.min(10_000))
}

async fn echo(body: Vec<u8>) -> Vec<u8> {
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

async fn status(Params(code): Params<u16>) -> StatusCode {
    StatusCode::from_u16(code).unwrap_or(StatusCode::BAD_REQUEST)
}
