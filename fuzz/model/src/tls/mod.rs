//! Lossless model of TLS as a client sends it, valid or not: records, handshake messages, and what is inside of them.
//!
//! [`RecordStream::parse`] accepts any bytes and keeps all of them: wrong lengths, truncated records, messages that are split
//! over records. What a record carries is a tree of [`Element`]s, parsed by the tables of a [`Shape`], which follow the
//! presentation language of the standards (RFC 8446, section 3). Lengths are not stored: those of changed vectors are right,
//! unless one is declared otherwise. [`mutate()`] changes records and elements.
//!
//! What is encrypted is opaque.

mod element;
mod grammar;
mod items;
mod mutate;
mod record;
mod seeds;
mod shape;
mod stream;
mod text;
pub mod vocabulary;

pub use element::{Content, Element};
pub use items::{item_count, remove_item};
pub use mutate::{mutate, take_element};
pub use record::{Record, RecordHeader, content_type};
pub use seeds::seeds;
pub use shape::{Member, Shape};
pub use stream::{RecordStream, parse_content};
