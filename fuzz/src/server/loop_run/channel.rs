//! Pipes between an AFL++ tool and a forkserver, and what they say to each other (AFL++: src/afl-forkserver.c,
//! "The new fork server model").

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::Result;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::{Errno, read, write};
use rustix::pipe::{PipeFlags, pipe_with};

use crate::util::interrupt;

/// Numbers of the pipes in the server (AFL++ config.h: FORKSRV_FD).
const SERVERS_PIPES: [i32; 2] = [198, 199];

/// "AFL" and the version of the protocol (AFL++ types.h: FS_NEW_VERSION_MAX).
const VERSION: u32 = 0x4146_4c01;

/// Option of the handshake: a dictionary follows (types.h: FS_NEW_OPT_AUTODICT).
const OPTION_DICTIONARY: u32 = 0x800;

/// Option of the handshake: the size of the coverage map follows (types.h: FS_NEW_OPT_MAPSIZE).
const OPTION_MAP_SIZE: u32 = 0x1;

/// Interval at which a wait checks for an interruption by the user.
const CHECK_INTERVAL: Timespec = Timespec { tv_sec: 0, tv_nsec: 100_000_000 };

/// This process's ends of the pipes.
#[derive(Debug)]
pub(super) struct Channel {
    requests: OwnedFd,
    answers: OwnedFd,
}

/// Result of a wait for a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Word {
    /// The server has sent this.
    Received(u32),
    /// The time is over.
    Late,
    /// The forkserver has ended.
    Closed,
}

impl Channel {
    /// Creates the pipes, and gives the command their other ends.
    pub(super) fn open(command: &mut Command) -> io::Result<Self> {
        let (servers_requests, requests) = pipe_with(PipeFlags::CLOEXEC)?;
        let (answers, servers_answers) = pipe_with(PipeFlags::CLOEXEC)?;
        // SAFETY: the closure is async-signal-safe: it makes two system calls, and does not allocate.
        unsafe {
            command.pre_exec(move || {
                for (end, number) in [&servers_requests, &servers_answers].into_iter().zip(SERVERS_PIPES) {
                    if libc::dup2(end.as_raw_fd(), number) < 0 {
                        return Err(io::Error::last_os_error());
                    }
                }
                Ok(())
            });
        }
        Ok(Self { requests, answers })
    }

    /// Does the handshake. Returns the size of the coverage map if the server is a forkserver that speaks this version; 0 if
    /// it does not tell the size.
    pub(super) fn handshake(&self, deadline: Instant) -> Result<Option<usize>> {
        if self.receive(deadline)? != Word::Received(VERSION) || !self.send(!VERSION) {
            return Ok(None);
        }
        let Word::Received(options) = self.receive(deadline)? else { return Ok(None) };
        let mut map_bytes = 0;
        if options & OPTION_MAP_SIZE != 0
            && let Word::Received(bytes) = self.receive(deadline)?
        {
            map_bytes = bytes as usize;
        }
        if options & OPTION_DICTIONARY != 0
            && let Word::Received(len) = self.receive(deadline)?
        {
            let mut dictionary = vec![0; len as usize];
            self.receive_bytes(&mut dictionary, deadline)?;
        }
        Ok((self.receive(deadline)? == Word::Received(VERSION)).then_some(map_bytes))
    }

    /// Sends a word. Returns `false` if the forkserver has ended.
    pub(super) fn send(&self, word: u32) -> bool {
        loop {
            match write(&self.requests, &word.to_ne_bytes()) {
                Err(Errno::INTR) => {}
                result => return result.is_ok(),
            }
        }
    }

    /// Waits for a word.
    ///
    /// # Errors
    /// When the user interrupts.
    pub(super) fn receive(&self, deadline: Instant) -> Result<Word> {
        let mut word = [0; size_of::<u32>()];
        let result = self.receive_bytes(&mut word, deadline)?;
        Ok(if let Word::Received(_) = result { Word::Received(u32::from_ne_bytes(word)) } else { result })
    }

    fn receive_bytes(&self, bytes: &mut [u8], deadline: Instant) -> Result<Word> {
        let mut len = 0;
        while len < bytes.len() {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(Word::Late);
            }
            interrupt::check()?;
            let interval = Timespec::try_from(left).map_or(CHECK_INTERVAL, |left| left.min(CHECK_INTERVAL));
            if poll(&mut [PollFd::new(&self.answers, PollFlags::IN)], Some(&interval)).unwrap_or(0) == 0 {
                continue;
            }
            match read(&self.answers, &mut bytes[len..]) {
                Ok(0) => return Ok(Word::Closed),
                Ok(count) => len += count,
                Err(Errno::INTR | Errno::AGAIN) => {}
                Err(_) => return Ok(Word::Closed),
            }
        }
        Ok(Word::Received(0))
    }
}

/// Returns the moment after this time.
pub(super) fn after(time: Duration) -> Instant {
    Instant::now() + time
}
