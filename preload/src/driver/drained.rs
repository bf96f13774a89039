//! Result of reading from a connection.

/// Size of the smallest send buffer that a socket can have, in bytes (socket(7), SO_SNDBUF).
const MIN_SEND_BUFFER_BYTES: usize = 2048;

/// Result of a read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Drained {
    /// Nothing, or too little to have filled a send buffer: the server was not waiting for room.
    Little,
    /// So much of the answer, or other progress, that the server may have been blocked before.
    Much,
    /// The end of the answer: the server has half-closed, closed or reset the connection.
    Ended,
}

impl Drained {
    pub(super) fn of(count: usize) -> Self {
        if count < MIN_SEND_BUFFER_BYTES { Self::Little } else { Self::Much }
    }
}
