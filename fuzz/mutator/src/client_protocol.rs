//! Protocols that a client may speak on a connection.

use sockfuzz_model::{http2, tls};

/// Protocol of a connection, recognised by the first bytes that the client sends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ClientProtocol {
    /// HTTP/1, and all that is not recognised.
    Http1,
    /// HTTP/2 with prior knowledge.
    Http2,
    /// TLS.
    Tls,
}

impl ClientProtocol {
    /// All protocols, in the order of their numbers.
    pub(crate) const ALL: [Self; 3] = [Self::Http1, Self::Http2, Self::Tls];

    /// Returns the protocol of a connection that has spoken this one when these bytes begin a new range on it.
    #[inline]
    pub(crate) fn continued_by(self, bytes: &[u8]) -> Self {
        if self != Self::Http1 {
            self
        } else if http2::Connection::recognises(bytes) {
            Self::Http2
        } else if tls::RecordStream::recognises(bytes) {
            Self::Tls
        } else {
            Self::Http1
        }
    }
}
