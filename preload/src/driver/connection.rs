//! Connection of the client, with TLS or without: plaintext on this side, bytes of the transport on the other.

use sockfuzz_protocol::{Counter, Switch};
use sockfuzz_tls::{Connector, Handshake, Protocol, Reply, TlsClient, TlsEnd};

use super::client::{ClientEnd, Sent};
use super::drained::Drained;
use crate::sys::{config, report};

/// Open connection of the client.
#[derive(Debug)]
pub(super) struct ClientConnection {
    pub(super) client: ClientEnd,
    /// Number of connections that were made before it.
    pub(super) number: u32,
    pub(super) half_closed: bool,
    /// The server has half-closed, closed or reset.
    pub(super) ended: bool,
    /// The socket is full although the server is idle: it does not read the rest.
    pub(super) stuck: bool,
    tls: TlsLayer,
}

/// TLS on a connection.
#[derive(Debug)]
enum TlsLayer {
    None,
    /// It begins with the first bytes, which tell the protocol above it.
    Awaited,
    /// The handshake is not over.
    Handshaking(Box<TlsClient>),
    On(Box<TlsClient>),
}

/// Outcome of a handshake, or of the attempt.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum TlsOutcome {
    Done,
    /// The server speaks TLS, but the handshake has failed for this reason, if one is known.
    Failed(Option<String>),
    /// The server has answered with something else, or not at all.
    NotSpoken(Reply),
}

impl ClientConnection {
    pub(super) fn new(client: ClientEnd, number: u32, with_tls: bool) -> Self {
        let tls = if with_tls { TlsLayer::Awaited } else { TlsLayer::None };
        Self { client, number, half_closed: false, ended: false, stuck: false, tls }
    }

    /// Begins the handshake before the first bytes, if it has not begun.
    pub(super) fn begin_tls(&mut self, connector: Option<&Connector>, first: &[u8]) {
        if let (TlsLayer::Awaited, Some(connector)) = (&self.tls, connector) {
            self.tls = TlsLayer::Handshaking(Box::new(connector.connect(Protocol::of(first))));
        }
    }

    /// Whether the handshake has begun, and plaintext must wait for its end.
    pub(super) fn is_handshaking(&self) -> bool {
        matches!(self.tls, TlsLayer::Handshaking(_))
    }

    /// Whether records wait to be sent.
    pub(super) fn has_unsent_records(&self) -> bool {
        self.tls().is_some_and(|tls| !tls.unsent().is_empty())
    }

    /// Returns the outcome of the handshake so far.
    pub(super) fn outcome(&self) -> TlsOutcome {
        let Some(tls) = self.tls() else { return TlsOutcome::NotSpoken(Reply::Unknown) };
        match (tls.handshake(), tls.reply()) {
            // In TLS 1.3, a server refuses the client's certificate after the client's part of the handshake.
            (Some(_), _) if tls.failure().is_none() => TlsOutcome::Done,
            (_, Reply::Tls) => TlsOutcome::Failed(tls.failure().map(str::to_owned)),
            (_, reply) => TlsOutcome::NotSpoken(reply),
        }
    }

    /// Sends plaintext. With TLS, all of it is taken as soon as the records before it are sent.
    pub(super) fn send(&mut self, bytes: &[u8]) -> Sent {
        match self.flush() {
            Sent::Bytes(_) => {}
            stopped => return stopped,
        }
        match &mut self.tls {
            TlsLayer::None => return self.client.send(bytes),
            TlsLayer::On(tls) => tls.write(bytes),
            TlsLayer::Awaited | TlsLayer::Handshaking(_) => return Sent::Blocked,
        }
        let sent = if splits_records() { self.send_half() } else { self.flush() };
        match sent {
            Sent::Refused => Sent::Refused,
            Sent::Bytes(_) | Sent::Blocked => Sent::Bytes(bytes.len()),
        }
    }

    /// Sends the first half of the records that wait: usually it ends in the middle of one.
    fn send_half(&mut self) -> Sent {
        let (TlsLayer::Handshaking(tls) | TlsLayer::On(tls)) = &mut self.tls else { return Sent::Bytes(0) };
        let records = tls.unsent();
        let sent = self.client.send(&records[..records.len() / 2]);
        if let Sent::Bytes(count) = sent {
            tls.consume(count);
        }
        sent
    }

    /// Sends the records that wait; returns their number of bytes if none is left.
    pub(super) fn flush(&mut self) -> Sent {
        let mut total = 0;
        let (TlsLayer::Handshaking(tls) | TlsLayer::On(tls)) = &mut self.tls else { return Sent::Bytes(0) };
        while !tls.unsent().is_empty() {
            match self.client.send(tls.unsent()) {
                Sent::Bytes(count) => {
                    tls.consume(count);
                    total += count;
                }
                stopped => return stopped,
            }
        }
        Sent::Bytes(total)
    }

    /// Reads the available bytes, and passes the plaintext to `answer`.
    pub(super) fn drain(&mut self, buffer: &mut [u8], mut answer: impl FnMut(&[u8])) -> Drained {
        let (TlsLayer::Handshaking(tls) | TlsLayer::On(tls)) = &mut self.tls else {
            return self.client.drain(buffer, answer);
        };
        let read = self.client.drain(buffer, |records| {
            tls.receive(records, &mut answer);
        });
        let end = tls.end();
        self.end_handshake();
        match end {
            TlsEnd::Open => read,
            TlsEnd::Closed => Drained::Ended,
            TlsEnd::Failed => {
                // An alert says why the client gives up. What the server still says is read: nobody may find the
                // connection broken.
                self.flush();
                self.stuck = true;
                read
            }
        }
    }

    /// Goes on with plaintext after the handshake, or without it if that has failed.
    fn end_handshake(&mut self) {
        let TlsLayer::Handshaking(tls) = &self.tls else { return };
        let counter = match tls.handshake() {
            _ if tls.end() == TlsEnd::Failed => Counter::FailedHandshakes,
            Some(Handshake { is_resumed: true, .. }) => Counter::ResumedHandshakes,
            Some(_) => Counter::FullHandshakes,
            None => return,
        };
        report::status().add(counter, 1);
        if let TlsLayer::Handshaking(tls) = std::mem::replace(&mut self.tls, TlsLayer::None) {
            self.tls = TlsLayer::On(tls);
        }
    }

    /// Ends the client's sending direction, and says so in TLS.
    pub(super) fn half_close(&mut self) {
        self.close_tls();
        self.flush();
        self.client.half_close();
    }

    /// Closes the connection.
    pub(super) fn close(mut self) {
        if !self.half_closed {
            self.close_tls();
            self.flush();
        }
        self.client.close();
    }

    /// Aborts the connection; with TLS, in the middle of a record.
    pub(super) fn reset(mut self, answer: impl FnMut(&[u8])) {
        self.close_tls();
        self.send_half();
        self.client.reset(answer);
    }

    fn close_tls(&mut self) {
        if let TlsLayer::On(tls) = &mut self.tls {
            tls.close();
        }
    }

    fn tls(&self) -> Option<&TlsClient> {
        match &self.tls {
            TlsLayer::Handshaking(tls) | TlsLayer::On(tls) => Some(tls),
            TlsLayer::None | TlsLayer::Awaited => None,
        }
    }
}

/// Whether the user wants records to be split over packets.
fn splits_records() -> bool {
    config::get().is_some_and(|config| config.options.split_records == Switch::On)
}
