//! AFL++ custom mutator for HTTP requests and sessions.
//!
//! It complements AFL++'s havoc, which mutates bytes: it duplicates, drops, moves, and takes from other
//! inputs whole requests, fields, chunks, and connections, and repairs the lengths of what it changes.
//! What it cannot parse it treats as bytes. It parses an input once for all its mutations; a mutation is
//! a short list of edits, written into a buffer that is reused.
//!
//! AFL++ calls the functions of [`abi`]. The same from Rust:
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
mod dictionary;
mod edits;
mod mutator;
mod operations;
mod parsed_input;
mod random;
mod trim;

pub use dictionary::Dictionary;
pub use mutator::{GROWTH_LIMIT_BYTES, Mutator};
