//! Driver: plays the client of one session, one step at a time, whenever the server is idle.
//!
//! A raw input is the shortest session: connect, send everything. At the end of every session the client half-closes
//! its connections, reads to their ends, and closes them. The client takes a step only when the server has nothing left
//! to do, so each event occurs at the same point of the server's work in every run.

mod client;
mod connection;
mod dead_accept;
mod drained;
mod ending;
mod input_source;
pub(crate) mod key_log;
mod leak_sanitizer;
mod playing;
mod tls_trial;
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
use crate::sys::{answer_ring, config, kept_answers, report, signal_guard, threads};
use client::ClientEnd;
use connection::ClientConnection;
use dead_accept::Culprit;
use drained::Drained;
use input_source::{ClientStep, InputSource};
use tls_trial::TlsMode;

/// Idle rounds in which a server may still accept a connection, or close one that the client has closed, before the
/// iteration ends without that.
const MAX_IDLE_ROUNDS: u32 = 8;

/// Idle rounds in which a child process may still answer: about a hundred milliseconds.
const MAX_IDLE_ROUNDS_WITH_CHILDREN: u32 = 50;

/// Bytes of an answer that are read at a time. The buffer is not on the stack: the server's stacks may be small.
const SCRATCH_BYTES: usize = 64 * 1024;

/// Stage of the client in the session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SessionStage {
    /// Between two iterations, or at the end of one while the virtual clock advances.
    Between,
    /// The client takes the steps of the input, most of which send.
    Playing,
    /// All steps are taken; the client ends the open connections, one after the other.
    Ending,
    /// The client has half-closed the current connection; the server may still answer.
    HalfClosed,
    /// The client has closed all connections; the server may not have closed them yet.
    HungUp,
    /// Nothing is left but pending signals, and threads and processes that the server has created in this iteration.
    Late,
    /// A single run is over, except for a check whether the server accepts another connection.
    Probing,
}

/// State of the client.
#[derive(Debug)]
pub(crate) struct Driver {
    stage: SessionStage,
    /// `None` before the first input.
    input_source: Option<InputSource>,
    tls: TlsMode,
    connections: [Option<ClientConnection>; Connection::COUNT],
    /// The connection of the last step.
    current: Connection,
    /// Total number of connections that were made.
    made: u32,
    /// Consecutive idle rounds without progress.
    rounds: u32,
    /// Consecutive rounds in which sent bytes had not reached the server.
    in_flight: u32,
    /// When the iteration began to wait for late threads and processes (CLOCK_MONOTONIC).
    late_since: Option<Duration>,
    accepting: dead_accept::AcceptMonitor,
    scratch: [u8; SCRATCH_BYTES],
}

/// The only driver. It reaches the wait loop through [`install`].
static DRIVER: DriverCell = DriverCell(UnsafeCell::new(Driver::new()));

struct DriverCell(UnsafeCell<Driver>);

// SAFETY: the content is reached only through the reference that `install` makes, which the driver guard protects.
unsafe impl Sync for DriverCell {}

/// Installs the driver as the client of the wait loop. To be called once, before the server's `main`.
pub(crate) fn install() {
    leak_sanitizer::find();
    // SAFETY: the pointer is valid, and its only reference is this one, because `install` is called once.
    driver_guard::install(unsafe { &mut *DRIVER.0.get() });
}

/// In a single run, forwards the remaining answers of a server that exits with `status`.
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
            tls: TlsMode::Undecided,
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
        if self.is_tls_trial() {
            // The server did not listen when it began.
            return self.connect_for_trial();
        }
        if self.input_source.is_none() {
            tls_trial::prepare();
            self.input_source = Some(InputSource::new());
        }
        if let Some(step) = self.begin_tls_trial() {
            return step;
        }
        if signal_guard::is_pending() {
            // The signal came before the forkserver forked, so its handler must run before the iteration.
            return IdleStep::Progress;
        }
        let Some(input_source) = &mut self.input_source else { return IdleStep::Progress };
        if let Some(source) = input_source.await_input() {
            return IdleStep::Sleep { until: vec![source], limit: None };
        }
        input_source.begin();
        children::begin_iteration();
        threads::begin_iteration();
        self.late_since = None;
        let counts = input_source.is_counted();
        // A session without steps opens a connection, too.
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
        // Available bytes are sent at once, because a server accepts and reads without an idle point in between.
        self.send_available();
        IdleStep::Progress
    }

    /// Opens a connection and makes it the current one. Returns `false` if the server does not listen, or if its
    /// backlog is full.
    fn connect(&mut self, connection: Connection) -> bool {
        let Some(listener) = listener::current() else { return false };
        let will_reset =
            self.input_source.as_ref().is_some_and(|input_source| input_source.will_reset(connection));
        let with_tls = self.has_tls();
        let client = if memory_socket::is_active() {
            ClientEnd::through_memory(memory_socket::connect(connection, will_reset, with_tls), will_reset)
        } else {
            accept_gate::add_pending();
            let socket = match transport::connect(&listener.target, will_reset) {
                Ok(socket) => socket,
                // The listener's backlog is full: the connection is no longer pending.
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
        let line = ClientConnection::new(client, self.made, with_tls);
        self.connections[connection.index()] = Some(line);
        self.current = connection;
        self.made = self.made.wrapping_add(1);
        true
    }

    /// Returns the input to blame if the server has stopped accepting.
    fn culprit(&self) -> Culprit {
        match &self.input_source {
            Some(input_source) if input_source.is_rerun() => Culprit::This,
            _ => Culprit::Earlier,
        }
    }

    /// Reads the available bytes of every connection. Returns the result of the current one, or `Much` if that is the
    /// result of any.
    fn drain(&mut self) -> Drained {
        let input_source = &mut self.input_source;
        let mut drained = Drained::Ended;
        let mut much = false;
        for (connection, line) in Connection::ALL.into_iter().zip(&mut self.connections) {
            let Some(line) = line.as_mut().filter(|line| !line.ended) else { continue };
            let read =
                line.drain(&mut self.scratch, |answer| record_answer(input_source, connection, answer));
            line.ended = read == Drained::Ended;
            if line.ended && !line.half_closed {
                input_source.iter_mut().for_each(|source| source.closed(connection));
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
        self.connections[connection.index()].as_ref().expect("the connection is open")
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

/// Records a part of an answer.
fn record_answer(input_source: &mut Option<InputSource>, connection: Connection, answer: &[u8]) {
    report::status().record_answer(answer);
    kept_answers::add(connection, answer);
    answer_ring::write(std::iter::once(answer));
    input_source.iter_mut().for_each(|source| source.answered(connection, answer));
}
