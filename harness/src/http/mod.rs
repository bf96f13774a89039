//! HTTP/1.x as RFC 9112 defines it: parsing requests incrementally and writing responses.
//!
//! Parsers take a `&mut &[u8]` cursor and consume complete elements. They store their progress, and
//! are called again when more bytes have arrived.

mod chunked;
mod error;
mod framing;
mod head;
mod headers;
mod line;
mod request;
mod response;
pub mod syntax;
mod target;

pub use chunked::ChunkedDecoder;
pub use error::HttpError;
pub use framing::{BodyDecoder, Framing, MAX_BODY};
pub use head::HeadParser;
pub use headers::Headers;
pub use request::{Head, Request, Version};
pub use response::{Delivery, Response};
pub use target::{Form, Target};
