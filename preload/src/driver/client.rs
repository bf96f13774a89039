//! The client's end of an internal connection. Never blocks: the thread that plays the client is
//! the one that the server needs in order to go on.

use std::os::fd::{AsRawFd, OwnedFd};

use rustix::event::{PollFd, PollFlags};
use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags, Shutdown, recv, send, shutdown};

use crate::descriptors;

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
    /// Nothing yet.
    Nothing,
    /// A part of the answer.
    Some,
    /// The end of the answer: the server has half-closed, closed or reset.
    Ended,
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

    /// Reads all that is there, by way of `buffer`.
    pub(super) fn drain(&self, buffer: &mut [u8], mut answer: impl FnMut(&[u8])) -> Drained {
        let mut drained = Drained::Nothing;
        loop {
            match recv(&self.connection, &mut *buffer, RecvFlags::DONTWAIT) {
                Ok((0, _)) => return Drained::Ended,
                Ok((count, _)) => {
                    answer(&buffer[..count]);
                    drained = Drained::Some;
                }
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => return drained,
                Err(_) => return Drained::Ended,
            }
        }
    }

    pub(super) fn readable(&self) -> PollFd<'static> {
        PollFd::from_borrowed_fd(descriptors::lend(self.connection.as_raw_fd()), PollFlags::IN)
    }
}
