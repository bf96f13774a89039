//! Errors in requests, with the status codes that report them to the client.

/// Error of a request that cannot be served, with the status code of its response.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{status}: {reason}")]
pub struct HttpError {
    /// Status code of the response, 400 to 599.
    pub status: u16,
    /// Description of the error, for the body of the response.
    pub reason: &'static str,
}

impl HttpError {
    /// Creates an error that is reported by `status`.
    pub const fn new(status: u16, reason: &'static str) -> Self {
        Self { status, reason }
    }

    /// Creates an error for a message that violates the grammar (RFC 9110, section 15.5.1).
    pub const fn bad_request(reason: &'static str) -> Self {
        Self::new(400, reason)
    }
}
