//! A REST service with planted bugs of the kinds that real services have, on axum and tokio's default runtime. What it offers
//! is described in `../openapi.yaml`.
//!
//! `rest-server ADDRESS`
//!
//! A bug is announced by a comment `Planted bug N` above the lines that fail: `harness/bench/rest` finds out by it which bug
//! an input has met.

mod account;
mod catalogue;
mod items;
mod reports;
mod texts;

use std::error::Error;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post};
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let address = std::env::args().nth(1).ok_or("usage: rest-server ADDRESS")?;
    let routes = Router::new()
        .route("/login", post(account::login))
        .route("/audit", get(account::audit))
        .route("/shelves/{number}", get(catalogue::shelf))
        .route("/events", get(catalogue::events))
        .route("/items", get(items::list).post(items::create))
        .route("/items/{id}", get(items::read).put(items::update).delete(items::delete))
        .route("/items/{id}/price", get(items::price))
        .route("/orders", post(reports::order))
        .route("/reports", post(reports::report))
        .route("/filters", post(reports::filter))
        .route("/users/{name}", get(texts::user))
        .route("/search", get(texts::search))
        .route("/notes", post(texts::note))
        .route("/feedback", post(texts::feedback))
        .with_state(Arc::new(Service::default()));
    Ok(axum::serve(TcpListener::bind(address).await?, routes).await?)
}

/// State of the service.
#[derive(Default)]
struct Service {
    items: items::Items,
    sessions: account::Sessions,
}

/// Returns an identifier that nobody can guess.
fn identifier() -> String {
    format!("{:016x}", RandomState::new().hash_one(()))
}
