//! Loop `afl`: the persistent loop of the runtime in the server's executable, the function behind
//! C's `__AFL_LOOP`. The process stops itself after every iteration; afl-fuzz lets it go on.

use super::Chunk;
use crate::afl::{self, Runtime};
use crate::report;

/// State of the loop.
#[derive(Debug)]
pub(in crate::driver) struct Afl {
    runtime: &'static Runtime,
    iterations: u32,
    /// Bytes of the current input that were sent.
    sent: usize,
}

impl Afl {
    /// Starts the forkserver, unless it runs already; returns in a child.
    pub(super) fn start(iterations: u32) -> Self {
        Self { runtime: afl::start_forkserver(), iterations, sent: 0 }
    }

    pub(super) fn begin(&mut self) {
        if !self.runtime.next_iteration(self.iterations) {
            // The forkserver starts a fresh process for the next input.
            report::exit(0);
        }
        self.sent = 0;
    }

    pub(super) fn chunk(&mut self) -> Chunk<'_> {
        match &self.runtime.input()[self.sent..] {
            [] => Chunk::End,
            rest => Chunk::Bytes(rest),
        }
    }

    pub(super) fn consume(&mut self, count: usize) {
        self.sent += count;
    }
}
