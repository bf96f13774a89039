use sockfuzz_protocol::InputFormat;

use super::*;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::mpsc;
use std::thread;

const TIMEOUTS: TcpTimeouts =
    TcpTimeouts { timeout: Duration::from_secs(20), linger: Duration::from_millis(50) };

/// Plays `input` against a server that handles one connection, and returns its answer.
fn against(input: &[u8], server: impl FnOnce(TcpStream) + Send + 'static) -> Vec<u8> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("bind");
    let address = listener.local_addr().expect("address");
    let server = thread::spawn(move || server(listener.accept().expect("accept").0));
    let session = Session::of_input(input, InputFormat::Raw);
    let answer =
        play(|_| ClientStream::new(TcpStream::connect(address)?, None), &session, TIMEOUTS, None, || true)
            .expect("played");
    server.join().expect("server");
    answer.bytes.concat()
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
fn a_connection_that_the_server_keeps_open_is_closed() {
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
    let answer =
        play(|_| ClientStream::new(TcpStream::connect(address)?, None), &session, TIMEOUTS, None, || true)
            .expect("played");
    assert_eq!(answer.bytes.concat(), b"first");
    let seen = server.join().expect("server");
    assert_eq!(seen, [Ok(2), Ok(3), Ok(1), Err(ErrorKind::ConnectionReset)]);
}

#[test]
fn a_client_stops_waiting_when_the_expected_answers_have_arrived() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("bind");
    let address = listener.local_addr().expect("address");
    let server = thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("accept");
        stream.write_all(b"answer").expect("write");
        stream.read_to_end(&mut Vec::new()).expect("read");
        stream.write_all(b", and more").expect("write");
    });
    let session = Session::of_input(b"request", InputFormat::Raw);
    let expected = [b"answer".to_vec(), vec![], vec![], vec![]];
    // The server never sleeps: without expected answers, the client would wait until the timeout.
    let never = || false;
    let answer = play(
        |_| ClientStream::new(TcpStream::connect(address)?, None),
        &session,
        TIMEOUTS,
        Some(&expected),
        never,
    )
    .expect("played");
    server.join().expect("server");
    assert_eq!(answer.bytes.concat(), b"answer, and more", "data after the half-close counts");
    assert!(!answer.timed_out);
}
