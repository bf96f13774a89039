//! State of one virtual connection: unread bytes, and which side has closed what.

use std::time::Duration;

use libc::{c_int, iovec};
use rustix::io::Errno;
use sockfuzz_protocol::session::Connection;

use crate::sys::user_memory::{self, Unaligned};

/// Bytes of input that may be unread at a time: the largest input that AFL++ hands over.
const CAPACITY_BYTES: usize = 1 << 20;

/// File status flags that a socket keeps (fcntl(2), F_SETFL); O_ASYNC makes it a real one.
const STATUS_FLAGS: c_int = libc::O_APPEND | libc::O_NONBLOCK | libc::O_NOATIME;

/// The connection. All zeroes is one that is over.
pub(super) struct MemoryStream {
    /// `bytes[read..filled]` is not read yet.
    bytes: [u8; CAPACITY_BYTES],
    read: usize,
    filled: usize,
    /// Its number in the session, while there is a client.
    connection: Connection,
    client: ClientState,
    server: ServerState,
    /// The client has reset the connection, and the server has not been told.
    reset: bool,
    /// The client will.
    will_reset: bool,
    /// Of [`STATUS_FLAGS`].
    status_flags: c_int,
    /// What the server has set (socket(7), SO_RCVTIMEO and SO_SNDTIMEO).
    timeouts: Timeouts,
    /// The server has shut down one direction or the other.
    shut_reading: bool,
    shut_writing: bool,
    answered: bool,
}

/// How long a call on a blocking connection may take, at most.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Timeouts {
    pub(super) receiving: Option<Duration>,
    pub(super) sending: Option<Duration>,
}

/// How far the client is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum ClientState {
    Gone = 0,
    Sending = 1,
    HalfClosed = 2,
}

/// How far the server is.
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

    /// Whether nobody uses it.
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

    /// The one that the option is about, if it is about any.
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

    /// Says whether nobody has accepted the connection.
    pub(super) fn hang_up(&mut self) -> bool {
        self.client = ClientState::Gone;
        let unaccepted = self.server == ServerState::Unaccepted;
        if unaccepted {
            self.server = ServerState::Closed;
        }
        unaccepted
    }

    /// The client goes, and says so by an error. What it has sent can still be read (tcp(7)).
    pub(super) fn reset(&mut self) -> bool {
        self.reset = true;
        self.hang_up()
    }

    /// What the server is to be told, once (socket(7), SO_ERROR).
    pub(super) fn take_error(&mut self) -> Option<Errno> {
        std::mem::take(&mut self.reset).then_some(Errno::CONNRESET)
    }

    /// Whether the server has answered since the last call, and whether it may go on.
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
            // SAFETY: the part is the server's by the caller's word, and not in the stream.
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

    /// As the kernel has it for a UNIX-domain stream (net/unix/af_unix.c: unix_poll).
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
