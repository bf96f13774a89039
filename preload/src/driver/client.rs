//! Client's end of an internal connection, over a socket or through memory. No operation blocks: the driver thread is a
//! thread of the server, which could not continue meanwhile.

use std::os::fd::{AsRawFd, OwnedFd};

use rustix::event::{PollFd, PollFlags};
use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags, Shutdown, recv, send, shutdown};

use super::drained::Drained;
use super::unread::UnreadByte;
use crate::memory_socket;
use crate::net::transport::{self, Target};
use crate::sys::fd;
use crate::sys::fd_table::Slot;

/// Outcome of an attempt to send bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sent {
    /// This many bytes were sent.
    Bytes(usize),
    /// No byte can be sent now: the buffer is full.
    Blocked,
    /// The server has closed or reset the connection.
    Refused,
}

/// Client's end of one connection. Dropping it closes this end.
#[derive(Debug)]
pub(super) struct ClientEnd {
    end: Channel,
    /// Slot of the connection in memory. Kept after a fallback to a socket: bytes that the server had not read by then
    /// are sent first.
    slot: Option<Slot>,
    will_reset: bool,
    is_tcp: bool,
    /// Byte that must stay unread, so that a UNIX-domain socket can reset the connection.
    unread: Option<UnreadByte>,
    /// What the server has written through memory, while it is read.
    written: Vec<u8>,
}

#[derive(Debug)]
enum Channel {
    Socket(OwnedFd),
    Memory(Slot),
}

impl ClientEnd {
    /// Returns the client's end of a connection over a socket.
    pub(super) fn over_socket(socket: OwnedFd, target: &Target, will_reset: bool) -> Self {
        let is_tcp = matches!(target, Target::Tcp(_));
        let unread = (will_reset && !is_tcp).then(UnreadByte::new);
        Self { end: Channel::Socket(socket), slot: None, will_reset, is_tcp, unread, written: Vec::new() }
    }

    /// Returns the client's end of a connection through memory.
    pub(super) fn through_memory(slot: Slot, will_reset: bool) -> Self {
        let unread = will_reset.then(UnreadByte::new);
        let end = Channel::Memory(slot);
        Self { end, slot: Some(slot), will_reset, is_tcp: false, unread, written: Vec::new() }
    }

    /// Switches to the socket if the connection has fallen back to transport `unix`.
    pub(super) fn follow(&mut self) {
        if let Some(slot) = self.slot
            && let Some(socket) = memory_socket::take_kernel_client(slot)
        {
            self.end = Channel::Socket(socket);
        }
    }

    pub(super) fn send(&self, bytes: &[u8]) -> Sent {
        let socket = match &self.end {
            Channel::Socket(socket) => socket,
            Channel::Memory(slot) => {
                return match memory_socket::send(*slot, bytes) {
                    Some(0) => Sent::Blocked,
                    Some(count) => Sent::Bytes(count),
                    None => Sent::Refused,
                };
            }
        };
        if let Some(slot) = self.slot {
            memory_socket::catch_up(slot, socket);
            if memory_socket::unread_len(slot) > 0 {
                return Sent::Blocked;
            }
        }
        match send(socket, bytes, SendFlags::NOSIGNAL) {
            Ok(count) => Sent::Bytes(count),
            Err(Errno::AGAIN | Errno::INTR) => Sent::Blocked,
            Err(_) => Sent::Refused,
        }
    }

    pub(super) fn half_close(&self) {
        match (&self.end, self.slot) {
            (_, Some(slot)) if self.is_in_memory() || memory_socket::unread_len(slot) > 0 => {
                memory_socket::half_close(slot)
            }
            // A failure means that the server has closed the connection first, which the next read reports.
            (Channel::Socket(socket), _) => drop(shutdown(socket, Shutdown::Write)),
            (Channel::Memory(_), _) => {}
        }
    }

    /// Reads the available bytes into `buffer` and passes them to `answer`. (Through memory, `answer` gets an empty
    /// slice if the server has answered, unless the client reads: its write has already recorded the bytes.)
    pub(super) fn drain(&mut self, buffer: &mut [u8], mut answer: impl FnMut(&[u8])) -> Drained {
        if let Some(slot) = self.slot {
            // After a fallback to a socket, too.
            memory_socket::take_written(slot, &mut self.written);
            if !self.written.is_empty() {
                answer(&self.written);
            }
        }
        let socket = match &self.end {
            Channel::Socket(socket) => socket,
            Channel::Memory(slot) => {
                let (answered, open) = memory_socket::take_answered(*slot);
                if answered && self.written.is_empty() {
                    answer(&[]);
                }
                return if open { Drained::Little } else { Drained::Ended };
            }
        };
        if let Some(slot) = self.slot
            && memory_socket::catch_up(slot, socket)
        {
            return Drained::Much;
        }
        if let Some(unread) = &mut self.unread {
            return unread.drain(socket, buffer, answer);
        }
        let mut total = 0;
        loop {
            match recv(socket, &mut *buffer, RecvFlags::DONTWAIT) {
                Ok((0, _)) => return Drained::Ended,
                Ok((count, _)) => {
                    answer(&buffer[..count]);
                    total += count;
                    if self.is_tcp {
                        transport::acknowledge(socket);
                    } else if count < buffer.len() {
                        return Drained::of(total);
                    }
                }
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => return Drained::of(total),
                Err(_) => return Drained::Ended,
            }
        }
    }

    /// Whether sent bytes have not reached the server's socket yet, which only happens over TCP.
    pub(super) fn is_in_flight(&self, half_closed: bool) -> bool {
        matches!(&self.end, Channel::Socket(socket) if self.is_tcp && transport::is_in_flight(socket, half_closed))
    }

    /// Whether the connection ends with a reset, which happens only when no process holds the client's end any more.
    pub(super) fn will_reset(&self) -> bool {
        self.will_reset
    }

    /// Closes the connection, even if a child process of the server has inherited the client's end.
    pub(super) fn close(self) {
        if let Channel::Socket(socket) = &self.end {
            let _closed_by_the_server = shutdown(socket, Shutdown::Both);
        }
    }

    /// Aborts the connection.
    pub(super) fn reset(mut self, answer: impl FnMut(&[u8])) {
        match (&self.end, &mut self.unread) {
            (Channel::Memory(slot), _) => memory_socket::reset(*slot),
            (Channel::Socket(socket), Some(unread)) => {
                unread.show(socket, answer);
                transport::set_reset_on_close(socket);
            }
            (Channel::Socket(socket), None) => transport::set_reset_on_close(socket),
        }
    }

    /// Returns a poll entry that is ready when more can be read; `None` through memory, where only the server waits.
    pub(super) fn readable(&self) -> Option<PollFd<'static>> {
        let Channel::Socket(socket) = &self.end else { return None };
        Some(PollFd::from_borrowed_fd(fd::borrow(socket.as_raw_fd()), PollFlags::IN))
    }

    fn is_in_memory(&self) -> bool {
        matches!(self.end, Channel::Memory(_))
    }
}

impl Drop for ClientEnd {
    fn drop(&mut self) {
        match (&self.end, self.slot) {
            (Channel::Memory(slot), _) => memory_socket::hang_up(*slot),
            (Channel::Socket(_), Some(slot)) => memory_socket::drop_unread(slot),
            (Channel::Socket(_), None) => {}
        }
    }
}
