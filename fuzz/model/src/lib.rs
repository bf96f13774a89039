//! HTTP/1.1 as a client writes it, right or wrong: requests, pipelines of them, sessions of those.
//!
//! A model of inputs must not tidy them up. So it keeps every byte where it was: white space, line
//! ends, spellings, lies about lengths. [`Pipeline::parse`] understands what it can, keeps the rest
//! as bytes, and [`Visit::serialise`] gives back exactly what was parsed. What is borrowed stays
//! borrowed; `arbitrary` makes up the rest.
//!
//! An [`Outline`] is the same structure without a tree: spans in the text, for a mutator that has no
//! time to build one. [`http2`] is the same for HTTP/2, and frames are its structure.

mod body;
mod chunked;
mod field;
mod generate;
pub mod http2;
mod lines;
mod multipart;
mod outline;
mod pipeline;
mod request;
mod session;
mod target;
mod visit;
pub mod vocabulary;

use std::borrow::Cow;

pub use body::Body;
pub use chunked::{Chunk, Chunked};
pub use field::{Field, Section};
pub use multipart::{Multipart, Part};
pub use outline::{Outline, Span};
pub use pipeline::{Item, Pipeline};
pub use request::{Request, RequestLine};
pub use session::{Conversation, Turn};
pub use target::Target;
pub use visit::{Kind, Visit, Visitor};

/// Bytes of a message: a part of what was parsed, or made up.
pub type Bytes<'a> = Cow<'a, [u8]>;
