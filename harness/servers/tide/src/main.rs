//! A small server on tide, which runs on async-std.
//!
//! `tide-server ADDRESS`

use futures_util::stream::{self, TryStreamExt};
use serde::Deserialize;
use serde_json::Value;
use tide::{Body, Request, Response, Result, StatusCode};

type Pairs = Vec<(String, String)>;

#[async_std::main]
async fn main() -> std::io::Result<()> {
    let address = std::env::args().nth(1);
    let address = address.ok_or_else(|| std::io::Error::other("usage: tide-server ADDRESS"))?;
    let mut server = tide::new();
    server.at("/").get(|_| async { Ok("hello\n") });
    server.at("/big").get(big);
    server.at("/echo").patch(json).all(echo);
    server.at("/form").post(form);
    server.at("/query").get(query);
    server.at("/status/:code").all(status);
    server.listen(address).await
}

/// Returns the requested number of lines, in chunks.
async fn big(request: Request<()>) -> Result<Body> {
    let Big { size } = request.query()?;
    let line = "All work and no play makes Jack a dull boy.\n";
    let lines = stream::iter((0..size.min(10_000)).map(move |_| Ok::<_, std::io::Error>(line)));
    Ok(Body::from_reader(lines.into_async_read(), None))
}

#[derive(Deserialize)]
struct Big {
    #[serde(default)]
    size: usize,
}

async fn echo(mut request: Request<()>) -> Result<Body> {
    Ok(request.take_body())
}

async fn json(mut request: Request<()>) -> Result<Body> {
    let value: Value = request.body_json().await?;
    Body::from_json(&value)
}

async fn form(mut request: Request<()>) -> Result<Body> {
    let pairs: Pairs = request.body_form().await?;
    Body::from_json(&pairs)
}

async fn query(request: Request<()>) -> Result<Body> {
    let pairs: Pairs = request.query()?;
    Body::from_json(&pairs)
}

async fn status(request: Request<()>) -> Result<Response> {
    let code = request.param("code")?.parse::<u16>().ok();
    let code = code.and_then(|code| StatusCode::try_from(code).ok());
    Ok(Response::new(code.unwrap_or(StatusCode::BadRequest)))
}
