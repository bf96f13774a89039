//! Result of reading from a connection.

/// No socket's send buffer is smaller, in bytes (socket(7), SO_SNDBUF).
const MIN_SEND_BUFFER_BYTES: usize = 2048;

/// What there was to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Drained {
    /// Nothing, or less than fills any socket's buffer: the server was not waiting for room.
    Little,
    /// A part of the answer, or something else, that may have kept the server from going on.
    Much,
    /// The end of the answer: the server has half-closed, closed or reset.
    Ended,
}

impl Drained {
    pub(super) fn of(count: usize) -> Self {
        if count < MIN_SEND_BUFFER_BYTES { Self::Little } else { Self::Much }
    }
}
