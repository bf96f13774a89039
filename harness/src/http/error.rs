//! Why a request is refused, as the status that tells the client.

/// A request that cannot be served, with the status code to answer it by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{status}: {reason}")]
pub struct HttpError {
    /// Status code of the answer, 400 to 599.
    pub status: u16,
    /// What was wrong, for the answer's body.
    pub reason: &'static str,
}

impl HttpError {
    /// An error to be answered with `status`.
    pub const fn new(status: u16, reason: &'static str) -> Self {
        Self { status, reason }
    }

    /// A message that breaks the grammar (RFC 9110, section 15.5.1).
    pub const fn bad_request(reason: &'static str) -> Self {
        Self::new(400, reason)
    }
}
