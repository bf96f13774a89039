//! Tests of every concurrency model, over real TCP.

mod common;

use std::io::{Read, Write};

use common::Server;

const OWN_PARSER: [&str; 5] = ["accept-threads", "thread-per-connection", "pool", "poll", "epoll"];

const MIB: usize = 1024 * 1024;

/// Parsed response.
struct Answer {
    status: u16,
    head: String,
    body: Vec<u8>,
}

/// Parses the responses in `bytes`. A response without Content-Length must have no body.
fn answers(mut bytes: &[u8]) -> Vec<Answer> {
    let mut answers = Vec::new();
    while !bytes.is_empty() {
        let end = bytes.windows(4).position(|four| four == b"\r\n\r\n");
        let (head, rest) = bytes.split_at(end.expect("an end of the head") + 4);
        let head = String::from_utf8(head.to_vec()).unwrap().to_lowercase();
        let length = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "))
            .map_or(0, |length| length.parse().unwrap());
        let (body, rest) = rest.split_at(length);
        answers.push(Answer {
            status: head["http/1.1 ".len()..][..3].parse().unwrap(),
            head,
            body: body.to_vec(),
        });
        bytes = rest;
    }
    answers
}

fn get(target: &str, fields: &str) -> String {
    format!("GET {target} HTTP/1.1\r\nHost: localhost\r\n{fields}\r\n")
}

fn pipelined() -> String {
    let targets = ["/status/201", "/nothing", "/query?a=1", "/static/notes.txt"];
    targets.map(|target| get(target, "")).concat()
}

fn chunked() -> String {
    "POST /form HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\
     Content-Type: application/x-www-form-urlencoded\r\n\r\n\
     4;extension=1\r\na=1&\r\n3\r\nb=2\r\n0\r\nTrailer: x\r\n\r\n"
        .into()
}

fn upload() -> Vec<u8> {
    let head = format!("PUT /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: {MIB}\r\n\r\n");
    [head.into_bytes(), vec![b'x'; MIB]].concat()
}

fn serves_everything(model: &str) {
    let server = Server::start(model);
    let ask = |request: &str| answers(&server.exchange(request.as_bytes()));

    let statuses: Vec<_> = ask(&pipelined()).iter().map(|answer| answer.status).collect();
    assert_eq!(statuses, [201, 404, 200, 200]);

    assert_eq!(ask(&chunked())[0].body, b"a = 1\nb = 2\n");

    let ranged = &ask(&get("/static/notes.txt", "Range: bytes=0-4\r\n"))[0];
    assert_eq!((ranged.status, &ranged.body[..]), (206, &b"01234"[..]));
    assert!(ranged.head.contains("\r\ncontent-range: bytes 0-4/"));

    let big = &ask(&get(&format!("/big?size={}", 17 * MIB), ""))[0];
    assert_eq!(big.body.len(), 17 * MIB);

    let echoed = &answers(&server.exchange(&upload()))[0];
    assert!(echoed.body.ends_with(&[b'x'; MIB]));

    let head = server.exchange(b"HEAD /static/notes.txt HTTP/1.1\r\nHost: localhost\r\n\r\n");
    let head = String::from_utf8(head).unwrap().to_lowercase();
    assert!(head.contains("\r\ncontent-length: ") && head.ends_with("\r\n\r\n"));

    assert_eq!(ask("nonsense\r\n\r\n")[0].status, 400);
    server.stop();
}

/// Sends requests on one connection, each after the response to the previous one.
fn keeps_connections(model: &str) {
    let server = Server::start(model);
    let mut stream = server.connect();
    for number in 0..3 {
        let request = get(&format!("/query?n={number}"), "");
        // Sent in two pieces, as slow clients do.
        let (first, second) = request.split_at(20);
        stream.write_all(first.as_bytes()).unwrap();
        stream.write_all(second.as_bytes()).unwrap();
        let expected = format!("n = {number}\n");
        let mut answer = Vec::new();
        while !answer.ends_with(expected.as_bytes()) {
            let mut byte = [0];
            stream.read_exact(&mut byte).unwrap();
            answer.push(byte[0]);
        }
    }
    stream.write_all(get("/", "Connection: close\r\n").as_bytes()).unwrap();
    let mut last = Vec::new();
    stream.read_to_end(&mut last).unwrap();
    assert_eq!(answers(&last)[0].status, 200);
    server.stop();
}

/// Clients that leave in the middle of a large response or of a request do not affect other clients.
fn survives_client_disconnects(model: &str) {
    let server = Server::start(model);
    for _ in 0..5 {
        let mut stream = server.connect();
        stream.write_all(get("/big?size=33554432", "").as_bytes()).unwrap();
        let mut some = [0; 100];
        stream.read_exact(&mut some).unwrap();
        // Closing with unread input resets the connection.
        drop(stream);
        server.connect().write_all(b"POST /echo HTTP/1.1\r\nContent-").unwrap();
    }
    assert_eq!(answers(&server.exchange(get("/", "").as_bytes()))[0].status, 200);
    server.stop();
}

/// A client whose request is refused early receives the response, although the server ignores the rest
/// of the request.
fn delivers_early_refusals(model: &str) {
    let server = Server::start(model);
    let mut request = format!("POST /echo HTTP/1.1\r\nX: {}\r\n", "x".repeat(600_000)).into_bytes();
    request.extend_from_slice(&upload());
    let answer = server.exchange(&request);
    assert_eq!(answers(&answer)[0].status, 431);
    server.stop();
}

macro_rules! for_each_model {
    ($($name:ident: $model:literal),+ $(,)?) => {$(
        mod $name {
            #[test]
            fn serves_everything() {
                super::serves_everything($model);
            }

            #[test]
            fn keeps_connections() {
                super::keeps_connections($model);
            }

            #[test]
            fn survives_client_disconnects() {
                super::survives_client_disconnects($model);
            }

            #[test]
            fn delivers_early_refusals() {
                super::delivers_early_refusals($model);
            }
        }
    )+};
}

for_each_model! {
    accept_threads: "accept-threads",
    thread_per_connection: "thread-per-connection",
    pool: "pool",
    poll: "poll",
    epoll: "epoll",
    tokio: "tokio",
}

#[test]
fn own_parser_models_answer_alike() {
    let requests = [
        pipelined().into_bytes(),
        chunked().into_bytes(),
        upload(),
        get("/static/index.html", "Range: bytes=0-9,-9\r\n").into_bytes(),
        get("/big?size=1000000", "").repeat(3).into_bytes(),
        b"GET / HTTP/1.0\nConnection: keep-alive\n\nOPTIONS * HTTP/1.0\n\nGET /".to_vec(),
        b"GET /".to_vec(),
    ];
    let servers = OWN_PARSER.map(|model| (model, Server::start(model)));
    for request in &requests {
        let alike =
            servers.each_ref().map(|(model, server)| (model, without_date(&server.exchange(request))));
        for (model, answer) in &alike[1..] {
            let shown = String::from_utf8_lossy(request);
            assert!(*answer == alike[0].1, "{model} differs at {shown:.200}");
        }
    }
}

fn without_date(answer: &[u8]) -> Vec<u8> {
    answer
        .split_inclusive(|&byte| byte == b'\n')
        .filter(|line| !line.starts_with(b"Date: "))
        .collect::<Vec<_>>()
        .concat()
}
