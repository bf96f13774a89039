//! Tests of connections by their input and output.

use super::*;

/// Returns all responses to `pieces`, without their Date fields.
fn answers(pieces: &[&[u8]]) -> String {
    let mut connection = Connection::new(Site::plain());
    for piece in pieces {
        connection.feed(piece);
    }
    connection.finish();
    let mut written = Vec::new();
    while !connection.is_over() {
        let front = connection.output().front().to_vec();
        assert!(!front.is_empty(), "a connection that is not over has no output");
        connection.wrote(front.len());
        written.extend(front);
    }
    String::from_utf8_lossy(&written)
        .split_inclusive('\n')
        .filter(|line| !line.starts_with("Date: "))
        .collect()
}

/// Returns the status codes of the responses to `input`.
fn statuses(input: &str) -> Vec<String> {
    answers(&[input.as_bytes()])
        .lines()
        .filter_map(|line| line.strip_prefix("HTTP/1.1 "))
        .map(|status| status[..3].to_owned())
        .collect()
}

#[test]
fn any_split_gives_the_same_answers() {
    let inputs = [
        "GET / HTTP/1.1\r\nHost: h\r\n\r\nHEAD /static/notes.txt HTTP/1.1\nHost: h\n\n",
        "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhelloGET /none HTTP/1.0\r\n\r\nrest",
        "POST /echo HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n\
         5;x=y\r\nhello\r\n0\r\nT: 1\r\n\r\nOPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n",
        "GET /static/notes.txt HTTP/1.1\r\nHost: h\r\nRange: bytes=0-1,-2\r\n\r\nGET bad\r\n\r\n",
        "GET /query?a=%C3%A9&b HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\nGET / HTTP/1.1\r\n\r\n",
    ];
    for input in inputs {
        let whole = answers(&[input.as_bytes()]);
        assert!(whole.starts_with("HTTP/1.1 "), "{whole}");
        for split in 1..input.len() {
            let (first, second) = input.as_bytes().split_at(split);
            assert_eq!(answers(&[first, second]), whole, "split at {split}");
        }
        let bytes: Vec<_> = input.as_bytes().chunks(1).collect();
        assert_eq!(answers(&bytes), whole);
    }
}

#[test]
fn pipelined_requests_are_answered_in_order() {
    let input = "GET /status/201 HTTP/1.1\r\nHost: h\r\n\r\n\
                 GET /none HTTP/1.1\r\nHost: h\r\n\r\n\
                 DELETE / HTTP/1.1\r\nHost: h\r\n\r\n\
                 BREW / HTTP/1.1\r\nHost: h\r\n\r\n";
    assert_eq!(statuses(input), ["201", "404", "405", "501"]);
}

#[test]
fn keep_alive_follows_the_http_version() {
    let twice = |head: &str| statuses(&format!("{head}\r\n\r\n{head}\r\n\r\n")).len();
    assert_eq!(twice("GET / HTTP/1.1\r\nHost: h"), 2);
    assert_eq!(twice("GET / HTTP/1.1\r\nHost: h\r\nConnection: x, close"), 1);
    assert_eq!(twice("GET / HTTP/1.0"), 1);
    assert_eq!(twice("GET / HTTP/1.0\r\nConnection: Keep-Alive"), 2);
}

#[test]
fn malformed_requests_end_the_connection() {
    let good = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";
    for (bad, status) in [
        ("GET / HTTP/1.1\r\n\r\n", "400"),
        ("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "400"),
        ("GET / HTTP/3.0\r\n\r\n", "505"),
        ("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: x\r\n\r\n", "501"),
    ] {
        assert_eq!(statuses(&format!("{good}{bad}{good}")), ["200", status]);
    }
}

#[test]
fn continue_is_sent_only_when_a_body_is_announced() {
    let head = "POST /echo HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length";
    assert_eq!(statuses(&format!("{head}: 2\r\n\r\nab")), ["100", "200"]);
    assert_eq!(statuses(&format!("{head}: 0\r\n\r\n")), ["200"]);
    assert_eq!(statuses(&format!("{head}: 99999999\r\n\r\n")), ["413"]);
}

#[test]
fn an_incomplete_request_is_not_answered() {
    assert_eq!(answers(&[b"GET / HTTP/1.1\r\nHost: h\r\n"]), "");
    assert_eq!(answers(&[b"POST / HTTP/1.0\r\nContent-Length: 2\r\n\r\n1"]), "");
    assert_eq!(answers(&[]), "");
}

#[test]
fn unread_responses_stop_further_requests() {
    let request = "GET /big?size=200000 HTTP/1.1\r\nHost: h\r\n\r\n";
    let mut connection = Connection::new(Site::plain());
    connection.feed(request.repeat(50).as_bytes());
    assert!(!connection.wants_input());
    assert!(connection.output().len() < 2 * 200_000 + 1000);
    assert_eq!(statuses(&request.repeat(50)).len(), 50);
}
