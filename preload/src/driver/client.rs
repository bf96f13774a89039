//! The client's end of an internal connection. Never blocks: the thread that plays the client is
//! the one that the server needs in order to go on.

use std::os::fd::{AsRawFd, OwnedFd};

use rustix::event::{PollFd, PollFlags};
use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags, Shutdown, recv, send, shutdown};

use crate::descriptors;

/// No socket's send buffer is smaller, in bytes (socket(7), SO_SNDBUF).
const SMALLEST_BUFFER: usize = 2048;

/// What became of some bytes to send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sent {
    /// This many went out.
    Bytes(usize),
    /// The socket is full.
    Blocked,
    /// The server has closed or reset the connection.
    Refused,
}

/// What there was to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Drained {
    /// Nothing, or less than fills any socket's buffer: the server was not waiting for room.
    Little,
    /// A part of the answer that may have kept the server from going on.
    Much,
    /// The end of the answer: the server has half-closed, closed or reset.
    Ended,
}

impl Drained {
    fn of(count: usize) -> Self {
        if count < SMALLEST_BUFFER { Self::Little } else { Self::Much }
    }
}

/// One connection, as the client sees it. Dropping it hangs up.
#[derive(Debug)]
pub(super) struct Client {
    connection: OwnedFd,
}

impl Client {
    pub(super) fn new(connection: OwnedFd) -> Self {
        Self { connection }
    }

    pub(super) fn send(&self, bytes: &[u8]) -> Sent {
        match send(&self.connection, bytes, SendFlags::NOSIGNAL) {
            Ok(count) => Sent::Bytes(count),
            Err(Errno::AGAIN | Errno::INTR) => Sent::Blocked,
            Err(_) => Sent::Refused,
        }
    }

    pub(super) fn half_close(&self) {
        // A failure means that the server was first; reading will tell.
        let _ = shutdown(&self.connection, Shutdown::Write);
    }

    /// Reads what is there, by way of `buffer`.
    pub(super) fn drain(&self, buffer: &mut [u8], mut answer: impl FnMut(&[u8])) -> Drained {
        let mut total = 0;
        loop {
            match recv(&self.connection, &mut *buffer, RecvFlags::DONTWAIT) {
                Ok((0, _)) => return Drained::Ended,
                Ok((count, _)) => {
                    answer(&buffer[..count]);
                    total += count;
                    if count < buffer.len() {
                        return Drained::of(total);
                    }
                }
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => return Drained::of(total),
                Err(_) => return Drained::Ended,
            }
        }
    }

    pub(super) fn readable(&self) -> PollFd<'static> {
        PollFd::from_borrowed_fd(descriptors::lend(self.connection.as_raw_fd()), PollFlags::IN)
    }
}
