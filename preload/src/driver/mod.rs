//! The driver: plays the client of one session, one step at a time, whenever the server is idle.
//!
//! A session is, for now, one connection: connect, send everything, half-close, read to the end,
//! close. Each step is taken only when the server has nothing left to do, so the server sees the
//! same thing at the same moment in every run.

mod client;
mod dead_accept;
mod pace;

use std::time::Duration;

use rustix::event::PollFd;
use rustix::io::Errno;
use sockfuzz_contract::{Counter, Phase};

use crate::{children, descriptors, listener, memory, report, sanitizers, transport};

use client::{Client, Drained, Sent};
use dead_accept::Culprit;
use pace::{Chunk, Pacer};

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
}

/// Where in the session the client is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Between two iterations.
    Between,
    /// Sending the input.
    Sending,
    /// Everything is sent and said to be all; the answer may go on.
    HalfClosed,
    /// The client is gone; the server may still have to notice.
    HungUp,
    /// A single run is over, but for the question whether the server accepts another connection.
    Probing,
}

/// State of the client.
#[derive(Debug)]
pub(crate) struct Driver {
    stage: Stage,
    pacer: Option<Pacer>,
    client: Option<Client>,
    /// Idle rounds in a row without progress.
    rounds: u32,
    accepting: dead_accept::Watch,
    scratch: [u8; SCRATCH],
}

impl Driver {
    pub(crate) const fn new() -> Self {
        Self {
            stage: Stage::Between,
            pacer: None,
            client: None,
            rounds: 0,
            accepting: dead_accept::Watch::new(),
            scratch: [0; SCRATCH],
        }
    }

    /// Takes the next step. The server is idle.
    pub(crate) fn step(&mut self) -> Step {
        if let Some(client) = &mut self.client
            && let Some(end) = memory::take_client_end()
        {
            client.move_to(end);
        }
        match self.stage {
            Stage::Between => self.begin(),
            Stage::Sending => self.send(),
            Stage::HalfClosed => self.read_to_the_end(),
            Stage::HungUp => self.await_close(),
            Stage::Probing => self.probe(),
        }
    }

    /// Begins an iteration: the next input, over a fresh connection.
    fn begin(&mut self) -> Step {
        let pacer = self.pacer.get_or_insert_with(Pacer::new);
        pacer.begin();
        children::begin_iteration();
        let counts = pacer.counts();
        if !self.connect() {
            return Step::LetTimePass;
        }
        let status = report::status();
        status.add(Counter::Iterations, counts.into());
        status.reach(Phase::Connected);
        self.enter(Stage::Sending);
        // What is there can go out at once: a server accepts and reads in one go.
        self.send_available();
        Step::Acted
    }

    /// Opens a connection; there is none to open while the server does not listen.
    fn connect(&mut self) -> bool {
        let Some(listener) = listener::current() else { return false };
        listener::offer();
        if memory::is_on() {
            memory::connect();
            self.client = Some(Client::Memory);
            return true;
        }
        let connection = transport::connect(&listener.target).unwrap_or_else(|error| {
            if error == Errno::MFILE {
                self.accepting.out_of_descriptors(self.culprit());
            }
            report::fatal(format_args!("the internal connection failed: {error}"));
        });
        self.client = Some(Client::Socket(connection));
        true
    }

    fn send(&mut self) -> Step {
        if !listener::all_accepted() {
            return self.await_accept();
        }
        self.accepting.all_accepted();
        match self.drain() {
            Drained::Much => return self.acted(),
            Drained::Ended => return self.hang_up_second(),
            Drained::Little => {}
        }
        match self.send_available() {
            Sending::Progress => self.acted(),
            Sending::Waiting(until) => Step::Sleep { until, limit: None },
            // An idle server with a full socket does not want the rest.
            Sending::Over | Sending::Stuck => {
                // The end may have come with the last bytes.
                if self.reads_answers() && self.drain() == Drained::Ended {
                    return self.hang_up_second();
                }
                self.client().half_close();
                self.enter(Stage::HalfClosed);
                Step::Acted
            }
        }
    }

    /// Sends what the pace has and the socket takes.
    fn send_available(&mut self) -> Sending {
        let (Some(pacer), Some(client)) = (&mut self.pacer, &mut self.client) else { return Sending::Over };
        let mut progress = false;
        loop {
            let sent = match pacer.chunk() {
                Chunk::Bytes(bytes) => client.send(bytes),
                Chunk::End if progress => return Sending::Progress,
                Chunk::End => return Sending::Over,
                Chunk::Later(source) => {
                    return if progress {
                        Sending::Progress
                    } else {
                        Sending::Waiting(std::iter::once(source).chain(client.readable()).collect())
                    };
                }
            };
            match sent {
                Sent::Bytes(count) => {
                    pacer.consume(count);
                    progress = true;
                }
                Sent::Blocked if progress => return Sending::Progress,
                Sent::Blocked => return Sending::Stuck,
                Sent::Refused => return Sending::Over,
            }
        }
    }

    fn await_accept(&mut self) -> Step {
        let pacer = self.pacer.get_or_insert_with(Pacer::new);
        if pacer.is_patient() {
            return Step::Sleep { until: Vec::new(), limit: None };
        }
        if self.is_out_of_patience(PATIENCE) && !self.accepting.waits_on(self.culprit()) {
            report::status().add(Counter::Unaccepted, 1);
            return self.finish();
        }
        Step::LetTimePass
    }

    /// Who is to blame when the server has stopped accepting.
    fn culprit(&self) -> Culprit {
        match &self.pacer {
            Some(pacer) if pacer.repeats() => Culprit::This,
            _ => Culprit::Earlier,
        }
    }

    fn probe(&mut self) -> Step {
        if listener::all_accepted() || !self.accepting.waits_on(Culprit::This) {
            return self.finish();
        }
        Step::LetTimePass
    }

    fn read_to_the_end(&mut self) -> Step {
        if !self.reads_answers() && !children::may_answer() && self.server_has_closed() {
            return self.finish();
        }
        match self.drain() {
            Drained::Much => return self.acted(),
            Drained::Ended => return self.hang_up(),
            Drained::Little => {}
        }
        let until = self.client().readable().into_iter().collect();
        match self.pacer.as_mut().and_then(Pacer::linger) {
            Some(limit) => Step::Sleep { until, limit: Some(limit) },
            None if children::may_answer() && !self.is_out_of_patience(PATIENCE_WITH_CHILDREN) => {
                Step::LetTimePass
            }
            None => self.hang_up(),
        }
    }

    /// The server has closed first.
    fn hang_up_second(&mut self) -> Step {
        self.pacer.iter_mut().for_each(Pacer::closed);
        self.hang_up()
    }

    /// Closes the client's end.
    fn hang_up(&mut self) -> Step {
        self.client = None;
        if self.server_has_closed() {
            return self.finish();
        }
        self.enter(Stage::HungUp);
        Step::Acted
    }

    fn await_close(&mut self) -> Step {
        if self.server_has_closed() {
            return self.finish();
        }
        if self.is_out_of_patience(PATIENCE) {
            descriptors::forsake_connections();
            report::status().add(Counter::Abandoned, 1);
            return self.finish();
        }
        Step::LetTimePass
    }

    /// The iteration is over. The server is idle, so the next one begins at once.
    fn finish(&mut self) -> Step {
        children::look();
        self.client = None;
        let is_single_run = self.pacer.as_ref().is_some_and(Pacer::is_patient);
        if is_single_run && self.stage != Stage::Probing && dead_accept::is_crash() && self.connect() {
            self.enter(Stage::Probing);
            return Step::Acted;
        }
        self.enter(Stage::Between);
        if is_single_run {
            sanitizers::look_for_leaks();
        }
        report::status().reach(Phase::Finished);
        if let Some(pacer) = &mut self.pacer {
            pacer.finish();
        }
        self.begin()
    }

    fn drain(&mut self) -> Drained {
        let (Some(pacer), Some(client)) = (&mut self.pacer, &mut self.client) else { return Drained::Ended };
        client.drain(&mut self.scratch, |answer| {
            let status = report::status();
            status.reach(Phase::Answered);
            status.add(Counter::AnswerBytes, answer.len() as u64);
            pacer.answered(answer);
        })
    }

    fn reads_answers(&self) -> bool {
        self.pacer.as_ref().is_some_and(Pacer::reads_answers)
    }

    /// As far as this process knows: a child may hold the connection open.
    fn server_has_closed(&self) -> bool {
        listener::all_accepted()
            && (descriptors::open_connections() == 0 || descriptors::recount_connections() == 0)
    }

    fn client(&mut self) -> &mut Client {
        self.client.as_mut().expect("a stage with a client")
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

/// How far sending has come.
enum Sending {
    /// Some bytes went out.
    Progress,
    /// The input is not complete; wait for these.
    Waiting(Vec<PollFd<'static>>),
    /// The socket is full.
    Stuck,
    /// All is sent, or the server wants no more.
    Over,
}
