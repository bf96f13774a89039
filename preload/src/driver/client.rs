//! The client's end of an internal connection: a socket, or memory. Never blocks: the thread that plays the client is
//! the one that the server needs in order to go on.

use std::os::fd::{AsRawFd, OwnedFd};

use rustix::event::{PollFd, PollFlags};
use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags, Shutdown, recv, send, shutdown};

use crate::{descriptors, memory};

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
    /// A part of the answer, or something else, that may have kept the server from going on.
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
pub(super) enum Client {
    Socket(OwnedFd),
    Memory,
}

impl Client {
    /// The connection has become real: `connection` is the client's end.
    pub(super) fn move_to(&mut self, connection: OwnedFd) {
        // It has not hung up.
        std::mem::forget(std::mem::replace(self, Self::Socket(connection)));
    }

    pub(super) fn send(&self, bytes: &[u8]) -> Sent {
        let Self::Socket(connection) = self else {
            return match memory::send(bytes) {
                Some(0) => Sent::Blocked,
                Some(count) => Sent::Bytes(count),
                None => Sent::Refused,
            };
        };
        memory::catch_up(connection);
        if memory::unread() > 0 {
            return Sent::Blocked;
        }
        match send(connection, bytes, SendFlags::NOSIGNAL) {
            Ok(count) => Sent::Bytes(count),
            Err(Errno::AGAIN | Errno::INTR) => Sent::Blocked,
            Err(_) => Sent::Refused,
        }
    }

    pub(super) fn half_close(&self) {
        match self {
            // A failure means that the server was first; reading will tell.
            Self::Socket(connection) if memory::unread() == 0 => {
                let _ = shutdown(connection, Shutdown::Write);
            }
            _ => memory::half_close(),
        }
    }

    /// Reads what is there, by way of `buffer`. (Through memory, nothing is left to be seen of it.)
    pub(super) fn drain(&self, buffer: &mut [u8], mut answer: impl FnMut(&[u8])) -> Drained {
        let Self::Socket(connection) = self else {
            let (answered, open) = memory::take_answered();
            if answered {
                answer(&[]);
            }
            return if open { Drained::Little } else { Drained::Ended };
        };
        if memory::catch_up(connection) {
            return Drained::Much;
        }
        let mut total = 0;
        loop {
            match recv(connection, &mut *buffer, RecvFlags::DONTWAIT) {
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

    /// What tells that more can be read; nothing does through memory, where the server is what waits.
    pub(super) fn readable(&self) -> Option<PollFd<'static>> {
        let Self::Socket(connection) = self else { return None };
        Some(PollFd::from_borrowed_fd(descriptors::lend(connection.as_raw_fd()), PollFlags::IN))
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        match self {
            Self::Socket(_) => memory::drop_unread(),
            Self::Memory => memory::hang_up(),
        }
    }
}
