//! HTTP/2 as a client writes it, right or wrong: the preface, and frames behind it.
//!
//! [`Connection::parse`] takes any bytes and loses none: lengths that lie, frames that end too early,
//! padding, reserved bits, integers written longer than they need be. [`mutate`] changes a connection
//! where a server looks: frames, streams, settings, and single header fields inside of HPACK.
//!
//! The parser of header blocks is our own because it keeps how a field was written (by which index,
//! with Huffman's code or without, to be remembered or not), which a decoder drops. Tables and codes
//! are the library's.

mod connection;
mod frame;
mod generate;
pub mod hpack;
mod mutate;
mod random;
mod seeds;
mod streams;
pub mod vocabulary;

pub use connection::{Connection, PREFACE};
pub use frame::{Frame, Parts, flag, kind, setting};
pub use generate::generate;
pub use mutate::{mutate, mutate_bytes};
pub use random::Random;
pub use seeds::seeds;
pub use streams::{State, Streams};
