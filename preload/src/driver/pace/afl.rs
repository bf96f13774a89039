//! Loop `afl`: the persistent loop of the runtime in the server's executable, the function behind
//! C's `__AFL_LOOP`. The process stops itself after every iteration; afl-fuzz lets it go on.

use sockfuzz_contract::{Clock, Options, Switch};

use super::{Chunk, warm_up};
use crate::afl::{self, Runtime, Seen};
use crate::{clock, idle, report};

/// State of the loop.
#[derive(Debug)]
pub(in crate::driver) struct Afl {
    options: &'static Options,
    stage: Stage,
    /// Bytes of the current input that were sent.
    sent: usize,
}

#[derive(Debug)]
enum Stage {
    /// This many requests are still to come before AFL++'s first input.
    WarmUp { left: usize },
    /// AFL++ is in charge.
    Fuzzing { runtime: &'static Runtime, seen: Option<Seen>, repeated: bool },
}

impl Afl {
    pub(super) fn new(options: &'static Options) -> Self {
        let left = match options.warm_up {
            Switch::On => warm_up::ROUNDS * warm_up::REQUESTS.len(),
            Switch::Off => 0,
        };
        Self { options, stage: Stage::WarmUp { left }, sent: 0 }
    }

    pub(super) fn begin(&mut self) {
        self.sent = 0;
        match &mut self.stage {
            Stage::WarmUp { left: 0 } => self.start(),
            Stage::WarmUp { left } => *left -= 1,
            Stage::Fuzzing { runtime, seen, repeated } => {
                let new = seen.as_mut().is_some_and(|seen| seen.add(runtime.coverage()));
                *repeated = new && !*repeated;
                if *repeated {
                    runtime.clear_coverage();
                } else {
                    next_iteration(runtime, self.options.iterations);
                }
            }
        }
    }

    /// The server is warm: starts the forkserver, and in its child the first iteration.
    fn start(&mut self) {
        let runtime = afl::start_forkserver();
        if self.options.clock == Clock::Virtual && idle::server_has_one_thread() {
            clock::freeze();
        }
        let seen = (self.options.settle == Switch::On).then(|| Seen::nothing(runtime));
        self.stage = Stage::Fuzzing { runtime, seen, repeated: false };
        next_iteration(runtime, self.options.iterations);
    }

    pub(super) fn chunk(&mut self) -> Chunk<'_> {
        let input = match self.stage {
            Stage::WarmUp { left } => warm_up::REQUESTS[left % warm_up::REQUESTS.len()],
            Stage::Fuzzing { runtime, .. } => runtime.input(),
        };
        match input.get(self.sent..) {
            None | Some([]) => Chunk::End,
            Some(rest) => Chunk::Bytes(rest),
        }
    }

    pub(super) fn consume(&mut self, count: usize) {
        self.sent += count;
    }

    /// Whether this iteration is one that AFL++ asked for.
    pub(super) fn counts(&self) -> bool {
        matches!(self.stage, Stage::Fuzzing { repeated: false, .. })
    }
}

/// Hands the iteration that has ended to AFL++ and waits for the next input. A process that has
/// run `iterations` of them ends here; the forkserver starts a fresh one.
fn next_iteration(runtime: &Runtime, iterations: u32) {
    if !runtime.next_iteration(iterations) {
        report::exit(0);
    }
}
