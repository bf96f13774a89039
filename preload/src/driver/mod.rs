//! The driver: plays the client of one session, one step at a time, whenever the server is idle.
//!
//! A raw input is the shortest session: connect, send everything. At the end of every session the
//! client half-closes its connections, reads to their ends, and closes them. Each step is taken only
//! when the server has nothing left to do, so the server sees the same thing at the same moment in
//! every run.

mod client;
mod dead_accept;
mod ending;
mod pace;
mod playing;
mod unread;

use std::time::Duration;

use rustix::event::PollFd;
use rustix::io::Errno;
use sockfuzz_protocol::session::{Action, Connection};
use sockfuzz_protocol::{Counter, Phase};

use crate::{backlog, children, listener, memory, report, transport};

use client::{Client, Drained};
use dead_accept::Culprit;
use pace::{Pacer, Task};

/// Idle rounds that a server is given to accept a connection, or to close one that the client has
/// hung up on, before the iteration ends without it.
const PATIENCE: u32 = 8;

/// The same for an answer that a child process may still give: a hundred milliseconds or so.
const PATIENCE_WITH_CHILDREN: u32 = 50;

/// Bytes of an answer that are read at a time. Here rather than on a stack: the server's may be
/// small.
const SCRATCH: usize = 64 * 1024;

/// What the driver did, and so what the idle call does next.
#[derive(Debug)]
pub(crate) enum Step {
    /// Something that may have given the server work.
    Acted,
    /// Nothing: the next step depends on one of these descriptors, or on the limit.
    Sleep { until: Vec<PollFd<'static>>, limit: Option<Duration> },
    /// Nothing, and only a timer of the server's own can change that.
    LetTimePass,
    /// Nothing, and if the server waits for a timer, this is the moment for it.
    Rest,
}

/// Where in the session the client is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Between two iterations; or time passes at the end of one.
    Between,
    /// Taking the steps of the input; most of them send.
    Playing,
    /// All steps are taken; the connections that are left end, one after the other.
    Ending,
    /// Everything is sent on the current connection and said to be all; the answer may go on.
    HalfClosed,
    /// The client is gone; the server may still have to notice.
    HungUp,
    /// A single run is over, but for the question whether the server accepts another connection.
    Probing,
}

/// A connection that the client has open.
#[derive(Debug)]
struct Line {
    client: Client,
    /// How many connections there had been when it was made.
    number: u32,
    half_closed: bool,
    /// The server has half-closed, closed or reset.
    ended: bool,
    /// An idle server with a full socket: it does not want the rest.
    stuck: bool,
}

/// State of the client.
#[derive(Debug)]
pub(crate) struct Driver {
    stage: Stage,
    pacer: Option<Pacer>,
    lines: [Option<Line>; Connection::COUNT],
    /// The connection of the last step.
    current: Connection,
    /// Connections that were made, all in all.
    made: u32,
    /// Idle rounds in a row without progress.
    rounds: u32,
    /// Rounds in a row in which something was on its way.
    in_flight: u32,
    accepting: dead_accept::Watch,
    scratch: [u8; SCRATCH],
}

impl Driver {
    pub(crate) const fn new() -> Self {
        Self {
            stage: Stage::Between,
            pacer: None,
            lines: [const { None }; Connection::COUNT],
            current: Connection::ALL[0],
            made: 0,
            rounds: 0,
            in_flight: 0,
            accepting: dead_accept::Watch::new(),
            scratch: [0; SCRATCH],
        }
    }

    /// Takes the next step. The server is idle.
    pub(crate) fn step(&mut self) -> Step {
        self.lines.iter_mut().flatten().for_each(|line| line.client.follow());
        match self.stage {
            Stage::Between => self.begin(),
            Stage::Playing => self.play(),
            Stage::Ending => self.end_next(),
            Stage::HalfClosed => self.read_to_the_end(),
            Stage::HungUp => self.await_close(),
            Stage::Probing => self.probe(),
        }
    }

    /// Begins an iteration: the next input, over fresh connections.
    fn begin(&mut self) -> Step {
        let pacer = self.pacer.get_or_insert_with(Pacer::new);
        if let Some(source) = pacer.awaits() {
            return Step::Sleep { until: vec![source], limit: None };
        }
        pacer.begin();
        children::begin_iteration();
        let counts = pacer.counts();
        // A session without a step has a connection, too.
        let first =
            pacer.next_task().unwrap_or(Task { connection: Connection::ALL[0], action: Action::Open });
        if !self.connect(first.connection) {
            return Step::LetTimePass;
        }
        let status = report::status();
        status.add(Counter::Iterations, counts.into());
        status.reach(Phase::Connected);
        self.enter(Stage::Playing);
        // What is there can go out at once: a server accepts and reads in one go.
        self.send_available();
        Step::Acted
    }

    /// Opens a connection, which becomes the current one; there is none to open while the server does
    /// not listen.
    fn connect(&mut self, connection: Connection) -> bool {
        let Some(listener) = listener::current() else { return false };
        let will_reset = self.pacer.as_ref().is_some_and(|pacer| pacer.will_reset(connection));
        let client = if memory::is_on() {
            Client::through_memory(memory::connect(connection, will_reset), will_reset)
        } else {
            backlog::offer();
            let socket = match transport::connect(&listener.target, will_reset) {
                Ok(socket) => socket,
                // So many connections wait already that the server wants no more of them.
                Err(Errno::AGAIN) if self.stage == Stage::Playing && backlog::claim() => return false,
                Err(error) => {
                    if error == Errno::MFILE {
                        self.accepting.out_of_descriptors(self.culprit());
                    }
                    report::fatal(format_args!("the internal connection failed: {error}"));
                }
            };
            Client::over_socket(socket, &listener.target, will_reset)
        };
        let line = Line { client, number: self.made, half_closed: false, ended: false, stuck: false };
        self.lines[connection.index()] = Some(line);
        self.current = connection;
        self.made = self.made.wrapping_add(1);
        true
    }

    /// Who is to blame when the server has stopped accepting.
    fn culprit(&self) -> Culprit {
        match &self.pacer {
            Some(pacer) if pacer.repeats() => Culprit::This,
            _ => Culprit::Earlier,
        }
    }

    /// Reads what is there on every connection: what there was on the current one, but `Much` if that
    /// holds for any.
    fn drain(&mut self) -> Drained {
        let Some(pacer) = &mut self.pacer else { return Drained::Ended };
        let mut drained = Drained::Ended;
        let mut much = false;
        for (connection, line) in Connection::ALL.into_iter().zip(&mut self.lines) {
            let Some(line) = line.as_mut().filter(|line| !line.ended) else { continue };
            let read = line.client.drain(&mut self.scratch, |answer| note_answer(pacer, connection, answer));
            line.ended = read == Drained::Ended;
            if line.ended && !line.half_closed {
                pacer.closed(connection);
            }
            much |= read == Drained::Much;
            if connection == self.current {
                drained = read;
            }
        }
        if much { Drained::Much } else { drained }
    }

    fn reads_answers(&self) -> bool {
        self.pacer.as_ref().is_some_and(Pacer::reads_answers)
    }

    fn line(&self, connection: Connection) -> &Line {
        self.lines[connection.index()].as_ref().expect("a connection that is open")
    }

    fn enter(&mut self, stage: Stage) {
        self.stage = stage;
        self.rounds = 0;
    }

    fn acted(&mut self) -> Step {
        self.rounds = 0;
        Step::Acted
    }

    fn is_out_of_patience(&mut self, patience: u32) -> bool {
        self.rounds += 1;
        self.rounds > patience
    }
}

/// A part of an answer has come.
fn note_answer(pacer: &mut Pacer, connection: Connection, answer: &[u8]) {
    let status = report::status();
    status.reach(Phase::Answered);
    status.add(Counter::AnswerBytes, answer.len() as u64);
    pacer.answered(connection, answer);
}
