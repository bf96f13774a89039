//! A small server on rocket: its extractors, on tokio's multi-threaded runtime with two workers.
//!
//! `rocket-server ADDRESS`

use std::collections::BTreeMap;
use std::error::Error;
use std::net::SocketAddr;

use rocket::config::LogLevel;
use rocket::data::{Data, ToByteUnit};
use rocket::form::Form;
use rocket::http::Status;
use rocket::response::stream::TextStream;
use rocket::serde::json::{Json, Value};
use rocket::shield::Shield;
use rocket::{Config, delete, get, patch, post, put, routes};

type Pairs = BTreeMap<String, String>;

fn main() -> Result<(), Box<dyn Error>> {
    let address = std::env::args().nth(1).ok_or("usage: rocket-server ADDRESS")?;
    let address: SocketAddr = address.parse()?;
    let config = Config {
        address: address.ip(),
        port: address.port(),
        workers: 2,
        log_level: LogLevel::Off,
        ..Config::release_default()
    };
    let routes = routes![index, big, echo_get, echo_post, echo_put, echo_delete, json, form, query, status];
    // An empty shield: the order of the default shield's headers differs between processes.
    rocket::execute(rocket::custom(config).attach(Shield::new()).mount("/", routes).launch())?;
    Ok(())
}

#[get("/")]
fn index() -> &'static str {
    "hello\n"
}

/// Returns the requested number of lines, in chunks.
#[get("/big?<size>")]
fn big(size: Option<usize>) -> TextStream![&'static str] {
    TextStream! {
        for _ in 0..size.unwrap_or(0).min(10_000) {
            yield "All work and no play makes Jack a dull boy.\n";
        }
    }
}

#[get("/echo")]
fn echo_get() -> &'static str {
    ""
}

#[post("/echo", data = "<body>")]
async fn echo_post(body: Data<'_>) -> Result<Vec<u8>, Status> {
    echo(body).await
}

#[put("/echo", data = "<body>")]
async fn echo_put(body: Data<'_>) -> Result<Vec<u8>, Status> {
    echo(body).await
}

#[delete("/echo", data = "<body>")]
async fn echo_delete(body: Data<'_>) -> Result<Vec<u8>, Status> {
    echo(body).await
}

async fn echo(body: Data<'_>) -> Result<Vec<u8>, Status> {
    body.open(1.mebibytes()).into_bytes().await.map(|bytes| bytes.value).map_err(|_| Status::BadRequest)
}

#[patch("/echo", data = "<value>")]
fn json(value: Json<Value>) -> Json<Value> {
    value
}

#[post("/form", data = "<pairs>")]
fn form(pairs: Form<Pairs>) -> Json<Pairs> {
    Json(pairs.into_inner())
}

#[get("/query?<pairs..>")]
fn query(pairs: Pairs) -> Json<Pairs> {
    Json(pairs)
}

#[get("/status/<code>")]
fn status(code: u16) -> Status {
    Status::from_code(code).unwrap_or(Status::BadRequest)
}
