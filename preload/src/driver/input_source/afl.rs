//! Input source of the loop: AFL++ provides inputs, one after the other, until this process ends.

use std::time::Duration;

use sockfuzz_protocol::session::Connection;
use sockfuzz_protocol::{Clock, Counter, InputFormat, Options, Switch};

use super::leaks::LeakWatch;
use super::playback::{ClientStep, Playback};
use super::rerun::Rerun;
use super::trial_requests::TrialRequests;
use super::{Chunk, warm_up};
use crate::afl::{Instrumentation, ResponseParser, TouchedBlocks, VirginMap, forkserver};
use crate::afl_loop;
use crate::determinism::{clock, hash_keys, pseudo_random, randomness};
use crate::driver::leak_sanitizer;
use crate::history;
use crate::process::children;
use crate::sandbox;
use crate::sys::{answer_digest, report};
use crate::transport_trial;

/// Represents the close of a connection by the server in a digest.
const CLOSED: &[u8] = b"\0closed";

/// State of the loop.
#[derive(Debug)]
pub(in crate::driver) struct AflSource {
    instrumentation: &'static Instrumentation,
    /// Parsers of the server's answers, one per connection.
    answers: Box<[ResponseParser; Connection::COUNT]>,
    options: &'static Options,
    stage: LoopStage,
    /// Position of the client in the current input.
    playback: Playback,
    /// Blocks of the coverage map that the last iteration has left not empty.
    touched: TouchedBlocks,
    /// `None` until the warm-up is over.
    leaks: Option<LeakWatch>,
}

#[derive(Debug)]
enum LoopStage {
    /// Comparison of transports, in a process that serves no input of AFL++.
    Trial(Box<TrialRequests>),
    /// Before AFL++'s first input: this many warm-up requests are left.
    WarmUp { left: usize },
    /// Inputs come from AFL++.
    Fuzzing { rerun: Option<Rerun> },
}

impl AflSource {
    /// Starts the forkserver unless it runs already, and returns in a child of it. No connection may be open: the
    /// forkserver would share it with all its children.
    pub(super) fn start(options: &'static Options) -> Self {
        if options.clock == Clock::Virtual && !children::any() {
            // Before the fork, so that all children see the same time. A server that has forked keeps the real clock.
            clock::freeze();
        }
        let instrumentation = afl_loop::start();
        let stage = match options.warm_up {
            _ if transport_trial::is_copy() => LoopStage::Trial(Box::new(TrialRequests::new())),
            Switch::On if !forkserver::leaves_out_warm_up() => {
                LoopStage::WarmUp { left: warm_up::ROUNDS * warm_up::REQUESTS.len() }
            }
            _ => LoopStage::WarmUp { left: 0 },
        };
        Self {
            instrumentation,
            answers: Box::new([const { ResponseParser::new() }; Connection::COUNT]),
            options,
            stage,
            playback: Playback::new(InputFormat::Raw, &[]),
            touched: TouchedBlocks::default(),
            leaks: None,
        }
    }

    pub(super) fn begin(&mut self) {
        clock::begin_iteration();
        randomness::rewind();
        pseudo_random::restore();
        hash_keys::restore();
        match &mut self.stage {
            LoopStage::Trial(requests) => requests.begin(),
            LoopStage::WarmUp { left: 0 } => {
                sandbox::limit_memory(self.options);
                let leaks = LeakWatch::begin(u64::from(self.options.memory_mib) << 20);
                pseudo_random::save();
                hash_keys::save();
                self.next_iteration();
                self.leaks = Some(leaks);
                // Only now, when it is this process's turn: its predecessors report coverage until then.
                let time_limit = Duration::from_millis(self.options.time_limit_ms.into());
                let rerun = (self.options.rerun == Switch::On)
                    .then(|| Rerun::new(VirginMap::inherited(self.instrumentation.map_len()), time_limit));
                self.stage = LoopStage::Fuzzing { rerun };
            }
            LoopStage::WarmUp { left } => *left -= 1,
            LoopStage::Fuzzing { rerun } => {
                self.instrumentation.deliver_coverage(&mut self.touched);
                let coverage = self.instrumentation.coverage();
                let again = rerun
                    .as_mut()
                    .is_some_and(|rerun| rerun.is_needed(coverage, &self.touched, afl_loop::iteration_time));
                if again {
                    self.instrumentation.clear_coverage();
                } else {
                    self.next_iteration();
                }
            }
        }
        if matches!(self.stage, LoopStage::Fuzzing { .. }) {
            history::record(self.instrumentation.input());
        }
        self.leaks.iter_mut().for_each(LeakWatch::count);
        let format = match self.stage {
            LoopStage::Trial(_) | LoopStage::WarmUp { .. } => InputFormat::Raw,
            LoopStage::Fuzzing { .. } => self.options.input,
        };
        self.playback = Playback::new(format, self.input());
    }

    /// Reports the iteration that has ended to AFL++ and waits for the next input. Ends a process that has run its
    /// share of iterations, or has leaked too much; the forkserver starts a new one.
    fn next_iteration(&mut self) {
        let has_too_much = self.leaks.as_mut().is_some_and(LeakWatch::has_too_much);
        if has_too_much {
            report::status().add(Counter::EarlyEnds, 1);
        }
        if has_too_much || !afl_loop::next_iteration(self.instrumentation, self.options.iterations) {
            self.leaks.iter().for_each(LeakWatch::report);
            leak_sanitizer::check();
            report::exit(0);
        }
    }

    fn input(&self) -> &'static [u8] {
        match &self.stage {
            LoopStage::Trial(requests) => requests.request(),
            LoopStage::WarmUp { left } => warm_up::REQUESTS[left % warm_up::REQUESTS.len()],
            LoopStage::Fuzzing { .. } => self.instrumentation.input(),
        }
    }

    pub(super) fn next_step(&mut self) -> Option<ClientStep> {
        self.playback.next(self.input())
    }

    pub(super) fn will_reset(&self, connection: Connection) -> bool {
        self.playback.will_reset(self.input(), connection)
    }

    pub(super) fn chunk(&mut self) -> Chunk<'_> {
        match self.playback.unsent(self.input()) {
            [] => Chunk::End,
            unsent => Chunk::Bytes(unsent),
        }
    }

    pub(super) fn consume(&mut self, count: usize) {
        self.playback.consume(count);
    }

    /// Whether the answers are read: as AFL++'s coverage, for a comparison, or for references to them.
    pub(super) fn reads_answers(&self) -> bool {
        matches!(self.instrumentation, Instrumentation::Responses(_))
            || matches!(self.stage, LoopStage::Trial(_))
            || self.playback.has_references()
    }

    pub(super) fn answered(&mut self, connection: Connection, answer: &[u8]) {
        if matches!(self.stage, LoopStage::Trial(_)) {
            answer_digest::add(answer);
        }
        if let Instrumentation::Responses(map) = self.instrumentation {
            self.answers[connection.index()].read(answer, |seen| map.mark(seen));
        }
    }

    /// Records that the server has closed the connection before the client half-closed it.
    pub(super) fn closed(&mut self, connection: Connection) {
        if matches!(self.stage, LoopStage::Trial(_)) {
            answer_digest::add(CLOSED);
        }
        self.answers[connection.index()].close();
    }

    /// Completes the answers on a connection that the client has closed.
    pub(super) fn ended(&mut self, connection: Connection) {
        if let Instrumentation::Responses(map) = self.instrumentation {
            let mut answers = std::mem::replace(&mut self.answers[connection.index()], ResponseParser::new());
            answers.end(|seen| map.mark(seen));
        }
    }

    /// Whether the current input is run again, with no other input in between.
    pub(super) fn is_rerun(&self) -> bool {
        matches!(&self.stage, LoopStage::Fuzzing { rerun: Some(rerun) } if rerun.is_rerun())
    }

    /// Whether the virtual clock advances at the end of this iteration. If it has advanced during the iteration, it
    /// must advance to the end of a period, so that the server's periodic work is due at the same moments as before.
    /// The end of the warm-up needs this, too.
    pub(super) fn advances_clock(&self) -> bool {
        self.options.advance_clock == Switch::On
            || clock::has_advanced()
            || matches!(self.stage, LoopStage::WarmUp { left: 0 })
    }

    /// Whether the current input is one of AFL++'s.
    pub(super) fn is_users(&self) -> bool {
        matches!(self.stage, LoopStage::Fuzzing { .. })
    }

    /// Whether AFL++ has requested this iteration: it is neither a part of the warm-up nor a rerun.
    pub(super) fn is_counted(&self) -> bool {
        self.is_users() && !self.is_rerun()
    }
}
