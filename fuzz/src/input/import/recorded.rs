//! Connections that a recorded server has accepted, as inputs.

use sockfuzz_model::{Body, Item, Pipeline};
use sockfuzz_protocol::recording::RecordKind;

use super::connections::{ClientAction, begins_like_http, is_tls};
use super::imported::ImportedInput;
use super::{name, sessions};
use crate::input::corpus::MAX_INPUT_BYTES;

/// Maximum number of bytes that are kept of a connection. The markers of a session need some room, too.
const MAX_KEPT_BYTES: usize = MAX_INPUT_BYTES - (4 << 10);

/// Connection of a client, as the server has seen it.
#[derive(Debug, Default)]
pub struct RecordedConnection {
    /// Port of the server; 0 for a UNIX-domain socket.
    port: u16,
    actions: Vec<ClientAction>,
    /// Whether the server has answered since the last bytes.
    is_answered: bool,
    kept: usize,
    is_cut: bool,
}

impl RecordedConnection {
    /// Adds an event.
    pub fn add(&mut self, kind: RecordKind, payload: &[u8]) {
        match kind {
            RecordKind::Accepted => {
                self.port = payload.try_into().map(u16::from_le_bytes).unwrap_or_default();
            }
            RecordKind::Answered => self.is_answered = true,
            RecordKind::Reset => self.actions.push(ClientAction::Reset),
            RecordKind::Received => self.receive(payload),
        }
    }

    fn receive(&mut self, bytes: &[u8]) {
        let kept = &bytes[..bytes.len().min(MAX_KEPT_BYTES - self.kept)];
        self.is_cut |= kept.len() < bytes.len();
        self.kept += kept.len();
        // Where a read ends depends on the server's buffers and on chance, unless the client has waited for an answer.
        match self.actions.last_mut() {
            _ if kept.is_empty() => {}
            Some(ClientAction::Send(before)) if !self.is_answered => before.extend_from_slice(kept),
            _ => self.actions.push(ClientAction::Send(kept.to_vec())),
        }
        self.is_answered = false;
    }

    /// Returns the port of the server; 0 for a UNIX-domain socket.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Whether the client has sent more than an input can hold.
    #[must_use]
    pub fn is_cut(&self) -> bool {
        self.is_cut
    }

    /// Returns what the client has sent.
    #[must_use]
    pub fn sent(&self) -> Vec<u8> {
        self.actions.iter().filter_map(ClientAction::sent).collect::<Vec<_>>().concat()
    }

    /// Returns the input: the bytes, if the client has sent whole requests, otherwise a session that waits for the answers
    /// for which the client has waited.
    ///
    /// # Errors
    /// The reason why there is none.
    pub fn to_input(&self, any_protocol: bool) -> Result<ImportedInput, String> {
        let sent = self.sent();
        if sent.is_empty() {
            return Err("the client sent nothing".to_owned());
        }
        if is_tls(&sent) {
            return Err("TLS: record a server without it, behind what terminates TLS".to_owned());
        }
        if !any_protocol && !begins_like_http(&sent) {
            return Err("not HTTP; --port records it anyway".to_owned());
        }
        let joined = self.joined();
        let bytes = sessions::encode(joined.iter().map(|action| (0, action)).collect(), false);
        Ok(ImportedInput { name: name::of_bytes(&sent), bytes, made_from: format!("port {}", self.port) })
    }

    /// Joins whole requests: a client that sends the next one early gets the same answers.
    fn joined(&self) -> Vec<ClientAction> {
        let mut joined: Vec<ClientAction> = Vec::new();
        let mut unfinished = Vec::new();
        for action in &self.actions {
            match (joined.last_mut(), action) {
                (Some(ClientAction::Send(before)), ClientAction::Send(bytes)) if unfinished.is_empty() => {
                    before.extend_from_slice(bytes);
                }
                _ => joined.push(action.clone()),
            }
            unfinished.extend_from_slice(action.sent().unwrap_or_default());
            if ends_with_whole_request(&unfinished) {
                unfinished.clear();
            }
        }
        joined
    }
}

/// Whether the bytes end where a request ends.
fn ends_with_whole_request(bytes: &[u8]) -> bool {
    /// No request begins with this, and it would belong to an unfinished one.
    const PROBE: &[u8] = b"\0";
    let probed = [bytes, PROBE].concat();
    match Pipeline::parse(&probed).items.as_slice() {
        [.., Item::Request(request), Item::Opaque(rest)] => {
            let has_whole_body = match &request.body {
                Body::Chunked(chunked) => !chunked.trailer.end.is_empty(),
                // Before their first one, it is not known whether there are chunks.
                _ => request.head.all("Transfer-Encoding").next().is_none(),
            };
            **rest == *PROBE && has_whole_body
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use sockfuzz_protocol::session::{Action, Session};

    use super::*;

    const GET: &[u8] = b"GET /a?b HTTP/1.1\r\nHost: a\r\n\r\n";
    const HEAD_OF_POST: &[u8] = b"POST /b HTTP/1.1\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n";

    fn connection(events: &[Option<&[u8]>]) -> RecordedConnection {
        let mut connection = RecordedConnection::default();
        connection.add(RecordKind::Accepted, &8080_u16.to_le_bytes());
        for event in events {
            match event {
                Some(bytes) => connection.add(RecordKind::Received, bytes),
                None => connection.add(RecordKind::Answered, b""),
            }
        }
        connection
    }

    #[test]
    fn reads_of_one_request_are_joined() {
        let input = connection(&[Some(&GET[..3]), Some(&GET[3..]), None]).to_input(false).expect("HTTP");
        assert_eq!((input.bytes.as_slice(), input.name.as_str()), (GET, "get-a"));
    }

    #[test]
    fn requests_after_answers_are_a_plain_input() {
        let input = connection(&[Some(GET), None, Some(GET), None]).to_input(false).expect("HTTP");
        assert_eq!(input.bytes, [GET, GET].concat());
    }

    #[test]
    fn a_body_that_waits_for_an_answer_is_a_step() {
        let events = [Some(GET), None, Some(HEAD_OF_POST), None, Some(b"1234"), None, Some(GET)];
        let input = connection(&events).to_input(false).expect("HTTP");
        let sent: Vec<_> =
            Session::decode(&input.bytes).into_steps().into_iter().map(|it| it.action).collect();
        let first = [GET, HEAD_OF_POST].concat();
        let second = [b"1234", GET].concat();
        assert_eq!(sent, [Action::Send(first), Action::Send(second)]);
    }

    #[test]
    fn whole_requests_are_recognised() {
        let chunked = b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n";
        for request in [GET, chunked] {
            assert!(ends_with_whole_request(request));
            for end in 1..request.len() {
                assert!(!ends_with_whole_request(&request[..end]), "{end}");
            }
        }
        assert!(!ends_with_whole_request(HEAD_OF_POST) && !ends_with_whole_request(b""));
    }

    #[test]
    fn other_protocols_are_named() {
        let reason = |bytes: &[u8]| connection(&[Some(bytes)]).to_input(false).expect_err("not HTTP");
        assert!(reason(b"\x16\x03\x01\x02").contains("TLS"));
        assert!(reason(b"*1\r\n$4\r\nPING\r\n").contains("--port"));
        assert!(connection(&[]).to_input(true).expect_err("empty").contains("nothing"));
        assert!(connection(&[Some(b"*1\r\n$4\r\nPING\r\n")]).to_input(true).is_ok());
    }

    #[test]
    fn a_long_connection_is_cut() {
        let mut long = connection(&[Some(GET)]);
        assert!(!long.is_cut());
        long.add(RecordKind::Received, &[b'a'; MAX_INPUT_BYTES]);
        assert!(long.is_cut() && long.sent().len() == MAX_KEPT_BYTES);
    }
}
