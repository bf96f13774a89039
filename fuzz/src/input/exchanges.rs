//! Exchanges: the requests of an input with the status codes of their answers. On an HTTP/1 connection, answers come in the order
//! of the requests (RFC 9112, section 9.3.2); in HTTP/2, on their streams.

mod answer_http1;
mod http2;
mod order;

pub use order::answered_by_chunk;
use sockfuzz_model::{Item, Pipeline, Request, Target};
use sockfuzz_protocol::session::{Action, Connection, Session};

use crate::input::exchange::Exchange;

/// Returns the exchanges of an input whose answers these are, by connection. Bytes that are no request end what can be told of a
/// connection, and so does its end by the client.
#[must_use]
pub fn exchanges(session: &Session, answers: &[Vec<u8>; Connection::COUNT]) -> Vec<Exchange> {
    let on = |connection: Connection| {
        let sent = sent_on(session, connection).bytes;
        let answer = &answers[connection.index()];
        if sockfuzz_model::http2::Connection::recognises(&sent) {
            http2::exchanges(&sent, answer)
        } else {
            http1(&sent, answer)
        }
    };
    Connection::ALL.into_iter().flat_map(on).collect()
}

/// What the client sends on a connection, up to its close.
#[derive(Debug, Default)]
pub struct SentBytes {
    /// All that it sends.
    pub bytes: Vec<u8>,
    /// Whether the client closes or resets the connection, which may cut an answer off.
    pub is_closed: bool,
}

/// Returns what the client sends on a connection.
#[must_use]
pub fn sent_on(session: &Session, connection: Connection) -> SentBytes {
    let mut sent = SentBytes::default();
    for step in session.steps().iter().filter(|step| step.connection == connection) {
        match &step.action {
            Action::Send(bytes) => sent.bytes.extend_from_slice(bytes),
            Action::Open | Action::HalfClose => {}
            Action::Close | Action::Reset => {
                sent.is_closed = true;
                break;
            }
        }
    }
    sent
}

fn http1(sent: &[u8], answer: &[u8]) -> Vec<Exchange> {
    let pipeline = Pipeline::parse(sent);
    let requests = pipeline.items.iter().map_while(|item| match item {
        Item::Request(request) => Some(request),
        Item::Opaque(_) => None,
    });
    let mut rest = answer;
    let exchange = |request: &Request<'_>| {
        let status = answer_http1::take(&mut rest, &request.line.method);
        let (Target::Origin { path, .. } | Target::Absolute { path, .. }) = &request.line.target else {
            return None;
        };
        Some(Exchange { method: request.line.method.to_vec(), path: path.to_vec(), status })
    };
    requests.filter_map(exchange).collect()
}

#[cfg(test)]
mod tests {
    use sockfuzz_model::http2::hpack::HeaderEncoder;
    use sockfuzz_model::http2::{Connection as Http2Connection, Frame, flag, kind};

    use super::*;

    fn found(session: &[u8], answers: [&[u8]; 2]) -> Vec<(String, Option<u16>)> {
        let answers = [answers[0].to_vec(), answers[1].to_vec(), Vec::new(), Vec::new()];
        let shown = |it: Exchange| {
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            (format!("{} {}", text(&it.method), text(&it.path)), it.status)
        };
        exchanges(&Session::decode(session), &answers).into_iter().map(shown).collect()
    }

    #[test]
    fn answers_come_in_the_order_of_the_requests() {
        let sent = b"HEAD /a?q HTTP/1.1\r\n\r\nPOST /b HTTP/1.1\r\nContent-Length: 2\r\n\r\nhiGET http://h/c HTTP/1.1\r\n\r\nGET /d HTTP/1.1\r\n\r\n";
        let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n\
            HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Made\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nHTTP/1.1 \r\n0\r\nX: y\r\n\r\n\
            HTTP/1.1 404 No\r\nContent-Length: 9\r\n\r\nHTTP/1.1 ";
        let expected =
            [("HEAD /a", Some(200)), ("POST /b", Some(201)), ("GET /c", Some(404)), ("GET /d", None)];
        assert_eq!(found(sent, [answer, b""]), expected.map(|(what, status)| (what.to_owned(), status)));
    }

    #[test]
    fn an_answer_without_length_is_the_last() {
        let sent = b"GET /a HTTP/1.1\r\n\r\nGET /b HTTP/1.1\r\n\r\n";
        let answer = b"HTTP/1.0 500 No\r\n\r\nHTTP/1.1 200 OK\r\n\r\n";
        let expected = [("GET /a", Some(500)), ("GET /b", None)];
        assert_eq!(found(sent, [answer, b""]), expected.map(|(what, status)| (what.to_owned(), status)));
    }

    #[test]
    fn connections_have_answers_of_their_own() {
        let sent = b"GET /a HTTP/1.1\r\n\r\n\xf5\x41GET /b HTTP/1.1\r\n\r\n";
        let answers: [&[u8]; 2] = [b"HTTP/1.1 200 OK\r\n\r\n", b"HTTP/1.1 403 No\r\n\r\n"];
        let expected = [("GET /a", Some(200)), ("GET /b", Some(403))];
        assert_eq!(found(sent, answers), expected.map(|(what, status)| (what.to_owned(), status)));
    }

    #[test]
    fn bytes_that_are_no_request_end_what_is_known() {
        assert_eq!(found(b"\x16\x03\x01\nGET /a HTTP/1.1\r\n\r\n", [b"HTTP/1.1 400 No\r\n\r\n", b""]), []);
    }

    #[test]
    fn streams_of_http2_have_answers_of_their_own() {
        let mut encoder = HeaderEncoder::default();
        let mut headers = |stream, fields: &[(&str, &str)]| {
            let block = encoder.block(fields, true).serialise();
            Frame::new(kind::HEADERS, flag::END_HEADERS, stream, block)
        };
        let frames = vec![
            headers(1, &[(":method", "GET"), (":path", "/a?q")]),
            headers(3, &[(":method", "PUT"), (":path", "/b")]),
        ];
        let sent = Http2Connection { preface: true, frames, rest: &[] }.serialise();
        let mut encoder = HeaderEncoder::default();
        let mut headers = |stream, status: &str| {
            let block = encoder.block(&[(":status", status)], true).serialise();
            Frame::new(kind::HEADERS, flag::END_HEADERS, stream, block)
        };
        let frames = vec![headers(3, "404"), headers(1, "103"), headers(1, "200")];
        let answer = Http2Connection { preface: false, frames, rest: &[] }.serialise();
        let expected = [("GET /a", Some(200)), ("PUT /b", Some(404))];
        assert_eq!(found(&sent, [&answer, b""]), expected.map(|(what, status)| (what.to_owned(), status)));
    }
}
