//! Playing of the input: its steps, taken one after the other.

use std::time::Duration;

use rustix::event::PollFd;
use sockfuzz_protocol::Counter;
use sockfuzz_protocol::session::Action;

use super::client::Sent;
use super::connection::ClientConnection;
use super::drained::Drained;
use super::input_source::{Chunk, ClientStep, InputSource};
use super::{Driver, MAX_IDLE_ROUNDS};
use crate::blocking::IdleStep;
use crate::net::accept_gate;
use crate::sys::{internal_error, report};

/// Rounds in which sent bytes may reach the server. The kernel may report that with a delay: TCP delays
/// acknowledgements, usually by 40 ms.
const MAX_DELIVERY_ROUNDS: u32 = 200;
/// Duration of a round.
const DELIVERY_POLL_INTERVAL: Duration = Duration::from_millis(1);

impl Driver {
    /// Continues the current step, or takes the next one.
    pub(super) fn play(&mut self) -> IdleStep {
        if self.input_source.as_ref().is_some_and(InputSource::is_counted) {
            internal_error::panic_if_asked("play");
        }
        if accept_gate::all_accepted() {
            self.accepting.all_accepted();
        } else if !self.is_served() {
            return self.await_accept();
        }
        if self.drain() == Drained::Much && !self.has_unsent_records() {
            return self.acted();
        }
        match self.send_available() {
            Sending::Progress => self.acted(),
            Sending::Handshaking => self.await_handshake(),
            Sending::Waiting(until) => IdleStep::Sleep { until, limit: None },
            Sending::Over => {
                // The last read may have stopped before the end of the answer.
                if self.reads_answers() {
                    self.drain();
                }
                self.await_delivery().unwrap_or_else(|| self.take_step())
            }
        }
    }

    /// Whether the server has accepted any open connection, or none is open. Connections are accepted in the order in
    /// which they were made.
    fn is_served(&self) -> bool {
        let unaccepted =
            |line: &ClientConnection| self.made.wrapping_sub(line.number) <= accept_gate::pending();
        let mut left = self.connections.iter().flatten().filter(|line| !line.ended).peekable();
        left.peek().is_none() || !left.all(unaccepted)
    }

    /// Sends the bytes that the input source has, as far as the socket accepts them.
    pub(super) fn send_available(&mut self) -> Sending {
        let connector = self.tls.connector();
        let Some(line) = &mut self.connections[self.current.index()] else { return Sending::Over };
        if line.ended || line.stuck {
            return Sending::Over;
        }
        let mut progress = false;
        loop {
            let chunk = self.input_source.as_mut().map_or(Chunk::End, InputSource::chunk);
            if !matches!(chunk, Chunk::Pending(_)) {
                line.begin_tls(connector, chunk.bytes());
            }
            if line.is_handshaking() {
                return match line.flush() {
                    Sent::Bytes(1..) => Sending::Progress,
                    Sent::Bytes(0) | Sent::Blocked => Sending::Handshaking,
                    Sent::Refused => Sending::Over,
                };
            }
            let sent = match chunk {
                Chunk::Bytes(bytes) => line.send(bytes),
                Chunk::End if matches!(line.flush(), Sent::Bytes(1..)) || progress => {
                    return Sending::Progress;
                }
                Chunk::End => return Sending::Over,
                Chunk::Pending(source) => {
                    return if progress {
                        Sending::Progress
                    } else {
                        Sending::Waiting(std::iter::once(source).chain(line.client.readable()).collect())
                    };
                }
            };
            match sent {
                Sent::Bytes(count) => {
                    self.input_source.iter_mut().for_each(|source| source.consume(count));
                    progress = true;
                    if line.has_unsent_records() {
                        return Sending::Progress;
                    }
                }
                Sent::Blocked if progress => return Sending::Progress,
                Sent::Blocked => {
                    line.stuck = true;
                    return Sending::Over;
                }
                Sent::Refused => return Sending::Over,
            }
        }
    }

    /// Takes the next step of the input, or begins to end the connections after the last one.
    fn take_step(&mut self) -> IdleStep {
        let Some(ClientStep { connection, action }) =
            self.input_source.as_mut().and_then(InputSource::next_step)
        else {
            return self.end_next();
        };
        self.current = connection;
        match action {
            Action::Send(()) | Action::Open if self.connections[connection.index()].is_none() => {
                self.connect(connection);
                self.send_available();
            }
            Action::Send(()) | Action::Open => {
                self.send_available();
            }
            Action::HalfClose => self.half_close(),
            Action::Close => self.close(connection),
            Action::Reset => self.reset(connection),
        }
        self.acted()
    }

    pub(super) fn half_close(&mut self) {
        if let Some(line) = &mut self.connections[self.current.index()]
            && !std::mem::replace(&mut line.half_closed, true)
        {
            line.half_close();
        }
    }

    /// Waits for sent bytes to reach the server, which only seems idle until then. `None` if none are on their way, or
    /// after [`MAX_DELIVERY_ROUNDS`].
    pub(super) fn await_delivery(&mut self) -> Option<IdleStep> {
        let is_in_flight =
            |line: &ClientConnection| !line.ended && line.client.is_in_flight(line.half_closed);
        if !self.connections.iter().flatten().any(is_in_flight) {
            self.in_flight = 0;
            return None;
        }
        self.in_flight += 1;
        (self.in_flight <= MAX_DELIVERY_ROUNDS)
            .then_some(IdleStep::Sleep { until: Vec::new(), limit: Some(DELIVERY_POLL_INTERVAL) })
    }

    /// Whether records wait on the current connection.
    fn has_unsent_records(&self) -> bool {
        self.connections[self.current.index()].as_ref().is_some_and(ClientConnection::has_unsent_records)
    }

    /// Waits for the server's part of the handshake. Gives the connection up if the server is idle for too long.
    fn await_handshake(&mut self) -> IdleStep {
        if let Some(step) = self.await_delivery() {
            return step;
        }
        if self.exceeds_rounds(MAX_IDLE_ROUNDS)
            && let Some(line) = &mut self.connections[self.current.index()]
        {
            line.stuck = true;
            return self.acted();
        }
        IdleStep::WaitForTimer
    }

    fn await_accept(&mut self) -> IdleStep {
        if let Some(step) = self.await_delivery() {
            return step;
        }
        if self.input_source.as_ref().is_some_and(InputSource::waits_indefinitely) {
            return IdleStep::Sleep { until: Vec::new(), limit: None };
        }
        if self.exceeds_rounds(MAX_IDLE_ROUNDS) && !self.accepting.waits_on(self.culprit()) {
            report::status().add(Counter::Unaccepted, 1);
            return self.finish();
        }
        IdleStep::WaitForTimer
    }
}

/// Result of sending.
pub(super) enum Sending {
    /// Some bytes were sent.
    Progress,
    /// Plaintext waits for the end of the handshake, and that for the server.
    Handshaking,
    /// The input is not complete; these descriptors report progress.
    Waiting(Vec<PollFd<'static>>),
    /// The whole chunk is sent, or the server reads no more.
    Over,
}
