//! Requests of an input with their answers. Only requests that every server must read in the same way are paired with
//! answers: behind another one, it is unknown which answer belongs to which request.

use sockfuzz_model::{Body, FieldLine, Item, Pipeline, Request, Target};
use sockfuzz_protocol::InputFormat;
use sockfuzz_protocol::session::{Connection, Session};

use crate::input::answer::{Answer, AnswerReader};
use crate::input::exchanges::sent_on;

/// Request that every server reads in the same way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PlainRequest {
    pub(super) method: String,
    /// Path of the target, without the query.
    pub(super) path: String,
    /// Names of the fields in lower case.
    pub(super) fields: Vec<String>,
}

impl PlainRequest {
    pub(super) fn has(&self, name: &str) -> bool {
        self.fields.iter().any(|own| own == name)
    }
}

/// Request with its answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct JudgedExchange {
    /// The request; `None` if servers may read it in different ways.
    pub(super) request: Option<PlainRequest>,
    pub(super) answer: Answer,
}

/// Returns the exchanges on all connections of an input whose answers are known for certain.
pub(super) fn exchanges(
    input: &[u8],
    format: InputFormat,
    answers: &[Vec<u8>; Connection::COUNT],
) -> Vec<JudgedExchange> {
    let session = Session::of_input(input, format);
    let sent = Connection::ALL.into_iter().map(|connection| sent_on(&session, connection));
    // What is closed may have a part of its answers only.
    let pairs = sent.zip(answers).filter(|(sent, _)| !sent.is_closed);
    pairs.flat_map(|(sent, answers)| on_connection(&sent.bytes, answers)).collect()
}

fn on_connection(sent: &[u8], answers: &[u8]) -> Vec<JudgedExchange> {
    let mut answers = AnswerReader::new(answers);
    let mut exchanges = Vec::new();
    for item in &Pipeline::parse(sent).items {
        let request = match item {
            Item::Request(request) => plain(request),
            Item::Opaque(_) => None,
        };
        let method = request.as_ref().map(|request| request.method.as_str());
        let Some(answer) = answers.next(method) else { break };
        let is_last = request.is_none();
        exchanges.push(JudgedExchange { request, answer });
        if is_last {
            break;
        }
    }
    exchanges
}

/// Returns a request if every server must read it in the same way (RFC 9112).
fn plain(request: &Request<'_>) -> Option<PlainRequest> {
    let line = &request.line;
    let Target::Origin { path, query } = &line.target else { return None };
    let is_visible = |bytes: &[u8]| bytes.iter().all(u8::is_ascii_graphic);
    let is_line_plain = line.before_target.as_ref() == b" "
        && line.before_version.as_ref() == b" "
        && matches!(line.version.as_ref(), b"HTTP/1.1" | b"HTTP/1.0")
        && line.end.as_ref() == b"\r\n"
        && path.starts_with(b"/")
        && is_visible(path)
        && is_visible(query)
        && !path.contains(&b'#')
        && !query.contains(&b'#');
    let are_fields_plain =
        request.head.fields.iter().all(is_plain_field) && request.head.end.as_ref() == b"\r\n";
    let [hosts, lengths, codings] = ["Host", "Content-Length", "Transfer-Encoding"]
        .map(|name| request.head.all(name).collect::<Vec<_>>());
    // These may change the protocol, or the order of request and answer.
    let has_negotiation =
        ["Expect", "Upgrade", "HTTP2-Settings"].iter().any(|name| request.head.all(name).next().is_some());
    // Without one, the request is refused or answered; with several, servers choose different ones.
    let has_one_host = hosts.len() <= 1;
    let is_body_plain = match (&lengths[..], &request.body) {
        ([], Body::None) => true,
        ([length], Body::None) => *length == b"0",
        ([length], Body::Sized(body)) => is_length(length, body.len()),
        _ => false,
    };
    let is_plain = is_line_plain
        && request.blank.is_empty()
        && are_fields_plain
        && has_one_host
        && codings.is_empty()
        && !has_negotiation
        && is_body_plain;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    is_plain.then(|| PlainRequest {
        method: text(&line.method),
        path: text(path),
        fields: request.head.fields.iter().map(|field| text(&field.name).to_ascii_lowercase()).collect(),
    })
}

fn is_plain_field(field: &FieldLine<'_>) -> bool {
    let is_token = |byte: &u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte);
    !field.name.is_empty()
        && field.name.iter().all(is_token)
        && field.colon.starts_with(b":")
        && field.value.iter().all(|byte| matches!(byte, b'\t' | b' '..=b'~'))
        && field.end.ends_with(b"\r\n")
}

fn is_length(value: &[u8], length: usize) -> bool {
    value.iter().all(u8::is_ascii_digit)
        && std::str::from_utf8(value).is_ok_and(|value| value.parse() == Ok(length))
}

#[cfg(test)]
mod tests {
    use super::*;

    const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

    fn paths(input: &[u8], format: InputFormat) -> Vec<Option<String>> {
        let answers = [OK.repeat(3), OK.to_vec(), Vec::new(), Vec::new()];
        let path = |exchange: JudgedExchange| exchange.request.map(|request| request.path);
        exchanges(input, format, &answers).into_iter().map(path).collect()
    }

    fn of(input: &str) -> Vec<Option<String>> {
        paths(input.as_bytes(), InputFormat::Raw)
    }

    #[test]
    fn requests_are_paired_with_their_answers() {
        let pipeline =
            "GET /a?b HTTP/1.1\r\nHost: a\r\n\r\nPOST /c HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi";
        assert_eq!(of(pipeline), [Some("/a".to_owned()), Some("/c".to_owned())]);
    }

    #[test]
    fn nothing_is_paired_behind_an_ambiguous_request() {
        for request in [
            "GET  /a HTTP/1.1\r\nHost: a\r\n\r\n",
            "GET /a HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
            "GET /a HTTP/1.1\nHost: a\r\n\r\n",
            "GET /a HTTP/1.1\r\nHost : a\r\n\r\n",
            "GET /a HTTP/1.1\r\nHost: a\r\nX: b\r\n c\r\n\r\n",
            "GET /a HTTP/1.1\r\nHost: a\r\nContent-Length: +0\r\n\r\n",
            "GET /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            "GET /a HTTP/1.1\r\nHost: a\r\nUpgrade: b\r\n\r\n",
            "GET http://a/a HTTP/1.1\r\nHost: a\r\n\r\n",
            "nonsense\r\n",
        ] {
            let two = format!("{request}GET /b HTTP/1.1\r\nHost: a\r\n\r\n");
            assert_eq!(of(&two), [None], "{request}");
        }
        assert_eq!(of("POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nhi"), [None], "cut off");
    }

    #[test]
    fn connections_that_the_client_closes_are_left_out() {
        let request = b"GET /a HTTP/1.1\r\nHost: a\r\n\r\n".as_slice();
        let open = [b"\xf5\x41".as_slice(), request].concat();
        assert_eq!(paths(&open, InputFormat::Session), [Some("/a".to_owned())]);
        let closed = [&open[..], b"\xf5\x4d"].concat();
        assert_eq!(paths(&closed, InputFormat::Session), []);
    }
}
