//! A small HTTP/1.1 server that comes in several concurrency models.
//!
//! The protocol is a pure state machine, [`Connection`]: bytes in, bytes out, no I/O. The
//! [`models`] move those bytes between sockets and connections, each in its own way, and so give
//! byte-identical answers; only the `tokio` model, in programs of its own, leaves the protocol to hyper
//! and shares the [`routes`] alone.
//!
//! # Example
//!
//! ```text
//! $ cargo build --release -p sockfuzz-harness
//! $ target/release/sockfuzz-server --model poll --listen 127.0.0.1:8080 &
//! $ curl http://127.0.0.1:8080/
//! ```

pub mod cli;
mod connection;
pub mod http;
pub mod models;
mod output;
pub mod parse;
pub mod planted;
pub mod routes;
mod site;

pub use connection::Connection;
pub use output::Output;
pub use site::{Session, Site};
