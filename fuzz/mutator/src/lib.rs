//! AFL++ custom mutator for HTTP requests and sessions.
//!
//! It complements AFL++'s havoc, which mutates bytes: it duplicates, drops, and moves whole requests, fields, chunks,
//! and connections, takes some from other inputs, and repairs the lengths of changed bodies. What begins like HTTP/2 is mutated by its
//! frames, what begins like TLS by its records and handshake messages. It treats unparsable parts as bytes. It parses an input once for all its mutations; a mutation is a short list of edits, written into a buffer
//! that is reused.
//!
//! # Example
//!
//! AFL++ calls the functions of [`abi`]; a Rust program can use [`Mutator`]:
//!
//! ```
//! use sockfuzz_mutator::{Dictionary, Mutator};
//! use sockfuzz_protocol::InputFormat;
//!
//! let mut mutator = Mutator::new(1, InputFormat::Raw, Dictionary::read(None));
//! let (parent, other) = (b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", b"");
//! let child = mutator.mutate(parent, other, 1024);
//! assert!(child.len() <= 1024);
//! ```

pub mod abi;
mod answer_source;
mod client_protocol;
mod cmp_map;
mod cmp_operands;
mod dictionary;
mod document;
mod edits;
mod layer;
mod learned;
mod mutator;
mod operations;
mod parsed_input;
mod random;
mod stage;
mod trim;
mod value;

pub use dictionary::Dictionary;
pub use mutator::{GROWTH_LIMIT_BYTES, Mutator};
pub use trim::minimize;
