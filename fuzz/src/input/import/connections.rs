//! TCP connections of a capture, with the actions of their clients.

use std::net::SocketAddr;

use super::capture::TcpSegment;
use super::tcp::Reassembly;

/// Action of a client, with the index of its packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ClientEvent {
    pub(super) at: usize,
    pub(super) action: ClientAction,
    /// Whether the server sent data between the previous event and this one.
    after_answer: bool,
}

/// Action of a client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ClientAction {
    Open,
    Send(Vec<u8>),
    HalfClose,
    Close,
    Reset,
}

impl ClientAction {
    /// Returns the bytes that are sent.
    pub(super) fn sent(&self) -> Option<&[u8]> {
        match self {
            Self::Send(bytes) => Some(bytes),
            _ => None,
        }
    }
}

/// Minimum payload of a full-size segment: the default MSS of IPv4 (RFC 9293, section 3.7.1).
const MIN_FULL_SEGMENT_BYTES: usize = 536;

/// Connection of a capture.
#[derive(Debug)]
pub(super) struct CapturedConnection {
    pub(super) client: SocketAddr,
    pub(super) server: SocketAddr,
    pub(super) events: Vec<ClientEvent>,
    upstream: Reassembly,
    /// Whether the server has sent data since the client's last event.
    answered: bool,
    server_ended: bool,
    ended: bool,
    /// Payload of the client's largest segment. A shorter segment ends a write.
    largest: usize,
    last: usize,
}

impl CapturedConnection {
    /// Returns all connections, in the order of their first segments.
    pub(super) fn of(segments: &[TcpSegment]) -> Vec<Self> {
        let mut connections: Vec<Self> = Vec::new();
        for (at, segment) in segments.iter().enumerate() {
            let belongs = |connection: &&mut Self| connection.has(segment);
            let again = segment.syn && !segment.ack;
            let known = connections.iter_mut().rev().find(belongs).filter(|known| !(again && known.ended));
            let connection = match known {
                Some(connection) => connection,
                None => {
                    connections.push(Self::new(segment, at));
                    let last = connections.len() - 1;
                    &mut connections[last]
                }
            };
            connection.take(segment, at);
        }
        for connection in &mut connections {
            connection.join();
        }
        connections
    }

    fn new(segment: &TcpSegment, at: usize) -> Self {
        let (client, server) = match (segment.syn, segment.ack) {
            (true, false) => (segment.from, segment.to),
            (true, true) => (segment.to, segment.from),
            // Without the handshake, the first bytes or the lower port identify the server.
            _ if segment.payload.starts_with(b"HTTP/") => (segment.to, segment.from),
            _ if begins_like_http(&segment.payload) => (segment.from, segment.to),
            _ if segment.from.port() < segment.to.port() => (segment.to, segment.from),
            _ => (segment.from, segment.to),
        };
        Self {
            client,
            server,
            events: vec![ClientEvent { at, action: ClientAction::Open, after_answer: false }],
            upstream: Reassembly::default(),
            answered: false,
            server_ended: false,
            ended: false,
            largest: 0,
            last: at,
        }
    }

    fn has(&self, segment: &TcpSegment) -> bool {
        [(self.client, self.server), (self.server, self.client)].contains(&(segment.from, segment.to))
    }

    fn take(&mut self, segment: &TcpSegment, at: usize) {
        if !segment.payload.is_empty() || segment.fin || segment.rst {
            self.last = at;
        }
        if segment.from != self.client {
            self.answered |= !segment.payload.is_empty();
            self.server_ended |= segment.fin || segment.rst;
            self.ended |= segment.rst;
            return;
        }
        if segment.syn {
            self.upstream.begin(segment.sequence);
            return;
        }
        for bytes in self.upstream.add(segment.sequence, &segment.payload) {
            self.largest = self.largest.max(bytes.len());
            self.push(at, ClientAction::Send(bytes));
        }
        let action = match (segment.rst, segment.fin, self.server_ended) {
            // After the server's FIN or reset, a reset by the client is equivalent to a close.
            (true, _, false) => ClientAction::Reset,
            (true, _, true) | (_, true, true) => ClientAction::Close,
            (_, true, false) => ClientAction::HalfClose,
            _ => return,
        };
        if !self.ended {
            self.ended = action != ClientAction::HalfClose;
            self.push(at, action);
        }
    }

    fn push(&mut self, at: usize, action: ClientAction) {
        let after_answer = std::mem::take(&mut self.answered);
        self.events.push(ClientEvent { at, action, after_answer });
    }

    /// Joins the segments of one write: each full-size segment with the next one.
    fn join(&mut self) {
        let full_size = self.largest.max(MIN_FULL_SEGMENT_BYTES);
        let mut joined: Vec<ClientEvent> = Vec::with_capacity(self.events.len());
        let mut full = false;
        for event in self.events.drain(..) {
            let fills = matches!(&event.action, ClientAction::Send(bytes) if bytes.len() == full_size);
            match (joined.last_mut().map(|last| &mut last.action), event) {
                (
                    Some(ClientAction::Send(before)),
                    ClientEvent { action: ClientAction::Send(bytes), after_answer: false, .. },
                ) if full => before.extend_from_slice(&bytes),
                (_, event) => joined.push(event),
            }
            full = fills;
        }
        self.events = joined;
    }

    /// Returns the index of the last packet with data, FIN or RST.
    pub(super) fn last(&self) -> usize {
        self.last
    }

    /// Returns all bytes that the client sent.
    pub(super) fn sent(&self) -> Vec<u8> {
        self.events.iter().filter_map(|event| event.action.sent()).collect::<Vec<_>>().concat()
    }

    /// Returns the reason why the connection cannot become an input; `None` if it can.
    pub(super) fn unusable_reason(&self, any_protocol: bool) -> Option<String> {
        let sent = self.sent();
        if let Some(gap) = self.upstream.gap() {
            return Some(format!("packets are missing after the client's first {gap} bytes"));
        }
        match &*sent {
            [] if self.answered => Some("only the server's side was captured".to_owned()),
            [] => Some("the client sent nothing".to_owned()),
            _ if is_tls(&sent) => Some("TLS: capture where it is decrypted, or save a HAR file".to_owned()),
            _ if any_protocol || begins_like_http(&sent) => None,
            _ => Some(format!("not HTTP; --port {} imports it anyway", self.server.port())),
        }
    }
}

/// Whether the bytes begin with a record of a TLS handshake (RFC 8446, section 5.1).
pub(super) fn is_tls(bytes: &[u8]) -> bool {
    bytes.starts_with(&[0x16, 0x03])
}

/// Whether the bytes begin with an HTTP method. The preface of HTTP/2 does so, too.
pub(super) fn begins_like_http(bytes: &[u8]) -> bool {
    let start = bytes.trim_ascii_start();
    let method = start.iter().take_while(|byte| byte.is_ascii_uppercase() || **byte == b'-').count();
    (3..=20).contains(&method) && start.get(method) == Some(&b' ')
}
