//! The AFL++ custom mutator: it knows what an HTTP request is, and a session.
//!
//! It stands beside AFL++'s own havoc, which is good at bytes, and does what havoc cannot: whole
//! requests, fields, chunks and connections are the things that it doubles, drops, moves and takes
//! from other inputs; lengths go along with what they measure. What it cannot parse it treats as
//! bytes. An input is parsed once for all its mutations; a mutation is a short list of edits, written
//! into a buffer that is used again.

pub mod abi;
mod dictionary;
mod edits;
mod mutator;
mod operations;
mod parsed_input;
mod random;
mod trim;

pub use dictionary::Dictionary;
pub use mutator::{LARGE, Mutator};
