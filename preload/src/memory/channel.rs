//! The state of one connection: what was sent and not read yet, and who has closed what.

use std::ptr;
use std::time::Duration;

use libc::{c_int, iovec};
use rustix::io::Errno;
use sockfuzz_protocol::session::Connection;

/// Bytes of input that may be unread at a time: the largest input that AFL++ hands over.
const ROOM: usize = 1 << 20;

/// The connection. All zeroes is one that is over.
pub(super) struct Channel {
    /// `bytes[read..filled]` is not read yet.
    bytes: [u8; ROOM],
    read: usize,
    filled: usize,
    /// Its number in the session, while there is a client.
    connection: Connection,
    client: Client,
    server: Server,
    /// The client has reset the connection, and the server has not been told.
    reset: bool,
    /// The client will.
    will_reset: bool,
    nonblocking: bool,
    /// What the server has set (socket(7), SO_RCVTIMEO and SO_SNDTIMEO).
    limits: Limits,
    /// The server has shut down one direction or the other.
    shut_reading: bool,
    shut_writing: bool,
    answered: bool,
}

/// How long a call on a blocking connection may take, at most.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Limits {
    pub(super) receiving: Option<Duration>,
    pub(super) sending: Option<Duration>,
}

/// How far the client is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Client {
    Gone = 0,
    Sending = 1,
    HalfClosed = 2,
}

/// How far the server is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Server {
    Closed = 0,
    Unaccepted = 1,
    Open = 2,
}

impl Channel {
    pub(super) const fn new() -> Self {
        Self {
            bytes: [0; ROOM],
            read: 0,
            filled: 0,
            connection: Connection::ALL[0],
            client: Client::Gone,
            server: Server::Closed,
            reset: false,
            will_reset: false,
            nonblocking: false,
            limits: Limits { receiving: None, sending: None },
            shut_reading: false,
            shut_writing: false,
            answered: false,
        }
    }

    pub(super) fn client(&self) -> Client {
        self.client
    }

    pub(super) fn server(&self) -> Server {
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
        (self.client, self.server) == (Client::Gone, Server::Closed)
    }

    pub(super) fn open(&mut self, connection: Connection, will_reset: bool) {
        (self.connection, self.will_reset, self.reset) = (connection, will_reset, false);
        (self.read, self.filled) = (0, 0);
        (self.client, self.server) = (Client::Sending, Server::Unaccepted);
        (self.shut_reading, self.shut_writing, self.answered) = (false, false, false);
    }

    pub(super) fn accept(&mut self, nonblocking: bool) {
        self.server = Server::Open;
        self.nonblocking = nonblocking;
        self.limits = Limits::default();
    }

    pub(super) fn limits(&self) -> Limits {
        self.limits
    }

    /// The one that the option is about, if it is about any.
    pub(super) fn limit(&mut self, option: c_int) -> Option<&mut Option<Duration>> {
        match option {
            libc::SO_RCVTIMEO => Some(&mut self.limits.receiving),
            libc::SO_SNDTIMEO => Some(&mut self.limits.sending),
            _ => None,
        }
    }

    pub(super) fn send(&mut self, bytes: &[u8]) -> Option<usize> {
        if self.server == Server::Closed || self.shut_reading {
            return None;
        }
        if self.filled + bytes.len() > ROOM {
            self.bytes.copy_within(self.read..self.filled, 0);
            self.filled -= self.read;
            self.read = 0;
        }
        let count = bytes.len().min(ROOM - self.filled);
        self.bytes[self.filled..self.filled + count].copy_from_slice(&bytes[..count]);
        self.filled += count;
        Some(count)
    }

    pub(super) fn half_close(&mut self) {
        self.client = Client::HalfClosed;
    }

    /// Says whether nobody has accepted the connection.
    pub(super) fn hang_up(&mut self) -> bool {
        self.client = Client::Gone;
        let unaccepted = self.server == Server::Unaccepted;
        if unaccepted {
            self.server = Server::Closed;
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
        let open = self.server != Server::Closed && !self.shut_writing;
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
    /// The parts are writable.
    pub(super) unsafe fn receive(&mut self, parts: &[iovec], peek: bool) -> Result<usize, Errno> {
        if self.unread().is_empty() {
            return match self.take_error() {
                Some(error) => Err(error),
                None if self.client == Client::Sending && !self.shut_reading => Err(Errno::AGAIN),
                None => Ok(0),
            };
        }
        let mut left = self.unread();
        for part in parts {
            let count = part.iov_len.min(left.len());
            // SAFETY: within the part, given by the caller, and within what is unread.
            unsafe { ptr::copy_nonoverlapping(left.as_ptr(), part.iov_base.cast::<u8>(), count) };
            left = &left[count..];
        }
        let count = self.filled - self.read - left.len();
        if !peek {
            self.read += count;
        }
        Ok(count)
    }

    pub(super) fn is_writable(&self) -> bool {
        self.client != Client::Gone && !self.shut_writing
    }

    pub(super) fn note_answer(&mut self) {
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
        self.nonblocking
    }

    pub(super) fn set_nonblocking(&mut self, wanted: bool) {
        self.nonblocking = wanted;
    }

    pub(super) fn close(&mut self) {
        self.server = Server::Closed;
    }

    /// As the kernel has it for a UNIX-domain stream (net/unix/af_unix.c: unix_poll).
    pub(super) fn readiness(&self) -> u32 {
        let no_more_to_come = self.client != Client::Sending || self.shut_reading;
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
        if self.client == Client::Gone || (no_more_to_come && self.shut_writing) {
            ready |= libc::EPOLLHUP;
        }
        ready as u32
    }
}

#[cfg(test)]
mod tests {
    use std::alloc::Layout;

    use super::*;

    fn channel() -> Box<Channel> {
        // SAFETY: all zeroes is a channel, which is too large for a test's stack.
        let mut channel: Box<Channel> =
            unsafe { Box::from_raw(std::alloc::alloc_zeroed(Layout::new::<Channel>()).cast()) };
        channel.open(Connection::ALL[0], false);
        channel.accept(false);
        channel
    }

    fn receive(channel: &mut Channel, room: usize, peek: bool) -> Result<Vec<u8>, Errno> {
        let mut buffer = vec![0; room];
        let part = iovec { iov_base: buffer.as_mut_ptr().cast(), iov_len: room };
        // SAFETY: the part is the buffer.
        let count = unsafe { channel.receive(&[part], peek) }?;
        buffer.truncate(count);
        Ok(buffer)
    }

    #[test]
    fn bytes_arrive_in_order_and_then_the_end() {
        let mut channel = channel();
        assert_eq!(receive(&mut channel, 4, false), Err(Errno::AGAIN));
        assert_eq!(channel.send(b"hello"), Some(5));
        assert_eq!(receive(&mut channel, 2, true).as_deref(), Ok(&b"he"[..]));
        assert_eq!(receive(&mut channel, 4, false).as_deref(), Ok(&b"hell"[..]));
        channel.half_close();
        assert_eq!(receive(&mut channel, 4, false).as_deref(), Ok(&b"o"[..]));
        assert_eq!(receive(&mut channel, 4, false).as_deref(), Ok(&b""[..]));
    }

    #[test]
    fn a_full_channel_takes_what_was_read() {
        let mut channel = channel();
        assert_eq!(channel.send(&vec![1; ROOM]), Some(ROOM));
        assert_eq!(channel.send(&[2; 3]), Some(0));
        assert_eq!(receive(&mut channel, 2, false).as_deref(), Ok(&[1, 1][..]));
        assert_eq!(channel.send(&[2; 3]), Some(2));
        assert_eq!(receive(&mut channel, ROOM, false).map(|all| all.ends_with(&[1, 2, 2])), Ok(true));
    }

    #[test]
    fn readiness_is_that_of_a_stream() {
        let has = |channel: &Channel, events: i32| channel.readiness() & events as u32 == events as u32;
        let mut channel = channel();
        assert!(has(&channel, libc::EPOLLOUT) && !has(&channel, libc::EPOLLIN));
        channel.half_close();
        assert!(has(&channel, libc::EPOLLIN | libc::EPOLLRDHUP) && !has(&channel, libc::EPOLLHUP));
        channel.shutdown(false, true);
        assert!(has(&channel, libc::EPOLLHUP));
        assert!(!channel.is_writable());
    }

    #[test]
    fn a_reset_is_told_once_and_after_what_was_sent() {
        let mut channel = channel();
        channel.send(b"half");
        assert!(!channel.reset());
        let errors = |channel: &Channel| channel.readiness() & libc::EPOLLERR as u32 != 0;
        let all = (libc::EPOLLIN | libc::EPOLLHUP | libc::EPOLLRDHUP | libc::EPOLLERR) as u32;
        assert_eq!(channel.readiness() & all, all);
        assert_eq!(receive(&mut channel, 9, false).as_deref(), Ok(&b"half"[..]));
        assert_eq!(receive(&mut channel, 9, false), Err(Errno::CONNRESET));
        assert_eq!(receive(&mut channel, 9, false).as_deref(), Ok(&b""[..]));
        assert!(!errors(&channel));
    }

    #[test]
    fn what_nobody_accepts_is_over_when_the_client_goes() {
        let mut channel = channel();
        assert!(!channel.hang_up());
        channel.open(Connection::ALL[0], false);
        assert!(channel.hang_up());
        assert_eq!(channel.send(b"x"), None);
    }
}
