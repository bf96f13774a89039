//! State of one virtual connection: unread bytes, and which side has closed what.

use std::time::Duration;

use libc::{c_int, iovec};
use rustix::io::Errno;
use sockfuzz_protocol::session::Connection;

use crate::sys::user_memory::{self, Unaligned};

/// Maximum number of unread bytes: the size of the largest input that AFL++ passes.
const CAPACITY_BYTES: usize = 1 << 20;

/// File status flags that a socket keeps (fcntl(2), F_SETFL). A connection with O_ASYNC becomes a real one.
const STATUS_FLAGS: c_int = libc::O_APPEND | libc::O_NONBLOCK | libc::O_NOATIME;

/// Virtual connection. All zeroes is one that has ended.
pub(super) struct MemoryStream {
    /// `bytes[read..filled]` is not read yet.
    bytes: [u8; CAPACITY_BYTES],
    read: usize,
    filled: usize,
    /// Its number in the session, while there is a client.
    connection: Connection,
    client: ClientState,
    server: ServerState,
    /// The client has reset the connection, and the server has not got the error yet.
    reset: bool,
    /// The client will reset the connection.
    will_reset: bool,
    /// Some of [`STATUS_FLAGS`].
    status_flags: c_int,
    /// Time limits that the server has set (socket(7), SO_RCVTIMEO and SO_SNDTIMEO).
    timeouts: Timeouts,
    /// Directions that the server has shut down.
    shut_reading: bool,
    shut_writing: bool,
    answered: bool,
}

/// Time limits for calls on a blocking connection.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Timeouts {
    pub(super) receiving: Option<Duration>,
    pub(super) sending: Option<Duration>,
}

/// State of the client's end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum ClientState {
    Gone = 0,
    Sending = 1,
    HalfClosed = 2,
}

/// State of the server's end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum ServerState {
    Closed = 0,
    Unaccepted = 1,
    Open = 2,
}

impl MemoryStream {
    pub(super) const fn new() -> Self {
        Self {
            bytes: [0; CAPACITY_BYTES],
            read: 0,
            filled: 0,
            connection: Connection::ALL[0],
            client: ClientState::Gone,
            server: ServerState::Closed,
            reset: false,
            will_reset: false,
            status_flags: 0,
            timeouts: Timeouts { receiving: None, sending: None },
            shut_reading: false,
            shut_writing: false,
            answered: false,
        }
    }

    pub(super) fn client(&self) -> ClientState {
        self.client
    }

    pub(super) fn server(&self) -> ServerState {
        self.server
    }

    pub(super) fn connection(&self) -> Connection {
        self.connection
    }

    pub(super) fn will_reset(&self) -> bool {
        self.will_reset
    }

    /// Whether neither end uses it.
    pub(super) fn is_free(&self) -> bool {
        (self.client, self.server) == (ClientState::Gone, ServerState::Closed)
    }

    pub(super) fn open(&mut self, connection: Connection, will_reset: bool) {
        (self.connection, self.will_reset, self.reset) = (connection, will_reset, false);
        (self.read, self.filled) = (0, 0);
        (self.client, self.server) = (ClientState::Sending, ServerState::Unaccepted);
        (self.shut_reading, self.shut_writing, self.answered) = (false, false, false);
    }

    pub(super) fn accept(&mut self, nonblocking: bool) {
        self.server = ServerState::Open;
        self.status_flags = if nonblocking { libc::O_NONBLOCK } else { 0 };
        self.timeouts = Timeouts::default();
    }

    pub(super) fn timeouts(&self) -> Timeouts {
        self.timeouts
    }

    /// Returns the time limit that belongs to a socket option, if there is one.
    pub(super) fn timeout(&mut self, option: c_int) -> Option<&mut Option<Duration>> {
        match option {
            libc::SO_RCVTIMEO => Some(&mut self.timeouts.receiving),
            libc::SO_SNDTIMEO => Some(&mut self.timeouts.sending),
            _ => None,
        }
    }

    pub(super) fn send(&mut self, bytes: &[u8]) -> Option<usize> {
        if self.server == ServerState::Closed || self.shut_reading {
            return None;
        }
        if self.filled + bytes.len() > CAPACITY_BYTES {
            self.bytes.copy_within(self.read..self.filled, 0);
            self.filled -= self.read;
            self.read = 0;
        }
        let count = bytes.len().min(CAPACITY_BYTES - self.filled);
        self.bytes[self.filled..self.filled + count].copy_from_slice(&bytes[..count]);
        self.filled += count;
        Some(count)
    }

    pub(super) fn half_close(&mut self) {
        self.client = ClientState::HalfClosed;
    }

    /// Closes the client's end. Returns whether the connection was not accepted.
    pub(super) fn hang_up(&mut self) -> bool {
        self.client = ClientState::Gone;
        let unaccepted = self.server == ServerState::Unaccepted;
        if unaccepted {
            self.server = ServerState::Closed;
        }
        unaccepted
    }

    /// Closes the client's end with an error for the server. The bytes before it can still be read (tcp(7)).
    pub(super) fn reset(&mut self) -> bool {
        self.reset = true;
        self.hang_up()
    }

    /// Returns the pending error of the connection, once (socket(7), SO_ERROR).
    pub(super) fn take_error(&mut self) -> Option<Errno> {
        std::mem::take(&mut self.reset).then_some(Errno::CONNRESET)
    }

    /// Returns whether the server has answered since the last call, and whether it may answer more.
    pub(super) fn take_answered(&mut self) -> (bool, bool) {
        let open = self.server != ServerState::Closed && !self.shut_writing;
        (std::mem::take(&mut self.answered), open)
    }

    pub(super) fn unread(&self) -> &[u8] {
        &self.bytes[self.read..self.filled]
    }

    pub(super) fn consume(&mut self, count: usize) {
        self.read += count;
    }

    /// See [`super::receive`].
    ///
    /// # Safety
    /// The parts are the server's own buffers.
    pub(super) unsafe fn receive(&mut self, parts: &[Unaligned<iovec>], peek: bool) -> Result<usize, Errno> {
        if self.unread().is_empty() {
            return match self.take_error() {
                Some(error) => Err(error),
                None if self.client == ClientState::Sending && !self.shut_reading => Err(Errno::AGAIN),
                None => Ok(0),
            };
        }
        let mut left = self.unread();
        for part in parts.iter().map(Unaligned::get) {
            let count = part.iov_len.min(left.len());
            // SAFETY: the caller guarantees that the part is the server's buffer, so it does not overlap the stream.
            unsafe { user_memory::write_bytes(part.iov_base.cast::<u8>(), &left[..count]) }?;
            left = &left[count..];
        }
        let count = self.filled - self.read - left.len();
        if !peek {
            self.read += count;
        }
        Ok(count)
    }

    pub(super) fn is_writable(&self) -> bool {
        self.client != ClientState::Gone && !self.shut_writing
    }

    pub(super) fn record_answer(&mut self) {
        self.answered = true;
    }

    pub(super) fn shutdown(&mut self, reading: bool, writing: bool) {
        self.shut_reading |= reading;
        self.shut_writing |= writing;
    }

    pub(super) fn has_shut(&self) -> (bool, bool) {
        (self.shut_reading, self.shut_writing)
    }

    pub(super) fn is_nonblocking(&self) -> bool {
        self.status_flags & libc::O_NONBLOCK != 0
    }

    pub(super) fn set_nonblocking(&mut self, wanted: bool) {
        self.status_flags &= !libc::O_NONBLOCK;
        self.status_flags |= if wanted { libc::O_NONBLOCK } else { 0 };
    }

    pub(super) fn status_flags(&self) -> c_int {
        self.status_flags
    }

    pub(super) fn set_status_flags(&mut self, flags: c_int) {
        self.status_flags = flags & STATUS_FLAGS;
    }

    pub(super) fn close(&mut self) {
        self.server = ServerState::Closed;
    }

    /// Returns the events that the kernel reports for a UNIX-domain stream (net/unix/af_unix.c: unix_poll).
    pub(super) fn readiness(&self) -> u32 {
        let no_more_to_come = self.client != ClientState::Sending || self.shut_reading;
        let mut ready = libc::EPOLLOUT | libc::EPOLLWRNORM | libc::EPOLLWRBAND;
        if no_more_to_come || !self.unread().is_empty() {
            ready |= libc::EPOLLIN | libc::EPOLLRDNORM;
        }
        if no_more_to_come {
            ready |= libc::EPOLLRDHUP;
        }
        if self.reset {
            ready |= libc::EPOLLERR;
        }
        if self.client == ClientState::Gone || (no_more_to_come && self.shut_writing) {
            ready |= libc::EPOLLHUP;
        }
        ready as u32
    }
}

#[cfg(test)]
mod tests;
