//! The client that the preload plays, over a real TCP connection: send everything, half-close
//! when the server is idle, read to the end.

use std::io::{ErrorKind, Read, Result, Write};
use std::net::{Shutdown, TcpStream};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

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

/// Sends `input` over a fresh connection and returns all that is answered. `is_asleep` tells whether the server works on
/// anything.
///
/// # Errors
/// When the connection breaks, or the time is up.
pub fn play(
    mut stream: TcpStream,
    input: &[u8],
    pace: Pace,
    mut is_asleep: impl FnMut() -> bool,
) -> Result<Vec<u8>> {
    let deadline = Instant::now() + pace.timeout;
    stream.set_nonblocking(true)?;
    let mut answer = Vec::new();
    let mut unsent = input;
    let mut half_closed = false;
    let mut last_byte = Instant::now();
    while Instant::now() < deadline {
        let before = (answer.len(), unsent.len());
        if receive(&mut stream, &mut answer)? == Connection::Over {
            return Ok(answer);
        }
        send(&mut stream, &mut unsent)?;
        if (answer.len(), unsent.len()) != before {
            last_byte = Instant::now();
            continue;
        }
        let quiet = last_byte.elapsed();
        if quiet >= QUIET && is_asleep() {
            if unsent.is_empty() && !half_closed {
                half_closed = true;
                last_byte = Instant::now();
                close_sending(&stream)?;
            } else if quiet >= pace.linger {
                return Ok(answer);
            }
        }
        wait(&stream, !unsent.is_empty())?;
    }
    Err(ErrorKind::TimedOut.into())
}

#[derive(PartialEq, Eq)]
enum Connection {
    Open,
    Over,
}

/// Takes what has arrived. A reset ends the answer like an orderly close.
fn receive(stream: &mut TcpStream, answer: &mut Vec<u8>) -> Result<Connection> {
    match stream.read_to_end(answer) {
        Ok(_) => Ok(Connection::Over),
        Err(error) => match error.kind() {
            ErrorKind::WouldBlock => Ok(Connection::Open),
            ErrorKind::ConnectionReset => Ok(Connection::Over),
            _ => Err(error),
        },
    }
}

/// Sends what goes. A server that takes no more makes the rest moot, its answer still counts.
fn send(stream: &mut TcpStream, unsent: &mut &[u8]) -> Result<()> {
    while !unsent.is_empty() {
        match stream.write(unsent) {
            Ok(sent) => *unsent = &unsent[sent..],
            Err(error) => match error.kind() {
                ErrorKind::WouldBlock => break,
                ErrorKind::BrokenPipe | ErrorKind::ConnectionReset => *unsent = &[],
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

fn wait(stream: &TcpStream, sending: bool) -> Result<()> {
    let events = if sending { PollFlags::IN | PollFlags::OUT } else { PollFlags::IN };
    let tick = Timespec::try_from(TICK).expect("a tick is short");
    match poll(&mut [PollFd::new(stream, events)], Some(&tick)) {
        Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
        Err(error) => Err(error.into()),
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
        let connection = TcpStream::connect(address).expect("connect");
        let answer = play(connection, input, PACE, || true).expect("played");
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
}
