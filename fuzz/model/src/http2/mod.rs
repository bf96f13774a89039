//! Lossless model of HTTP/2 as a client sends it, valid or not: the preface and frames.
//!
//! [`Connection::parse`] accepts any bytes and keeps all of them: wrong lengths, truncated frames, padding,
//! reserved bits, overlong integers. [`mutate()`] changes what servers parse: frames, streams, settings, and
//! single header fields inside of HPACK.
//!
//! This crate has its own parser of header blocks, which keeps the representation of a field (index, Huffman
//! code, indexing); a decoder drops it. Tables and codes come from libraries.

mod connection;
mod frame;
mod generate;
pub mod hpack;
mod mutate;
mod seeds;
mod streams;
pub mod vocabulary;

use crate::random::Random;

pub use connection::{Connection, PREFACE};
pub use frame::{Frame, PayloadParts, flag, kind, setting};
pub use generate::generate;
pub use mutate::{mutate, mutate_bytes};
pub use seeds::seeds;
pub use streams::{StreamState, Streams};
