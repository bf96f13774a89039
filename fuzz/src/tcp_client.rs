//! The client that the preload plays, over real TCP: takes a step when the server is idle, and in the
//! end half-closes each connection and reads to its end. Only that here "idle" is a guess.

use std::io::{ErrorKind, Read, Result, Write};
use std::net::{Shutdown, TcpStream};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::sockopt::set_socket_linger;
use sockfuzz_protocol::InputFormat;
use sockfuzz_protocol::session::{Action, Connection, Session, Step};

/// Without a byte for this long, a sleeping server counts as idle.
const QUIET: Duration = Duration::from_millis(20);

/// How often an unchanged connection is looked at.
const TICK: Duration = Duration::from_millis(2);

/// How patient the client is.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// How long the whole conversation may take.
    pub timeout: Duration,
    /// How long an idle server may keep the half-closed connection open.
    pub linger: Duration,
}

/// The session that an input stands for.
#[must_use]
pub fn session_of(input: &[u8], meaning: InputFormat) -> Session {
    match meaning {
        InputFormat::Raw => Session::from_iter([Step {
            connection: Connection::ALL[0],
            action: Action::Send(input.to_vec()),
        }]),
        InputFormat::Session => Session::decode(input),
    }
}

/// Plays a session over connections that `dial` makes, and returns all that is answered, in the order
/// of the connections' numbers. `is_asleep` tells whether the server works on anything.
///
/// # Errors
/// When a connection breaks, or the time is up.
pub fn play(
    dial: impl FnMut() -> Result<TcpStream>,
    session: &Session,
    pace: Pace,
    is_asleep: impl FnMut() -> bool,
) -> Result<Vec<u8>> {
    let mut client = Client {
        dial,
        is_asleep,
        lines: Default::default(),
        answers: Default::default(),
        deadline: Instant::now() + pace.timeout,
    };
    if session.steps().is_empty() {
        client.open(Connection::ALL[0])?;
    }
    for step in session.steps() {
        client.take(step)?;
        client.wait_while(QUIET, |lines| lines.iter().any(is_open))?;
    }
    for connection in Connection::ALL {
        client.half_close(connection)?;
        client.wait_while(pace.linger.max(QUIET), |lines| is_open(&lines[connection.index()]))?;
        client.lines[connection.index()] = None;
    }
    Ok(client.answers.concat())
}

/// A connection that is open for the client.
struct Line {
    stream: TcpStream,
    unsent: Vec<u8>,
    half_closed: bool,
    ended: bool,
}

type Lines = [Option<Line>; Connection::COUNT];

fn is_open(line: &Option<Line>) -> bool {
    line.as_ref().is_some_and(|line| !line.ended)
}

struct Client<Dial, IsAsleep> {
    dial: Dial,
    is_asleep: IsAsleep,
    lines: Lines,
    answers: [Vec<u8>; Connection::COUNT],
    deadline: Instant,
}

impl<Dial: FnMut() -> Result<TcpStream>, IsAsleep: FnMut() -> bool> Client<Dial, IsAsleep> {
    fn open(&mut self, connection: Connection) -> Result<&mut Line> {
        let place = &mut self.lines[connection.index()];
        if place.is_none() {
            let stream = (self.dial)()?;
            stream.set_nonblocking(true)?;
            *place = Some(Line { stream, unsent: Vec::new(), half_closed: false, ended: false });
        }
        Ok(place.as_mut().expect("it is open now"))
    }

    fn take(&mut self, Step { connection, action }: &Step) -> Result<()> {
        match action {
            // What the server did not want of the chunk before is not sent after all.
            Action::Send(chunk) => self.open(*connection)?.unsent.clone_from(chunk),
            Action::Open => drop(self.open(*connection)?),
            Action::HalfClose => self.half_close(*connection)?,
            Action::Close | Action::Reset => {
                self.exchange()?;
                if let Some(line) = self.lines[connection.index()].take()
                    && *action == Action::Reset
                {
                    set_socket_linger(&line.stream, Some(Duration::ZERO))?;
                }
            }
        }
        Ok(())
    }

    fn half_close(&mut self, connection: Connection) -> Result<()> {
        if let Some(line) = &mut self.lines[connection.index()]
            && !std::mem::replace(&mut line.half_closed, true)
        {
            close_sending(&line.stream)?;
        }
        Ok(())
    }

    /// Until the server has been idle for so long, at most while the connections are as wanted.
    fn wait_while(&mut self, patience: Duration, wanted: impl Fn(&Lines) -> bool) -> Result<()> {
        let mut last_byte = Instant::now();
        while Instant::now() < self.deadline {
            if self.exchange()? {
                last_byte = Instant::now();
                continue;
            }
            if !wanted(&self.lines) || last_byte.elapsed() >= patience && (self.is_asleep)() {
                return Ok(());
            }
            self.sleep()?;
        }
        Err(ErrorKind::TimedOut.into())
    }

    /// Sends and receives what goes: whether anything did.
    fn exchange(&mut self) -> Result<bool> {
        let mut progress = false;
        for (line, answer) in self.lines.iter_mut().zip(&mut self.answers) {
            let Some(line) = line.as_mut().filter(|line| !line.ended) else { continue };
            let before = (answer.len(), line.unsent.len());
            line.ended = receive(&mut line.stream, answer)?;
            send(&mut line.stream, &mut line.unsent)?;
            progress |= (answer.len(), line.unsent.len()) != before;
        }
        Ok(progress)
    }

    fn sleep(&self) -> Result<()> {
        let open = self.lines.iter().flatten().filter(|line| !line.ended);
        let mut asked: Vec<PollFd<'_>> = open
            .map(|line| {
                let sends = if line.unsent.is_empty() { PollFlags::empty() } else { PollFlags::OUT };
                PollFd::new(&line.stream, PollFlags::IN | sends)
            })
            .collect();
        let tick = Timespec::try_from(TICK).expect("a tick is short");
        match poll(&mut asked, Some(&tick)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

/// Takes what has arrived: whether that was all. A reset ends the answer like an orderly close.
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

/// Sends what goes. A server that takes no more makes the rest moot, its answer still counts.
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

    const PACE: Pace = Pace { timeout: Duration::from_secs(20), linger: Duration::from_millis(50) };

    /// Plays `input` against a server that handles one connection.
    fn against(input: &[u8], server: impl FnOnce(TcpStream) + Send + 'static) -> Vec<u8> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("bind");
        let address = listener.local_addr().expect("address");
        let server = thread::spawn(move || server(listener.accept().expect("accept").0));
        let session = session_of(input, InputFormat::Raw);
        let answer = play(|| TcpStream::connect(address), &session, PACE, || true).expect("played");
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
    fn a_server_that_keeps_the_connection_is_left() {
        let (keep, kept) = mpsc::channel();
        let answer = against(b"x", move |mut stream| {
            stream.write_all(b"partial").expect("write");
            keep.send(stream).expect("the test waits");
        });
        assert_eq!(answer, b"partial");
        drop(kept);
    }

    #[test]
    fn an_answer_before_a_reset_counts() {
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
        let answer = play(|| TcpStream::connect(address), &session, PACE, || true).expect("played");
        assert_eq!(answer, b"first");
        let seen = server.join().expect("server");
        assert_eq!(seen, [Ok(2), Ok(3), Ok(1), Err(ErrorKind::ConnectionReset)]);
    }
}
