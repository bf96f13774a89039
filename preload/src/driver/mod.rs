//! The driver: plays the client of one session, one step at a time, whenever the server is idle.
//!
//! A raw input is the shortest session: connect, send everything. At the end of every session the
//! client half-closes its connections, reads to their ends, and closes them. Each step is taken only
//! when the server has nothing left to do, so the server sees the same thing at the same moment in
//! every run.

mod client;
mod dead_accept;
mod drained;
mod ending;
mod input_source;
mod leak_sanitizer;
mod playing;
mod unread;

use std::cell::UnsafeCell;
use std::time::Duration;

use rustix::io::Errno;
use sockfuzz_protocol::session::{Action, Connection};
use sockfuzz_protocol::{Counter, Phase};

use crate::blocking::{IdleClient, IdleStep, driver_guard, server_exit};
use crate::memory_socket;
use crate::net::{accept_gate, listener, transport};
use crate::process::children;
use crate::sys::{config, report, signal_guard, threads};
use client::ClientEnd;
use dead_accept::Culprit;
use drained::Drained;
use input_source::{ClientStep, InputSource};

/// Idle rounds that a server is given to accept a connection, or to close one that the client has
/// hung up on, before the iteration ends without it.
const MAX_IDLE_ROUNDS: u32 = 8;

/// The same for an answer that a child process may still give: a hundred milliseconds or so.
const MAX_IDLE_ROUNDS_WITH_CHILDREN: u32 = 50;

/// Bytes of an answer that are read at a time. Here rather than on a stack: the server's may be
/// small.
const SCRATCH_BYTES: usize = 64 * 1024;

/// Where in the session the client is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SessionStage {
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
    /// All is over but for a signal that waits for its handler, and for threads and processes that the server has
    /// created in this iteration.
    Late,
    /// A single run is over, but for the question whether the server accepts another connection.
    Probing,
}

/// A connection that the client has open.
#[derive(Debug)]
struct ClientConnection {
    client: ClientEnd,
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
    stage: SessionStage,
    input_source: Option<InputSource>,
    connections: [Option<ClientConnection>; Connection::COUNT],
    /// The connection of the last step.
    current: Connection,
    /// Connections that were made, all in all.
    made: u32,
    /// Idle rounds in a row without progress.
    rounds: u32,
    /// Rounds in a row in which something was on its way.
    in_flight: u32,
    /// When the iteration began to wait for late threads and processes (CLOCK_MONOTONIC).
    late_since: Option<Duration>,
    accepting: dead_accept::AcceptMonitor,
    scratch: [u8; SCRATCH_BYTES],
}

/// The only driver. It reaches the wait loop through [`install`].
static DRIVER: DriverCell = DriverCell(UnsafeCell::new(Driver::new()));

struct DriverCell(UnsafeCell<Driver>);

// SAFETY: `install` hands out the only reference, which the driver guard protects.
unsafe impl Sync for DriverCell {}

/// Makes the driver the client that idle calls play. To be called once, before the server's `main`.
pub(crate) fn install() {
    leak_sanitizer::find();
    // SAFETY: called once, so this is the only reference.
    driver_guard::install(unsafe { &mut *DRIVER.0.get() });
}

/// In a single run, forwards what the server, which exits with `status`, has answered.
pub(crate) fn server_exits(status: i32) {
    if config::is_single_run() {
        server_exit::notify_client(status);
    }
}

impl IdleClient for Driver {
    fn step(&mut self) -> IdleStep {
        self.connections.iter_mut().flatten().for_each(|connection| connection.client.follow());
        match self.stage {
            SessionStage::Between => self.begin(),
            SessionStage::Playing => self.play(),
            SessionStage::Ending => self.end_next(),
            SessionStage::HalfClosed => self.read_to_the_end(),
            SessionStage::HungUp => self.await_close(),
            SessionStage::Probing => self.probe(),
            SessionStage::Late => self.finish(),
        }
    }

    fn server_exits(&mut self, status: i32) {
        self.forward_last_answers(status);
    }

    fn after_fork(&mut self) {
        self.close_resetting();
    }
}

impl Driver {
    pub(crate) const fn new() -> Self {
        Self {
            stage: SessionStage::Between,
            input_source: None,
            connections: [const { None }; Connection::COUNT],
            current: Connection::ALL[0],
            made: 0,
            rounds: 0,
            in_flight: 0,
            late_since: None,
            accepting: dead_accept::AcceptMonitor::new(),
            scratch: [0; SCRATCH_BYTES],
        }
    }

    /// Begins an iteration: the next input, over fresh connections.
    fn begin(&mut self) -> IdleStep {
        let input_source = self.input_source.get_or_insert_with(InputSource::new);
        if signal_guard::is_pending() {
            // It came before the forkserver forked; its handler is not a part of the iteration.
            return IdleStep::Progress;
        }
        if let Some(source) = input_source.await_input() {
            return IdleStep::Sleep { until: vec![source], limit: None };
        }
        input_source.begin();
        children::begin_iteration();
        threads::begin_iteration();
        self.late_since = None;
        let counts = input_source.is_counted();
        // A session without a step has a connection, too.
        let first = input_source
            .next_step()
            .unwrap_or(ClientStep { connection: Connection::ALL[0], action: Action::Open });
        if !self.connect(first.connection) {
            return IdleStep::WaitForTimer;
        }
        let status = report::status();
        status.add(Counter::Iterations, counts.into());
        status.reach(Phase::Connected);
        self.enter(SessionStage::Playing);
        // What is there can go out at once: a server accepts and reads in one go.
        self.send_available();
        IdleStep::Progress
    }

    /// Opens a connection, which becomes the current one; there is none to open while the server does
    /// not listen.
    fn connect(&mut self, connection: Connection) -> bool {
        let Some(listener) = listener::current() else { return false };
        let will_reset =
            self.input_source.as_ref().is_some_and(|input_source| input_source.will_reset(connection));
        let client = if memory_socket::is_active() {
            ClientEnd::through_memory(memory_socket::connect(connection, will_reset), will_reset)
        } else {
            accept_gate::add_pending();
            let socket = match transport::connect(&listener.target, will_reset) {
                Ok(socket) => socket,
                // So many connections wait already that the server wants no more of them.
                Err(Errno::AGAIN) if self.stage == SessionStage::Playing && accept_gate::try_claim() => {
                    return false;
                }
                Err(error) => {
                    if error == Errno::MFILE {
                        self.accepting.out_of_descriptors(self.culprit());
                    }
                    report::fatal(format_args!("the internal connection failed: {error}"));
                }
            };
            ClientEnd::over_socket(socket, &listener.target, will_reset)
        };
        let line =
            ClientConnection { client, number: self.made, half_closed: false, ended: false, stuck: false };
        self.connections[connection.index()] = Some(line);
        self.current = connection;
        self.made = self.made.wrapping_add(1);
        true
    }

    /// Who is to blame when the server has stopped accepting.
    fn culprit(&self) -> Culprit {
        match &self.input_source {
            Some(input_source) if input_source.is_rerun() => Culprit::This,
            _ => Culprit::Earlier,
        }
    }

    /// Reads what is there on every connection: what there was on the current one, but `Much` if that
    /// holds for any.
    fn drain(&mut self) -> Drained {
        let Some(input_source) = &mut self.input_source else { return Drained::Ended };
        let mut drained = Drained::Ended;
        let mut much = false;
        for (connection, line) in Connection::ALL.into_iter().zip(&mut self.connections) {
            let Some(line) = line.as_mut().filter(|line| !line.ended) else { continue };
            let read = line
                .client
                .drain(&mut self.scratch, |answer| record_answer(input_source, connection, answer));
            line.ended = read == Drained::Ended;
            if line.ended && !line.half_closed {
                input_source.closed(connection);
            }
            much |= read == Drained::Much;
            if connection == self.current {
                drained = read;
            }
        }
        if much { Drained::Much } else { drained }
    }

    fn reads_answers(&self) -> bool {
        self.input_source.as_ref().is_some_and(InputSource::reads_answers)
    }

    fn connection(&self, connection: Connection) -> &ClientConnection {
        self.connections[connection.index()].as_ref().expect("a connection that is open")
    }

    fn enter(&mut self, stage: SessionStage) {
        self.stage = stage;
        self.rounds = 0;
    }

    fn acted(&mut self) -> IdleStep {
        self.rounds = 0;
        IdleStep::Progress
    }

    fn exceeds_rounds(&mut self, limit: u32) -> bool {
        self.rounds += 1;
        self.rounds > limit
    }
}

/// A part of an answer has come.
fn record_answer(input_source: &mut InputSource, connection: Connection, answer: &[u8]) {
    let status = report::status();
    status.reach(Phase::Answered);
    status.add(Counter::AnswerBytes, answer.len() as u64);
    input_source.answered(connection, answer);
}
