//! TCP connections of a capture, each with the actions of its client.

use std::net::SocketAddr;

use super::capture::TcpSegment;
use super::tcp::Reassembly;

/// An action of a client, and the number of its packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ClientEvent {
    pub(super) at: usize,
    pub(super) action: ClientAction,
    /// The server had sent something since the event before.
    after_answer: bool,
}

/// An action of a client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ClientAction {
    Open,
    Send(Vec<u8>),
    HalfClose,
    Close,
    Reset,
}

/// Smallest payload of a segment that more data follows (RFC 9293, section 3.7.1).
const MIN_FULL_SEGMENT_BYTES: usize = 536;

/// A connection of a capture.
#[derive(Debug)]
pub(super) struct CapturedConnection {
    pub(super) client: SocketAddr,
    pub(super) server: SocketAddr,
    pub(super) events: Vec<ClientEvent>,
    upstream: Reassembly,
    /// The server has sent something since the client's last event.
    answered: bool,
    server_ended: bool,
    ended: bool,
    /// Size of the largest segment: a shorter one is the end of one write.
    largest: usize,
    last: usize,
}

impl CapturedConnection {
    /// All connections, in the order of their beginnings.
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
            // Without the handshake, the first bytes or the lower port decide.
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
            // After the server's end, a reset only closes faster.
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

    /// Joins segments of one write.
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

    /// The number of the last packet with data or an end.
    pub(super) fn last(&self) -> usize {
        self.last
    }

    /// All that the client sent.
    pub(super) fn sent(&self) -> Vec<u8> {
        let sent = self.events.iter().filter_map(|event| match &event.action {
            ClientAction::Send(bytes) => Some(&**bytes),
            _ => None,
        });
        sent.collect::<Vec<_>>().concat()
    }

    /// Why the connection cannot become an input; `None` if it can.
    pub(super) fn unusable_reason(&self, any_protocol: bool) -> Option<String> {
        let sent = self.sent();
        if let Some(gap) = self.upstream.gap() {
            return Some(format!("packets are missing after the client's first {gap} bytes"));
        }
        match &*sent {
            [] if self.answered => Some("only the server's side was captured".to_owned()),
            [] => Some("the client sent nothing".to_owned()),
            [0x16, 0x03, ..] => Some("TLS: capture where it is decrypted, or save a HAR file".to_owned()),
            _ if any_protocol || begins_like_http(&sent) => None,
            _ => Some(format!("no HTTP; --port {} takes it all the same", self.server.port())),
        }
    }
}

/// Whether bytes begin with a method, as those of HTTP/2's preface do.
fn begins_like_http(bytes: &[u8]) -> bool {
    let start = bytes.trim_ascii_start();
    let method = start.iter().take_while(|byte| byte.is_ascii_uppercase() || **byte == b'-').count();
    (3..=20).contains(&method) && start.get(method) == Some(&b' ')
}
