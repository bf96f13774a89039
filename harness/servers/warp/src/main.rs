//! A small server on warp: its filters, on tokio's multi-threaded runtime.
//!
//! `warp-server ADDRESS`

use std::convert::Infallible;
use std::error::Error;
use std::net::SocketAddr;

use bytes::Bytes;
use futures_util::stream;
use serde::Deserialize;
use serde_json::Value;
use warp::http::StatusCode;
use warp::reply::json;
use warp::{Filter, Reply, body, path, reply};

type Pairs = Vec<(String, String)>;

#[derive(Deserialize)]
struct Big {
    #[serde(default)]
    size: usize,
}

#[tokio::main(worker_threads = 2)]
async fn main() -> Result<(), Box<dyn Error>> {
    let address: SocketAddr = std::env::args().nth(1).ok_or("usage: warp-server ADDRESS")?.parse()?;
    let index = warp::get().and(path::end()).map(|| "hello\n");
    let big = warp::get().and(warp::path!("big")).and(warp::query()).map(big);
    let patch = warp::patch().and(warp::path!("echo")).and(body::json()).map(|value: Value| json(&value));
    let echo = warp::path!("echo").and(body::bytes()).map(|body: Bytes| body.to_vec());
    let form = warp::post().and(warp::path!("form")).and(body::form()).map(|pairs: Pairs| json(&pairs));
    let query = warp::get().and(warp::path!("query")).and(warp::query()).map(|pairs: Pairs| json(&pairs));
    let status =
        warp::path!("status" / u16).map(|code| StatusCode::from_u16(code).unwrap_or(StatusCode::BAD_REQUEST));
    warp::serve(index.or(big).or(patch).or(echo).or(form).or(query).or(status)).run(address).await;
    Ok(())
}

/// Returns the requested number of lines, in chunks.
fn big(Big { size }: Big) -> impl Reply {
    let line = "All work and no play makes Jack a dull boy.\n";
    reply::stream(stream::iter((0..size.min(10_000)).map(move |_| Ok::<_, Infallible>(line))))
}
