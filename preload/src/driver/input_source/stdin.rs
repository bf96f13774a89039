//! Input source of a single run: sends stdin to the server, writes its answer to stdout, and then ends the process. In
//! a batch, one process answers several inputs in turn.

use std::ops::Range;
use std::os::fd::BorrowedFd;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use sockfuzz_protocol::session::Connection;
use sockfuzz_protocol::{InputFormat, Options, Switch, batch};

use super::Chunk;
use super::playback::{ClientStep, Playback};
use crate::determinism::clock;
use crate::history::signal_stack::SignalStack;
use crate::history::{crash_site, crash_stack};
use crate::sys::{answer_output, report, stdio};
use crate::{sandbox, source_coverage};

/// State of the single run.
#[derive(Debug)]
pub(in crate::driver) struct StdinSource {
    input: InputFormat,
    /// Whether stdin holds a batch of inputs.
    is_batch: bool,
    /// For a single raw input, bytes read from stdin, of which those from `sent` on are unsent. Otherwise all of stdin.
    bytes: Vec<u8>,
    sent: usize,
    /// Range of the current input in `bytes`, once all of stdin was read.
    current: Range<usize>,
    ended: bool,
    playback: Playback,
    linger: Duration,
    /// End of the wait for a server that keeps the connection open; `None` before it begins.
    deadline: Option<Duration>,
}

/// Bytes read from stdin at a time.
const READ_BYTES: usize = 64 * 1024;

impl StdinSource {
    pub(super) fn new(options: &Options) -> Self {
        sandbox::limit_memory(options);
        Self {
            input: options.input,
            is_batch: options.batch == Switch::On,
            bytes: Vec::with_capacity(READ_BYTES),
            sent: 0,
            current: 0..0,
            ended: false,
            playback: Playback::new(options.input, &[]),
            linger: Duration::from_millis(options.linger_ms.into()),
            deadline: None,
        }
    }

    /// Whether all of stdin must be read first. In a session, the meaning of a step may depend on the next byte.
    fn is_read_ahead(&self) -> bool {
        self.is_batch || self.input == InputFormat::Session
    }

    pub(super) fn await_input(&mut self) -> Option<PollFd<'static>> {
        while self.is_read_ahead() && !self.ended {
            let source = self.read_on();
            if source.is_some() {
                return source;
            }
        }
        None
    }

    /// Begins the only input, or the next one of a batch.
    pub(super) fn begin(&mut self) {
        if crash_stack::is_wanted() {
            // It stays until the process ends.
            SignalStack::install();
        }
        if source_coverage::is_on() || crash_stack::is_wanted() {
            crash_site::install();
        }
        self.deadline = None;
        let rest = self.current.end;
        self.current = match batch::first(&self.bytes[rest..]) {
            Some((input, taken)) if self.is_batch => rest + taken - input.len()..rest + taken,
            _ => 0..self.bytes.len(),
        };
        self.playback = Playback::new(self.input, &self.bytes[self.current.clone()]);
    }

    /// Whether another input of a batch follows.
    pub(super) fn has_next(&self) -> bool {
        self.is_batch && batch::first(&self.bytes[self.current.end..]).is_some()
    }

    /// Ends the input. Ends the process after the last one.
    pub(super) fn finish(&self) {
        if self.is_batch {
            answer_output::end_input();
        }
        if self.has_next() {
            source_coverage::save();
        } else {
            source_coverage::save_at_end();
            report::exit(0);
        }
    }

    pub(super) fn next_step(&mut self) -> Option<ClientStep> {
        self.playback.next(&self.bytes[self.current.clone()])
    }

    pub(super) fn will_reset(&self, connection: Connection) -> bool {
        self.playback.will_reset(&self.bytes[self.current.clone()], connection)
    }

    pub(super) fn chunk(&mut self) -> Chunk<'_> {
        if self.is_read_ahead() {
            return match self.playback.unsent(&self.bytes[self.current.clone()]) {
                [] => Chunk::End,
                unsent => Chunk::Bytes(unsent),
            };
        }
        if self.sent == self.bytes.len() && !self.ended {
            self.bytes.clear();
            self.sent = 0;
            if let Some(source) = self.read_on() {
                return Chunk::Pending(source);
            }
        }
        if self.ended { Chunk::End } else { Chunk::Bytes(&self.bytes[self.sent..]) }
    }

    pub(super) fn consume(&mut self, count: usize) {
        if self.is_read_ahead() {
            self.playback.consume(count);
        } else {
            self.sent += count;
        }
    }

    /// Reads more of stdin. Returns the descriptor to wait for if nothing can be read now.
    fn read_on(&mut self) -> Option<PollFd<'static>> {
        let Some(input) = stdio::input() else {
            self.ended = true;
            return None;
        };
        if !is_ready(input) {
            return Some(PollFd::from_borrowed_fd(input, PollFlags::IN));
        }
        let before = self.bytes.len();
        self.bytes.resize(before + READ_BYTES, 0);
        let count = loop {
            match rustix::io::read(input, &mut self.bytes[before..]) {
                Err(Errno::INTR) => {}
                Err(Errno::BADF) => break 0,
                Err(error) => report::fatal(format_args!("reading the input from stdin failed: {error}")),
                Ok(count) => break count,
            }
        };
        self.bytes.truncate(before + count);
        self.ended = count == 0;
        None
    }

    pub(super) fn answered(&mut self, connection: Connection, answer: &[u8]) {
        self.deadline = None;
        answer_output::write(connection, answer);
    }

    pub(super) fn begin_linger(&mut self) {
        self.deadline = None;
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
