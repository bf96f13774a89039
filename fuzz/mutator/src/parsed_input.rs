//! Inputs parsed for mutation: the bytes that are sent, without the session's markers, and the positions of
//! the markers. So operations find a word even if a packet boundary divides it.

use std::ops::Range;

use sockfuzz_model::{Kind, Outline};
use sockfuzz_protocol::InputFormat;
use sockfuzz_protocol::session::{self, Action, Connection, Marker, Step};

use crate::client_protocol::ClientProtocol;
use crate::random::Random;

/// Marker of a session, with its position among the bytes that are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PlacedMarker {
    /// Number of bytes before it.
    pub(crate) at: usize,
    pub(crate) marker: Marker,
}

/// Input parsed into bytes, markers, and the structure of the bytes.
#[derive(Debug, Default)]
pub(crate) struct ParsedInput {
    /// The input as AFL++ passes it.
    input: Vec<u8>,
    /// The bytes that are sent.
    pub(crate) bytes: Vec<u8>,
    /// The markers, in order.
    pub(crate) markers: Vec<PlacedMarker>,
    /// The structure of `bytes`.
    pub(crate) outline: Outline,
    /// The ranges of `bytes` in which the client speaks HTTP/2.
    pub(crate) http2_ranges: Vec<Range<usize>>,
    /// The ranges of `bytes` in which the client speaks TLS.
    pub(crate) tls_ranges: Vec<Range<usize>>,
}

impl ParsedInput {
    /// Parses an input, unless it is the same as the input parsed last.
    pub(crate) fn parse(&mut self, input: &[u8], format: InputFormat) {
        if self.input == input {
            return;
        }
        self.input.clear();
        self.input.extend_from_slice(input);
        self.bytes.clear();
        self.markers.clear();
        match format {
            InputFormat::Raw => self.bytes.extend_from_slice(input),
            InputFormat::Session => self.decode_session(),
        }
        self.parse_structure();
    }

    fn decode_session(&mut self) {
        let mut within_chunk = false;
        // The connection of bytes that have no send marker.
        let mut implied = Some(Connection::default());
        for Step { connection, action } in session::decode(&self.input) {
            let at = self.bytes.len();
            if let Action::Send(fragment) = action {
                if !within_chunk && implied != Some(connection) {
                    self.markers.push(PlacedMarker { at, marker: Marker::send(connection) });
                }
                self.bytes.extend_from_slice(fragment.bytes);
                within_chunk = fragment.more;
                implied = None;
            } else {
                let marker = Marker { action: action.map(|_| ()), connection };
                self.markers.push(PlacedMarker { at, marker });
                implied = Some(connection);
            }
        }
    }

    /// Finds requests, frames and records. They can span several packets, but not several connections.
    fn parse_structure(&mut self) {
        let Self { bytes, markers, outline, http2_ranges, tls_ranges, .. } = self;
        outline.clear();
        http2_ranges.clear();
        tls_ranges.clear();
        let mut protocols = [ClientProtocol::Http1; Connection::COUNT];
        let mut add_range = |range: Range<usize>, protocol: &mut ClientProtocol| {
            let bytes = &bytes[range.clone()];
            outline.add(bytes);
            *protocol = protocol.continued_by(bytes);
            match protocol {
                ClientProtocol::Http2 if !bytes.is_empty() => http2_ranges.push(range),
                ClientProtocol::Tls if !bytes.is_empty() => tls_ranges.push(range),
                _ => {}
            }
        };
        let (mut start, mut connection) = (0, Connection::default());
        for &PlacedMarker { at, marker } in markers.iter() {
            if marker == Marker::send(connection) {
                continue;
            }
            add_range(start..at, &mut protocols[connection.index()]);
            (start, connection) = (at, marker.connection);
            if matches!(marker.action, Action::Close | Action::Reset) {
                protocols[connection.index()] = ClientProtocol::Http1;
            }
        }
        add_range(start..bytes.len(), &mut protocols[connection.index()]);
        outline.finish();
    }

    /// Returns the protocol that decides how the input is mutated: the one of its connections that is not HTTP/1, if any.
    pub(crate) fn protocol(&self) -> ClientProtocol {
        if !self.tls_ranges.is_empty() {
            ClientProtocol::Tls
        } else if !self.http2_ranges.is_empty() {
            ClientProtocol::Http2
        } else {
            ClientProtocol::Http1
        }
    }

    /// Returns the range of a random span of this kind.
    pub(crate) fn random_span(&self, random: &mut Random, kind: Kind) -> Option<Range<usize>> {
        let index = random.pick(self.outline.of(kind))?;
        Some(self.outline.spans()[index as usize].range())
    }

    /// Returns the length of the input, markers included.
    pub(crate) fn len(&self) -> usize {
        self.input.len()
    }

    /// Returns the connection on which the byte at `position` is sent.
    pub(crate) fn connection_at(&self, position: usize) -> Connection {
        let before = self.markers.iter().take_while(|marker| marker.at <= position);
        before.last().map_or(Connection::default(), |placed| placed.marker.connection)
    }
}
