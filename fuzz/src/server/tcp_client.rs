//! Client over real TCP that behaves like the one in the preload. It takes each step when the server is idle,
//! half-closes each connection at the end, and reads it to its end. Here, idleness is detected by a heuristic.

use std::io::{ErrorKind, Result};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::sockopt::set_socket_linger;
use sockfuzz_protocol::references::{self, EarlierAnswers};
use sockfuzz_protocol::session::{Action, Connection, Session, Step};

use super::client_stream::ClientStream;

/// Time without data after which a sleeping server counts as idle.
const IDLE_TIMEOUT: Duration = Duration::from_millis(20);

/// Interval at which connections are polled.
const POLL_INTERVAL: Duration = Duration::from_millis(2);

/// Time limits of the client.
#[derive(Debug, Clone, Copy)]
pub struct TcpTimeouts {
    /// Time limit of the whole session.
    pub timeout: Duration,
    /// Time for which an idle server may keep the half-closed connection open.
    pub linger: Duration,
}

/// Answers over the connections of a session, by connection number.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TcpAnswers {
    /// Bytes of the answers.
    pub bytes: [Vec<u8>; Connection::COUNT],
    /// Whether the server has reset the connection, so that a part of its answer may be lost.
    pub reset: [bool; Connection::COUNT],
    /// Whether the time limit was reached before the end of the session.
    pub timed_out: bool,
}

/// Whether a step of a session may refer to an earlier answer.
#[must_use]
pub fn has_references(session: &Session) -> bool {
    let may_refer = |step: &Step| matches!(&step.action, Action::Send(chunk) if references::may_occur(chunk));
    session.steps().iter().skip(1).any(may_refer)
}

/// Plays a session over connections that `dial` opens. `is_asleep` tells whether all threads of the server sleep.
/// Once all `expected` answers, if given, have arrived, the client takes the next steps without waiting for more.
///
/// # Errors
/// When a connection fails.
pub fn play(
    dial: impl FnMut(Connection) -> Result<ClientStream>,
    session: &Session,
    timeouts: TcpTimeouts,
    expected: Option<&[Vec<u8>; Connection::COUNT]>,
    is_asleep: impl FnMut() -> bool,
) -> Result<TcpAnswers> {
    let mut client = TcpClient {
        dial,
        is_asleep,
        expected: expected.map(|answers| answers.each_ref().map(Vec::len)),
        connections: Default::default(),
        answers: Default::default(),
        earlier: has_references(session).then(EarlierAnswers::new),
        deadline: Instant::now() + timeouts.timeout,
    };
    match client.play(session, timeouts.linger) {
        Err(error) if error.kind() == ErrorKind::TimedOut => client.answers.timed_out = true,
        other => other?,
    }
    Ok(client.answers)
}

/// Connection that the client has not closed.
struct ClientConnection {
    stream: ClientStream,
    unsent: Vec<u8>,
    half_closed: bool,
    ended: bool,
}

fn is_open(connection: &Option<ClientConnection>) -> bool {
    connection.as_ref().is_some_and(|connection| !connection.ended)
}

struct TcpClient<Dial, IsAsleep> {
    dial: Dial,
    is_asleep: IsAsleep,
    /// Lengths of the expected answers.
    expected: Option<[usize; Connection::COUNT]>,
    connections: [Option<ClientConnection>; Connection::COUNT],
    answers: TcpAnswers,
    /// The answers, if the session may refer to them.
    earlier: Option<EarlierAnswers>,
    deadline: Instant,
}

impl<Dial: FnMut(Connection) -> Result<ClientStream>, IsAsleep: FnMut() -> bool> TcpClient<Dial, IsAsleep> {
    fn play(&mut self, session: &Session, linger: Duration) -> Result<()> {
        if session.steps().is_empty() {
            self.open(Connection::ALL[0])?;
        }
        for step in session.steps() {
            self.take(step)?;
            self.wait_while(IDLE_TIMEOUT, |client| {
                client.connections.iter().any(is_open) && !client.has_all_expected()
            })?;
        }
        for connection in Connection::ALL {
            self.half_close(connection)?;
            self.wait_while(linger.max(IDLE_TIMEOUT), |client| {
                is_open(&client.connections[connection.index()])
            })?;
            self.connections[connection.index()] = None;
        }
        Ok(())
    }

    fn open(&mut self, connection: Connection) -> Result<&mut ClientConnection> {
        let place = &mut self.connections[connection.index()];
        if place.is_none() {
            let stream = (self.dial)(connection)?;
            *place = Some(ClientConnection { stream, unsent: Vec::new(), half_closed: false, ended: false });
        }
        Ok(place.as_mut().expect("it is open now"))
    }

    fn take(&mut self, Step { connection, action }: &Step) -> Result<()> {
        match action {
            // Unsent bytes of the previous chunk, which the server does not read, are dropped.
            Action::Send(chunk) => {
                let filled = self.filled(chunk);
                self.open(*connection)?.unsent = filled;
            }
            Action::Open => drop(self.open(*connection)?),
            Action::HalfClose => self.half_close(*connection)?,
            Action::Close | Action::Reset => {
                self.exchange()?;
                if let Some(mut connection) = self.connections[connection.index()].take() {
                    match action {
                        Action::Reset => set_socket_linger(&connection.stream, Some(Duration::ZERO))?,
                        _ => connection.stream.say_close()?,
                    }
                }
            }
        }
        Ok(())
    }

    /// Returns a chunk with values in the place of its references.
    fn filled(&mut self, chunk: &[u8]) -> Vec<u8> {
        let Some(earlier) = &mut self.earlier else { return chunk.to_vec() };
        earlier.end_step();
        let mut filled = Vec::new();
        references::fill(chunk, earlier, &mut filled);
        filled
    }

    fn half_close(&mut self, connection: Connection) -> Result<()> {
        // A session may open a connection only for that.
        self.wait_while(IDLE_TIMEOUT, |client| {
            let connection = client.connections[connection.index()].as_ref();
            connection.is_some_and(|it| !it.ended && it.stream.is_handshaking())
        })?;
        if let Some(connection) = &mut self.connections[connection.index()]
            && !std::mem::replace(&mut connection.half_closed, true)
        {
            connection.stream.close_sending()?;
        }
        Ok(())
    }

    /// Whether everything is sent and all expected answers have arrived.
    fn has_all_expected(&self) -> bool {
        let has_come = |(answer, expected): (&Vec<u8>, usize)| answer.len() >= expected;
        self.connections.iter().flatten().all(|connection| connection.unsent.is_empty())
            && self.expected.is_some_and(|expected| self.answers.bytes.iter().zip(expected).all(has_come))
    }

    /// Waits until the server has been idle for `idle_for`, or until `wanted` returns false.
    fn wait_while(&mut self, idle_for: Duration, wanted: impl Fn(&Self) -> bool) -> Result<()> {
        let mut last_byte = Instant::now();
        while Instant::now() < self.deadline {
            if self.exchange()? {
                last_byte = Instant::now();
                continue;
            }
            if !wanted(self) || last_byte.elapsed() >= idle_for && (self.is_asleep)() {
                return Ok(());
            }
            self.sleep()?;
        }
        Err(ErrorKind::TimedOut.into())
    }

    /// Sends and receives without blocking; returns whether any byte was transferred.
    fn exchange(&mut self) -> Result<bool> {
        let mut progress = false;
        let TcpAnswers { bytes, reset, .. } = &mut self.answers;
        let places = Connection::ALL.into_iter().zip(&mut self.connections);
        for (((number, connection), answer), reset) in places.zip(bytes).zip(reset) {
            let Some(connection) = connection.as_mut().filter(|connection| !connection.ended) else {
                continue;
            };
            let ClientConnection { stream, unsent, ended, .. } = connection;
            let before = (answer.len(), unsent.len(), stream.transferred_records());
            *ended = stream.receive(answer, reset)?;
            if let Some(earlier) = &mut self.earlier {
                earlier.add(number, &answer[before.0..]);
            }
            stream.send(unsent)?;
            progress |= (answer.len(), unsent.len(), stream.transferred_records()) != before;
        }
        Ok(progress)
    }

    fn sleep(&self) -> Result<()> {
        let open = self.connections.iter().flatten().filter(|connection| !connection.ended);
        let mut asked: Vec<PollFd<'_>> = open
            .map(|connection| {
                let ClientConnection { stream, unsent, .. } = connection;
                let sends = if stream.has_unsent(unsent) { PollFlags::OUT } else { PollFlags::empty() };
                PollFd::new(stream, PollFlags::IN | sends)
            })
            .collect();
        let interval = Timespec::try_from(POLL_INTERVAL).expect("the interval is short");
        match poll(&mut asked, Some(&interval)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

#[cfg(test)]
mod tests;
#[cfg(test)]
mod tls_tests;
