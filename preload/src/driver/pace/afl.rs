//! The loop: inputs come from AFL++, one after the other, as long as this process lives.

use sockfuzz_protocol::session::Connection;
use sockfuzz_protocol::{Clock, InputFormat, Options, Switch};

use super::leaks::Leaks;
use super::script::{Script, Task};
use super::settling::Settling;
use super::{Chunk, warm_up};
use crate::afl::{self, Answers, Instrumentation, Seen};
use crate::{children, clock, randomness, report, sanitizers};

/// State of the loop.
#[derive(Debug)]
pub(in crate::driver) struct Afl {
    instrumentation: &'static Instrumentation,
    /// What the server says on each connection.
    answers: Box<[Answers; Connection::COUNT]>,
    options: &'static Options,
    stage: Stage,
    /// How far the client has come in the current input.
    script: Script,
    /// Once the warm-up is over.
    leaks: Option<Leaks>,
}

#[derive(Debug)]
enum Stage {
    /// This many requests are still to come before AFL++'s first input.
    WarmUp { left: usize },
    /// AFL++ is in charge.
    Fuzzing { settling: Option<Settling> },
}

impl Afl {
    /// Starts the forkserver, unless it runs already; returns in a child of it. No connection may
    /// be open: the forkserver would share it with all its children.
    pub(super) fn start(options: &'static Options) -> Self {
        if options.clock == Clock::Virtual && !children::exist() {
            // Where it is not too late, before the fork, so that all children see the same time.
            clock::freeze();
        }
        let left = match options.warm_up {
            Switch::On => warm_up::ROUNDS * warm_up::REQUESTS.len(),
            Switch::Off => 0,
        };
        Self {
            instrumentation: afl::start_forkserver(),
            answers: Box::new([const { Answers::new() }; Connection::COUNT]),
            options,
            stage: Stage::WarmUp { left },
            script: Script::new(InputFormat::Raw),
            leaks: None,
        }
    }

    pub(super) fn begin(&mut self) {
        clock::note_iteration();
        randomness::rewind();
        match &mut self.stage {
            Stage::WarmUp { left: 0 } => {
                self.leaks = Some(Leaks::measure());
                self.next_iteration();
                // Not before it is this process's turn: until then, others learn.
                let settling = (self.options.rerun == Switch::On)
                    .then(|| Settling::new(Seen::of_earlier_processes(self.instrumentation)));
                self.stage = Stage::Fuzzing { settling };
            }
            Stage::WarmUp { left } => *left -= 1,
            Stage::Fuzzing { settling } => {
                let again = settling
                    .as_mut()
                    .is_some_and(|settling| settling.wants_repetition(self.instrumentation.coverage()));
                if again {
                    self.instrumentation.clear_coverage();
                } else {
                    self.next_iteration();
                }
            }
        }
        self.script = Script::new(match self.stage {
            Stage::WarmUp { .. } => InputFormat::Raw,
            Stage::Fuzzing { .. } => self.options.input,
        });
    }

    /// Hands the iteration that has ended to AFL++ and waits for the next input. A process that
    /// has run its share of iterations ends here; the forkserver starts a fresh one.
    fn next_iteration(&self) {
        if !afl::next_iteration(self.instrumentation, self.options.iterations) {
            self.leaks.iter().for_each(|leaks| leaks.report(self.options.iterations));
            sanitizers::look_for_leaks();
            report::exit(0);
        }
    }

    fn input(&self) -> &'static [u8] {
        match self.stage {
            Stage::WarmUp { left } => warm_up::REQUESTS[left % warm_up::REQUESTS.len()],
            Stage::Fuzzing { .. } => self.instrumentation.input(),
        }
    }

    pub(super) fn next_task(&mut self) -> Option<Task> {
        self.script.next(self.input())
    }

    pub(super) fn will_reset(&self, connection: Connection) -> bool {
        self.script.will_reset(self.input(), connection)
    }

    pub(super) fn chunk(&mut self) -> Chunk<'_> {
        match self.script.piece(self.input()) {
            [] => Chunk::End,
            piece => Chunk::Bytes(piece),
        }
    }

    pub(super) fn consume(&mut self, count: usize) {
        self.script.consume(count);
    }

    /// Whether the answers are what AFL++ learns from.
    pub(super) fn reads_answers(&self) -> bool {
        matches!(self.instrumentation, Instrumentation::Answers(_))
    }

    pub(super) fn answered(&mut self, connection: Connection, answer: &[u8]) {
        if let Instrumentation::Answers(map) = self.instrumentation {
            self.answers[connection.index()].read(answer, |seen| map.mark(seen));
        }
    }

    /// The server has closed the connection before the client half-closed it.
    pub(super) fn closed(&mut self, connection: Connection) {
        self.answers[connection.index()].close();
    }

    /// A connection is over for the client.
    pub(super) fn ended(&mut self, connection: Connection) {
        if let Instrumentation::Answers(map) = self.instrumentation {
            let mut answers = std::mem::replace(&mut self.answers[connection.index()], Answers::new());
            answers.end(|seen| map.mark(seen));
        }
    }

    /// Whether the current input was played before: nothing else was since.
    pub(super) fn repeats(&self) -> bool {
        matches!(&self.stage, Stage::Fuzzing { settling: Some(settling) } if settling.repeats())
    }

    /// Whether time passes at the end of this iteration. If some has passed in it, it goes on until what the
    /// server does from time to time is due at the same moments as before; and so it does once to begin
    /// with.
    pub(super) fn rests(&self) -> bool {
        self.options.advance_clock == Switch::On
            || clock::has_jumped()
            || matches!(self.stage, Stage::WarmUp { left: 0 })
    }

    /// Whether this iteration is one that AFL++ asked for.
    pub(super) fn counts(&self) -> bool {
        matches!(self.stage, Stage::Fuzzing { .. }) && !self.repeats()
    }
}
