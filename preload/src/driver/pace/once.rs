//! A single run: stdin goes to the server, its answer to stdout, and then the process ends.

use std::os::fd::BorrowedFd;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

use super::Chunk;
use crate::{clock, report, stdio};

/// State of the single run.
#[derive(Debug)]
pub(in crate::driver) struct Once {
    /// Read from stdin and not sent yet: `chunk[sent..]`.
    chunk: Vec<u8>,
    sent: usize,
    ended: bool,
    linger: Duration,
    /// When patience with a server that keeps the connection open ends.
    deadline: Option<Duration>,
}

/// Bytes read from stdin at a time.
const CHUNK: usize = 64 * 1024;

impl Once {
    pub(super) fn new(linger_ms: u32) -> Self {
        Self {
            chunk: Vec::with_capacity(CHUNK),
            sent: 0,
            ended: false,
            linger: Duration::from_millis(linger_ms.into()),
            deadline: None,
        }
    }

    pub(super) fn chunk(&mut self) -> Chunk<'_> {
        if self.sent == self.chunk.len() && !self.ended {
            let Some(input) = stdio::input() else {
                self.ended = true;
                return Chunk::End;
            };
            if !is_ready(input) {
                return Chunk::Later(PollFd::from_borrowed_fd(input, PollFlags::IN));
            }
            self.refill(input);
        }
        if self.ended { Chunk::End } else { Chunk::Bytes(&self.chunk[self.sent..]) }
    }

    fn refill(&mut self, input: BorrowedFd<'_>) {
        self.chunk.resize(CHUNK, 0);
        self.sent = 0;
        let count = loop {
            match rustix::io::read(input, &mut self.chunk[..]) {
                Err(Errno::INTR) => {}
                Err(Errno::BADF) => break 0,
                Err(error) => report::fatal(format_args!("reading the input from stdin failed: {error}")),
                Ok(count) => break count,
            }
        };
        self.chunk.truncate(count);
        self.ended = count == 0;
    }

    pub(super) fn consume(&mut self, count: usize) {
        self.sent += count;
    }

    pub(super) fn answered(&mut self, answer: &[u8]) {
        self.deadline = None;
        stdio::answer(answer);
    }

    pub(super) fn linger(&mut self) -> Option<Duration> {
        let now = clock::real_now();
        let deadline = *self.deadline.get_or_insert(now + self.linger);
        deadline.checked_sub(now).filter(|left| !left.is_zero())
    }
}

/// Whether a read would return at once. A file or a closed pipe is always ready.
fn is_ready(input: BorrowedFd<'_>) -> bool {
    let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
    poll(&mut [PollFd::from_borrowed_fd(input, PollFlags::IN)], Some(&at_once)) != Ok(0)
}
