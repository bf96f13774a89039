//! Lossless model of HTTP/1.1 as a client sends it, valid or not: requests, pipelines, sessions.
//!
//! The model keeps every byte of an input: white space, line ends, spellings, wrong lengths.
//! [`Pipeline::parse`] parses what it can and keeps the rest as bytes; [`Visit::serialise`] returns exactly
//! what was parsed. Parsing borrows from the input; `arbitrary` generates messages.
//!
//! ```
//! use sockfuzz_model::{Pipeline, Visit};
//!
//! let bytes = b"GET /a HTTP/1.1\r\nHost :  b\r\n\r\nnot HTTP";
//! let pipeline = Pipeline::parse(bytes);
//! assert_eq!(pipeline.requests().count(), 1);
//! assert_eq!(pipeline.serialise(), bytes);
//! ```
//!
//! An [`Outline`] has the same structure as spans of the text instead of a tree: a mutator cannot afford
//! to build one for each input. A [`DocumentOutline`] has the structure of a body in JSON, XML or GraphQL. [`http2`] is the model of HTTP/2, whose
//! elements are frames, and [`tls`] that of TLS below either.

mod body;
mod bytes;
mod chunked;
mod document;
mod field;
mod generate;
mod graphql;
pub mod http2;
mod json;
mod lines;
mod multipart;
mod outline;
mod pipeline;
mod random;
mod request;
mod session;
mod target;
pub mod tls;
mod visit;
pub mod vocabulary;
mod word;
mod xml;

use std::borrow::Cow;

pub use body::Body;
pub use chunked::{Chunk, Chunked};
pub use document::{DocumentKind, DocumentOutline, DocumentSpan};
pub use field::{FieldLine, FieldSection};
pub use graphql::GraphqlKind;
pub use json::{JsonKind, JsonOutline, JsonSpan};
pub use multipart::{Multipart, Part};
pub use outline::{Outline, Span};
pub use pipeline::{Item, Pipeline};
pub use random::Random;
pub use request::{Request, RequestLine};
pub use session::{ParsedSession, ParsedStep};
pub use target::Target;
pub use visit::{Kind, Visit, Visitor};
pub use word::{WordKind, is_path_byte};
pub use xml::XmlKind;

/// Bytes of a message: borrowed from the parsed input, or owned.
pub type Bytes<'a> = Cow<'a, [u8]>;
