//! Small HTTP/1.1 server with several concurrency models.
//!
//! The protocol is a pure state machine, [`Connection`]: bytes in, bytes out, no I/O. Each of the [`models`] moves
//! those bytes between sockets and connections in its own way, so all give byte-identical answers. Only the `tokio`
//! model, which has programs of its own, uses hyper for the protocol and shares just the [`routes`].
//!
//! # Example
//!
//! The protocol without a socket:
//!
//! ```
//! use sockfuzz_harness::{Connection, Site};
//!
//! let mut connection = Connection::new(Site::plain());
//! connection.feed(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
//! connection.finish();
//! assert!(connection.output().front().starts_with(b"HTTP/1.1 200 OK\r\n"));
//! ```
//!
//! The same over TCP:
//!
//! ```text
//! $ cargo build --release -p sockfuzz-harness
//! $ target/release/sockfuzz-server --model poll --listen 127.0.0.1:8080 &
//! $ curl http://127.0.0.1:8080/
//! ```

#![cfg(feature = "servers")]

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
