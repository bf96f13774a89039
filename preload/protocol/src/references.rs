//! References to earlier answers: places in a session's bytes for which the client puts a value that the server has
//! sent before, such as the number of a new item, or a token.
//!
//! | reference | value |
//! |---|---|
//! | `{{1.json.user.id}}`, `{{1.json.items.0.id}}` | a value in the body of answer 1; if the path leads nowhere, that of the first member that has the name of the path's first key |
//! | `{{1.json}}` | the whole body |
//! | `{{1.header.etag}}` | a field of its header, the name in any case |
//! | `{{1.cookie.session}}` | a cookie that it sets |
//! | `{{1.location}}`, `{{1.location.id}}` | the path and query of its field Location, and the last segment of that path |
//! | `{{1.status}}` | its status code |
//!
//! Answers are numbered from 1 as they come: before each step that sends, the complete ones on connection 0 first, then
//! those on connection 1, and so on. Interim answers (RFC 9110, section 15.2) have no number. So a request that is sent in
//! several steps, or a step that sends several requests, shifts no number. The first [`KEPT_BYTES`] on each connection
//! are kept.
//!
//! What cannot be resolved (there is no such answer, or it has no such value) is sent as it is, so every byte string
//! stays an input. [`fill()`] tells how values are encoded, and which lengths follow.

mod answers;
mod fill;
mod json;
mod reference;
mod response;
mod text;

pub use answers::{EarlierAnswers, KEPT_BYTES};
pub use fill::fill;
pub use reference::{Reference, ValueName, find, may_occur};

#[cfg(test)]
mod tests;
