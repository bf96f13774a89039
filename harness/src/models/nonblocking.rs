//! Nonblocking service of one connection, which advances whenever its socket may be ready.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::{Duration, Instant};

use super::{IDLE_TIMEOUT, LINGER_TIMEOUT};
use crate::{Connection, Site};

/// Connection of a single-threaded server to one client.
#[derive(Debug)]
pub(super) struct Peer {
    stream: TcpStream,
    connection: Connection,
    /// Whether the last response is written and the server's side is closed, but not the client's.
    lingering: bool,
    deadline: Instant,
}

/// Readiness that a peer waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Interest {
    pub(super) read: bool,
    pub(super) write: bool,
}

impl Peer {
    /// Creates a peer for a nonblocking `stream`.
    pub(super) fn new(stream: TcpStream, site: Site) -> Self {
        // An error affects latency only.
        let _best_effort = stream.set_nodelay(true);
        Self {
            stream,
            connection: Connection::new(site),
            lingering: false,
            deadline: Instant::now() + IDLE_TIMEOUT,
        }
    }

    pub(super) fn stream(&self) -> &TcpStream {
        &self.stream
    }

    pub(super) fn interest(&self) -> Interest {
        Interest {
            read: self.lingering || self.connection.wants_input(),
            write: !self.connection.output().is_empty(),
        }
    }

    pub(super) fn deadline(&self) -> Instant {
        self.deadline
    }

    /// Reads and writes until both would block. Returns false if the connection is to be dropped.
    ///
    /// Edge-triggered readiness requires to continue until then. `buffer` is scratch space for reads.
    pub(super) fn advance(&mut self, buffer: &mut [u8]) -> bool {
        if !self.lingering {
            self.deadline = Instant::now() + IDLE_TIMEOUT;
        }
        // An error affects this connection only.
        self.try_advance(buffer).unwrap_or_else(|error| {
            if error.kind() == ErrorKind::ConnectionReset {
                self.connection.lost();
            }
            false
        })
    }

    fn try_advance(&mut self, buffer: &mut [u8]) -> io::Result<bool> {
        loop {
            let wrote = self.write()?;
            if self.connection.is_over() && !self.lingering {
                // Closing with unread input would make the kernel reset the connection, and the
                // client might lose the last response (RFC 9112, section 9.6).
                self.stream.shutdown(Shutdown::Write)?;
                self.lingering = true;
                self.deadline = Instant::now() + LINGER_TIMEOUT;
            }
            match self.read(buffer)? {
                Some(0) if self.lingering => return Ok(false),
                Some(0) => self.connection.finish(),
                Some(_) => {}
                None if wrote => {}
                None => return Ok(true),
            }
        }
    }

    /// Writes waiting output. Returns whether anything was written.
    fn write(&mut self) -> io::Result<bool> {
        let mut any = false;
        while !self.connection.output().is_empty() {
            let slices = self.connection.output().slices();
            match would_block(self.stream.write_vectored(&slices))? {
                Some(count) => self.connection.wrote(count),
                None => break,
            }
            any = true;
        }
        Ok(any)
    }

    /// Reads once. Returns `None` if nothing can or should be read, and 0 at the end.
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<Option<usize>> {
        if !self.interest().read {
            return Ok(None);
        }
        let count = would_block(self.stream.read(buffer))?;
        self.connection.feed(&buffer[..count.unwrap_or(0)]);
        Ok(count)
    }
}

fn would_block(result: io::Result<usize>) -> io::Result<Option<usize>> {
    match result {
        Ok(count) => Ok(Some(count)),
        Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(None),
        Err(error) => Err(error),
    }
}

/// Returns the milliseconds until the first of `deadlines`, as poll and epoll take them: rounded up, −1
/// without a deadline.
pub(super) fn timeout(deadlines: impl Iterator<Item = Instant>) -> i32 {
    deadlines.min().map_or(-1, |deadline| {
        let left = deadline.saturating_duration_since(Instant::now()) + Duration::from_micros(999);
        i32::try_from(left.as_millis()).unwrap_or(i32::MAX)
    })
}
