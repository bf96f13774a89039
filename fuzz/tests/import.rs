//! `sockfuzz corpus import` of captures, which are written here packet by packet, of HTTP archives, and of raw
//! requests.

mod common;

use std::fs;

use common::{TestDir, imports};
use etherparse::PacketBuilder;
use predicates::prelude::PredicateBooleanExt;
use predicates::str::contains;
use sockfuzz_protocol::session::Session;

const GET: &[u8] = b"GET /a HTTP/1.1\r\nHost: a\r\n\r\n";
const POST: &[u8] = b"POST /form HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\n";
const ANSWER: &[u8] = b"HTTP/1.1 204 No Content\r\n\r\n";

/// Capture under construction: clients, which differ by their ports, send segments to one server.
#[derive(Default)]
struct Capture(Vec<Vec<u8>>);

/// Effect of a segment besides carrying data.
#[derive(Clone, Copy, PartialEq)]
enum Flag {
    Syn,
    Data,
    Fin,
    Rst,
}
use Flag::{Data, Fin, Rst, Syn};

impl Capture {
    fn packet(mut self, ports: (u16, u16), sequence: u32, flag: Flag, payload: &[u8]) -> Self {
        let builder = PacketBuilder::ethernet2([1; 6], [2; 6]).ipv4([127, 0, 0, 1], [127, 0, 0, 1], 64);
        let builder = builder.tcp(ports.0, ports.1, sequence, 1000);
        let builder = match flag {
            Syn => builder.syn(),
            Data => builder.ack(1),
            Fin => builder.fin().ack(1),
            Rst => builder.rst(),
        };
        let mut packet = Vec::new();
        builder.write(&mut packet, payload).expect("a vector takes it");
        self.0.push(packet);
        self
    }

    /// Adds a segment from the client, at offset `at` of its stream. The SYN has the sequence number 99.
    fn up(self, client: u16, at: u32, flag: Flag, payload: &[u8]) -> Self {
        self.packet((client, 8080), 99 + u32::from(flag != Syn) + at, flag, payload)
    }

    fn down(self, client: u16, flag: Flag, payload: &[u8]) -> Self {
        self.packet((8080, client), 500, flag, payload)
    }

    /// Returns the capture as a pcap file.
    fn pcap(&self) -> Vec<u8> {
        let mut file = Vec::new();
        for word in [0xa1b2_c3d4, 0x0004_0002, 0, 0, 65535, 1_u32] {
            file.extend_from_slice(&word.to_le_bytes());
        }
        for packet in &self.0 {
            let len = packet.len() as u32;
            for word in [0, 0, len, len] {
                file.extend_from_slice(&word.to_le_bytes());
            }
            file.extend_from_slice(packet);
        }
        file
    }

    /// Returns the capture as a pcapng file.
    fn pcapng(&self) -> Vec<u8> {
        let mut file = Vec::new();
        let mut block = |kind: u32, body: &[u8]| {
            let len = (body.len() as u32 + 12).to_le_bytes();
            file.extend_from_slice(&kind.to_le_bytes());
            file.extend_from_slice(&len);
            file.extend_from_slice(body);
            file.extend_from_slice(&len);
        };
        block(0x0a0d_0d0a, &[&0x1a2b_3c4d_u32.to_le_bytes()[..], &[1, 0, 0, 0], &[0xff; 8]].concat());
        block(1, &[1, 0, 0, 0, 0, 0, 0, 0]);
        for packet in &self.0 {
            let len = (packet.len() as u32).to_le_bytes();
            let mut body = [&[0; 12][..], &len, &len, packet].concat();
            body.resize(body.len().next_multiple_of(4), 0);
            block(6, &body);
        }
        file
    }
}

/// Returns the text of the session in this file of `out`.
fn session(dir: &TestDir, name: &str) -> String {
    Session::decode(&fs::read(dir.path("out").join(name)).expect("it is there")).to_string()
}

#[test]
fn a_plain_connection_becomes_its_bytes() {
    let capture = Capture::default()
        .up(4000, 0, Syn, b"")
        .up(4000, 0, Data, GET)
        .down(4000, Data, ANSWER)
        .up(4000, GET.len() as u32, Fin, b"")
        .down(4000, Fin, b"");
    for (name, file) in [("a.pcap", capture.pcap()), ("a.pcapng", capture.pcapng())] {
        let dir = TestDir::new();
        let said = imports(&dir, name, &file, &[]);
        assert!(said.contains("1 input written, 0 known already, 0 skipped"), "{said}");
        assert_eq!(fs::read(dir.path("out/get-a")).expect("it is there"), GET);
    }
}

#[test]
fn segments_are_put_in_order_and_keep_their_boundaries() {
    let capture = Capture::default()
        .up(4000, 0, Syn, b"")
        .up(4000, POST.len() as u32, Data, b"ab")
        .up(4000, 0, Data, POST)
        .up(4000, 0, Data, POST)
        .up(4000, POST.len() as u32 + 2, Data, b"cd")
        .down(4000, Data, ANSWER)
        .up(4000, POST.len() as u32 + 4, Data, GET);
    let dir = TestDir::new();
    imports(&dir, "a.pcap", &capture.pcap(), &[]);
    let text = "send 0 \"POST /form HTTP/1.1\\r\\n\"\n       \"Host: a\\r\\n\"\n       \
                \"Content-Length: 4\\r\\n\"\n       \"\\r\\n\"\nsend 0 \"ab\"\nsend 0 \"cd\"\n\
                send 0 \"GET /a HTTP/1.1\\r\\n\"\n       \"Host: a\\r\\n\"\n       \"\\r\\n\"\n";
    assert_eq!(session(&dir, "post-form"), text);
}

#[test]
fn segments_of_full_size_are_joined() {
    let body = vec![b'x'; 1448];
    let head = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2896\r\n\r\n";
    let begin = head.len() as u32;
    let capture = Capture::default()
        .up(4000, 0, Syn, b"")
        .up(4000, 0, Data, head)
        .up(4000, begin, Data, &body)
        .up(4000, begin + 1448, Data, &body);
    let dir = TestDir::new();
    imports(&dir, "a.pcap", &capture.pcap(), &[]);
    let session = Session::decode(&fs::read(dir.path("out/post-root")).expect("it is there"));
    assert_eq!(session.steps().len(), 2);
}

#[test]
fn connections_that_overlap_become_one_session() {
    let capture = Capture::default()
        .up(4000, 0, Syn, b"")
        .up(4000, 0, Data, POST)
        .up(4001, 0, Syn, b"")
        .up(4001, 0, Data, GET)
        .up(4000, POST.len() as u32, Rst, b"")
        .down(4001, Data, ANSWER)
        .down(4001, Fin, b"")
        .up(4001, GET.len() as u32, Fin, b"")
        .up(4002, 0, Syn, b"")
        .up(4002, 0, Data, GET);
    let dir = TestDir::new();
    let said = imports(&dir, "a.pcap", &capture.pcap(), &[]);
    assert!(said.contains("2 inputs written"), "{said}");
    let text = "send 0 \"POST /form HTTP/1.1\\r\\n\"\n       \"Host: a\\r\\n\"\n       \
                \"Content-Length: 4\\r\\n\"\n       \"\\r\\n\"\n\
                send 1 \"GET /a HTTP/1.1\\r\\n\"\n       \"Host: a\\r\\n\"\n       \"\\r\\n\"\nreset 0\n";
    assert_eq!(session(&dir, "post-form-connections-2"), text);
    assert_eq!(fs::read(dir.path("out/get-a")).expect("it is there"), GET);
}

#[test]
fn unusable_connections_are_reported() {
    let capture = Capture::default()
        .up(4000, 0, Syn, b"")
        .up(4000, 0, Data, b"\x16\x03\x01\x02\x00")
        .down(4001, Data, ANSWER)
        .up(4002, 0, Syn, b"")
        .up(4003, 0, Syn, b"")
        .up(4003, 0, Data, GET)
        .up(4003, 5000, Data, GET)
        .up(4004, 0, Syn, b"")
        .up(4004, 0, Data, b"\0ssh?")
        .up(4005, 0, Syn, b"")
        .up(4005, 0, Data, GET)
        .up(4005, GET.len() as u32, Fin, b"");
    let mut file = capture.pcap();
    file.extend_from_slice(&[1, 2, 3]);
    let dir = TestDir::new();
    let said = imports(&dir, "a.pcap", &file, &[]);
    for reason in [
        "its last packet is cut off",
        "127.0.0.1:4000 to 127.0.0.1:8080: TLS",
        "127.0.0.1:4001 to 127.0.0.1:8080: only the server's side was captured",
        "127.0.0.1:4002 to 127.0.0.1:8080: the client sent nothing",
        "127.0.0.1:4003 to 127.0.0.1:8080: packets are missing after the client's first 28 bytes",
        "127.0.0.1:4004 to 127.0.0.1:8080: not HTTP; --port 8080 imports it anyway",
        "1 input written, 0 known already, 6 skipped",
    ] {
        assert!(said.contains(reason), "{reason} is not in\n{said}");
    }
    imports(&dir, "b.pcap", &file, &["--port", "8080"]);
    assert_eq!(fs::read(dir.path("out/bytes")).expect("it is there"), b"\0ssh?");
}

#[test]
fn an_archive_becomes_requests() {
    let archive = r#"{"log": {"version": "1.2", "entries": [
        {"request": {"method": "POST", "url": "https://example.org/a/b?c=d#e", "httpVersion": "h2",
            "headers": [{"name": ":path", "value": "/a/b?c=d"}, {"name": "content-length", "value": "99"},
                        {"name": "accept", "value": "*/*"}],
            "postData": {"mimeType": "text/plain", "text": "h\u00e9"}}},
        {"request": {"method": "GET", "url": "data:,x", "headers": []}},
        {"request": {"method": "GET", "url": "http://example.org", "headers": [{"name": "Host", "value": "other"}]}}
    ]}}"#;
    let dir = TestDir::new();
    let said = imports(&dir, "a.har", archive.as_bytes(), &[]);
    assert!(said.contains("a.har: GET data:,x: not HTTP"), "{said}");
    let post =
        "POST /a/b?c=d HTTP/1.1\r\nHost: example.org\r\naccept: */*\r\nContent-Length: 3\r\n\r\nh\u{e9}";
    assert_eq!(fs::read(dir.path("out/post-a-b")).expect("it is there"), post.as_bytes());
    let get = "GET / HTTP/1.1\r\nHost: other\r\n\r\n";
    assert_eq!(fs::read(dir.path("out/get-root")).expect("it is there"), get.as_bytes());
}

#[test]
fn a_raw_request_is_changed_with_crlf_only() {
    let dir = TestDir::new();
    let request = b"GET / HTTP/1.1\nHost: a\n\nbody\n";
    imports(&dir, "Some Request.http", request, &[]);
    assert_eq!(fs::read(dir.path("out/some-request")).expect("it is there"), request);
    imports(&dir, "Some Request.http", request, &["--crlf"]);
    let repaired = b"GET / HTTP/1.1\r\nHost: a\r\n\r\nbody\n";
    assert_eq!(fs::read(dir.path("out/some-request-2")).expect("it is there"), repaired);
}

#[test]
fn nothing_is_overwritten_or_written_twice() {
    let dir = TestDir::new();
    dir.write("out/get", b"precious");
    let said = imports(&dir, "get.http", GET, &[]);
    assert!(said.contains("1 input written"), "{said}");
    let said = imports(&dir, "again.http", GET, &[]);
    assert!(said.contains("0 inputs written, 1 known already"), "{said}");
    assert_eq!(fs::read(dir.path("out/get")).expect("still there"), b"precious");
    assert_eq!(fs::read_dir(dir.path("out")).expect("readable").count(), 2);
}

#[test]
fn files_that_cannot_be_read_are_errors_and_leave_nothing() {
    let dir = TestDir::new();
    dir.write("good.http", GET);
    dir.write("empty.http", b"");
    dir.write("broken.pcap", b"\xd4\xc3\xb2\xa1broken");
    dir.write("broken.har", b"{\"log\": 1}");
    for (file, words) in [
        ("missing", "cannot be read"),
        ("broken.pcap", "begins like a packet capture"),
        ("broken.har", "is not an HTTP archive"),
    ] {
        dir.sockfuzz()
            .args(["corpus", "import", "good.http", file, "-o", "out"])
            .assert()
            .code(1)
            .stderr(contains(words).and(contains("remedy: ")));
        assert!(!dir.path("out").exists(), "{file}");
    }
    dir.sockfuzz()
        .args(["corpus", "import", "empty.http", "-o", "out"])
        .assert()
        .code(1)
        .stderr(contains("no file gave an input"));
}
