//! A client over real TCP that behaves like the one in the preload: it takes each step when the server is
//! idle, half-closes each connection at the end, and reads to its end. Here, "idle" is a heuristic.

use std::io::{ErrorKind, Read, Result, Write};
use std::net::{Shutdown, TcpStream};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::sockopt::set_socket_linger;
use sockfuzz_protocol::InputFormat;
use sockfuzz_protocol::session::{Action, Connection, Session, Step};

/// A sleeping server that sends nothing for this long counts as idle.
const IDLE_TIMEOUT: Duration = Duration::from_millis(20);

/// Interval of polling connections.
const POLL_INTERVAL: Duration = Duration::from_millis(2);

/// Time limits of the client.
#[derive(Debug, Clone, Copy)]
pub struct TcpTimeouts {
    /// How long the whole conversation may take.
    pub timeout: Duration,
    /// How long an idle server may keep the half-closed connection open.
    pub linger: Duration,
}

/// Decodes an input of this format.
#[must_use]
pub fn session_of(input: &[u8], format: InputFormat) -> Session {
    match format {
        InputFormat::Raw => Session::from_iter([Step {
            connection: Connection::ALL[0],
            action: Action::Send(input.to_vec()),
        }]),
        InputFormat::Session => Session::decode(input),
    }
}

/// Plays a session over connections that `dial` makes. Returns the answers in the order of the
/// connections' numbers. `is_asleep` tells whether all threads of the server sleep.
///
/// # Errors
/// When a connection fails, or the time is over.
pub fn play(
    dial: impl FnMut() -> Result<TcpStream>,
    session: &Session,
    timeouts: TcpTimeouts,
    is_asleep: impl FnMut() -> bool,
) -> Result<Vec<u8>> {
    let mut client = TcpClient {
        dial,
        is_asleep,
        connections: Default::default(),
        answers: Default::default(),
        deadline: Instant::now() + timeouts.timeout,
    };
    if session.steps().is_empty() {
        client.open(Connection::ALL[0])?;
    }
    for step in session.steps() {
        client.take(step)?;
        client.wait_while(IDLE_TIMEOUT, |connections| connections.iter().any(is_open))?;
    }
    for connection in Connection::ALL {
        client.half_close(connection)?;
        client.wait_while(timeouts.linger.max(IDLE_TIMEOUT), |connections| {
            is_open(&connections[connection.index()])
        })?;
        client.connections[connection.index()] = None;
    }
    Ok(client.answers.concat())
}

/// A connection that the client has not closed.
struct ClientConnection {
    stream: TcpStream,
    unsent: Vec<u8>,
    half_closed: bool,
    ended: bool,
}

type ClientConnections = [Option<ClientConnection>; Connection::COUNT];

fn is_open(connection: &Option<ClientConnection>) -> bool {
    connection.as_ref().is_some_and(|connection| !connection.ended)
}

struct TcpClient<Dial, IsAsleep> {
    dial: Dial,
    is_asleep: IsAsleep,
    connections: ClientConnections,
    answers: [Vec<u8>; Connection::COUNT],
    deadline: Instant,
}

impl<Dial: FnMut() -> Result<TcpStream>, IsAsleep: FnMut() -> bool> TcpClient<Dial, IsAsleep> {
    fn open(&mut self, connection: Connection) -> Result<&mut ClientConnection> {
        let place = &mut self.connections[connection.index()];
        if place.is_none() {
            let stream = (self.dial)()?;
            stream.set_nonblocking(true)?;
            *place = Some(ClientConnection { stream, unsent: Vec::new(), half_closed: false, ended: false });
        }
        Ok(place.as_mut().expect("it is open now"))
    }

    fn take(&mut self, Step { connection, action }: &Step) -> Result<()> {
        match action {
            // What the server did not read of the previous chunk is dropped.
            Action::Send(chunk) => self.open(*connection)?.unsent.clone_from(chunk),
            Action::Open => drop(self.open(*connection)?),
            Action::HalfClose => self.half_close(*connection)?,
            Action::Close | Action::Reset => {
                self.exchange()?;
                if let Some(connection) = self.connections[connection.index()].take()
                    && *action == Action::Reset
                {
                    set_socket_linger(&connection.stream, Some(Duration::ZERO))?;
                }
            }
        }
        Ok(())
    }

    fn half_close(&mut self, connection: Connection) -> Result<()> {
        if let Some(connection) = &mut self.connections[connection.index()]
            && !std::mem::replace(&mut connection.half_closed, true)
        {
            close_sending(&connection.stream)?;
        }
        Ok(())
    }

    /// Waits until the server has been idle for this long, or `wanted` is false for the connections.
    fn wait_while(&mut self, idle_for: Duration, wanted: impl Fn(&ClientConnections) -> bool) -> Result<()> {
        let mut last_byte = Instant::now();
        while Instant::now() < self.deadline {
            if self.exchange()? {
                last_byte = Instant::now();
                continue;
            }
            if !wanted(&self.connections) || last_byte.elapsed() >= idle_for && (self.is_asleep)() {
                return Ok(());
            }
            self.sleep()?;
        }
        Err(ErrorKind::TimedOut.into())
    }

    /// Sends and receives without blocking; returns whether any byte was transferred.
    fn exchange(&mut self) -> Result<bool> {
        let mut progress = false;
        for (connection, answer) in self.connections.iter_mut().zip(&mut self.answers) {
            let Some(connection) = connection.as_mut().filter(|connection| !connection.ended) else {
                continue;
            };
            let before = (answer.len(), connection.unsent.len());
            connection.ended = receive(&mut connection.stream, answer)?;
            send(&mut connection.stream, &mut connection.unsent)?;
            progress |= (answer.len(), connection.unsent.len()) != before;
        }
        Ok(progress)
    }

    fn sleep(&self) -> Result<()> {
        let open = self.connections.iter().flatten().filter(|connection| !connection.ended);
        let mut asked: Vec<PollFd<'_>> = open
            .map(|connection| {
                let sends = if connection.unsent.is_empty() { PollFlags::empty() } else { PollFlags::OUT };
                PollFd::new(&connection.stream, PollFlags::IN | sends)
            })
            .collect();
        let interval = Timespec::try_from(POLL_INTERVAL).expect("the interval is short");
        match poll(&mut asked, Some(&interval)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

/// Receives without blocking; returns whether the stream has ended. A reset ends the answer like an
/// orderly close.
fn receive(stream: &mut TcpStream, answer: &mut Vec<u8>) -> Result<bool> {
    match stream.read_to_end(answer) {
        Ok(_) => Ok(true),
        Err(error) => match error.kind() {
            ErrorKind::WouldBlock => Ok(false),
            ErrorKind::ConnectionReset => Ok(true),
            _ => Err(error),
        },
    }
}

/// Sends without blocking. When the server reads no more, the rest is dropped; its answer still counts.
fn send(stream: &mut TcpStream, unsent: &mut Vec<u8>) -> Result<()> {
    while !unsent.is_empty() {
        match stream.write(unsent) {
            Ok(sent) => drop(unsent.drain(..sent)),
            Err(error) => match error.kind() {
                ErrorKind::WouldBlock => break,
                ErrorKind::BrokenPipe | ErrorKind::ConnectionReset => unsent.clear(),
                _ => return Err(error),
            },
        }
    }
    Ok(())
}

fn close_sending(stream: &TcpStream) -> Result<()> {
    match stream.shutdown(Shutdown::Write) {
        Err(error) if error.kind() == ErrorKind::NotConnected => Ok(()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{Ipv4Addr, TcpListener};
    use std::sync::mpsc;
    use std::thread;

    const TIMEOUTS: TcpTimeouts =
        TcpTimeouts { timeout: Duration::from_secs(20), linger: Duration::from_millis(50) };

    /// Plays `input` against a server that handles one connection.
    fn against(input: &[u8], server: impl FnOnce(TcpStream) + Send + 'static) -> Vec<u8> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("bind");
        let address = listener.local_addr().expect("address");
        let server = thread::spawn(move || server(listener.accept().expect("accept").0));
        let session = session_of(input, InputFormat::Raw);
        let answer = play(|| TcpStream::connect(address), &session, TIMEOUTS, || true).expect("played");
        server.join().expect("server");
        answer
    }

    #[test]
    fn a_server_that_reads_to_the_end_sees_the_half_close() {
        let answer = against(b"hello", |mut stream| {
            let mut request = Vec::new();
            stream.read_to_end(&mut request).expect("read");
            stream.write_all(&request).expect("write");
        });
        assert_eq!(answer, b"hello");
    }

    #[test]
    fn big_inputs_and_answers_do_not_deadlock() {
        const SIZE: usize = 16 << 20;
        let answer = against(&vec![b'i'; 1 << 20], |mut stream| {
            stream.write_all(&vec![b'o'; SIZE]).expect("write");
            stream.read_to_end(&mut Vec::new()).expect("read");
        });
        assert_eq!(answer.len(), SIZE);
    }

    #[test]
    fn a_connection_that_the_server_keeps_is_closed() {
        let (keep, kept) = mpsc::channel();
        let answer = against(b"x", move |mut stream| {
            stream.write_all(b"partial").expect("write");
            keep.send(stream).expect("the test waits");
        });
        assert_eq!(answer, b"partial");
        drop(kept);
    }

    #[test]
    fn an_answer_before_a_reset_is_kept() {
        let answer = against(&[b'x'; 100_000], |mut stream| {
            stream.write_all(b"no").expect("write");
            // Closing with unread input makes the kernel reset the connection.
        });
        assert_eq!(answer, b"no");
    }

    #[test]
    fn a_session_is_played_step_by_step() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("bind");
        let address = listener.local_addr().expect("address");
        let server = thread::spawn(move || {
            let mut chunk = [0; 9];
            let accept = || listener.accept().expect("accept").0;
            let (mut first, mut second) = (accept(), accept());
            let mut read = |stream: &mut TcpStream| stream.read(&mut chunk).map_err(|error| error.kind());
            let seen = vec![read(&mut first), read(&mut second), read(&mut first), read(&mut second)];
            first.write_all(b"first").expect("write");
            seen
        });
        let session = "open 0\nopen 1\nsend 0 \"ab\"\nsend 1 \"cde\"\nreset 1\nsend 0 \"f\"";
        let session = session.parse().expect("well written");
        let answer = play(|| TcpStream::connect(address), &session, TIMEOUTS, || true).expect("played");
        assert_eq!(answer, b"first");
        let seen = server.join().expect("server");
        assert_eq!(seen, [Ok(2), Ok(3), Ok(1), Err(ErrorKind::ConnectionReset)]);
    }
}
