//! Client's end of one connection.

use std::io::{BufRead, Write};

use rustls::{ClientConnection, HandshakeKind, ProtocolVersion};

use crate::hello::{Reply, first_reply};

/// Bytes of the server that tell whether it speaks TLS.
const FIRST_BYTES: usize = 2;

/// Whether the server may send more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TlsEnd {
    /// It may.
    Open,
    /// It has said that it will not (RFC 8446, section 6.1).
    Closed,
    /// It has broken the protocol, or has refused the connection: see [`TlsClient::failure`].
    Failed,
}

/// Result of a handshake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Handshake {
    /// Whether the version is TLS 1.3; otherwise it is TLS 1.2.
    pub is_tls13: bool,
    /// Whether it has resumed a session.
    pub is_resumed: bool,
    /// Protocol that the server has chosen (RFC 7301); `None` if it has chosen none.
    pub protocol: Option<Vec<u8>>,
}

/// Client's end of one connection: plaintext on one side, records on the other.
#[derive(Debug)]
pub struct TlsClient {
    connection: ClientConnection,
    /// Records, of which those from `sent` on wait for the socket.
    records: Vec<u8>,
    sent: usize,
    /// First bytes that the server has sent.
    first: Vec<u8>,
    failure: Option<String>,
    has_closed: bool,
}

impl TlsClient {
    pub(crate) fn new(mut connection: ClientConnection) -> Self {
        // The caller bounds what it sends.
        connection.set_buffer_limit(None);
        let mut client = Self {
            connection,
            records: Vec::new(),
            sent: 0,
            first: Vec::new(),
            failure: None,
            has_closed: false,
        };
        client.collect_records();
        client
    }

    /// Whether plaintext would have to wait for the end of the handshake.
    #[must_use]
    pub fn is_handshaking(&self) -> bool {
        self.connection.is_handshaking() && self.failure.is_none()
    }

    /// Returns the result of the handshake; `None` before it is over.
    #[must_use]
    pub fn handshake(&self) -> Option<Handshake> {
        if self.connection.is_handshaking() {
            return None;
        }
        Some(Handshake {
            is_tls13: self.connection.protocol_version() == Some(ProtocolVersion::TLSv1_3),
            is_resumed: self.connection.handshake_kind() == Some(HandshakeKind::Resumed),
            protocol: self.connection.alpn_protocol().map(<[u8]>::to_vec),
        })
    }

    /// Returns the kind of the server's first bytes.
    #[must_use]
    pub fn reply(&self) -> Reply {
        first_reply(&self.first)
    }

    /// Returns the reason for which the connection has failed.
    #[must_use]
    pub fn failure(&self) -> Option<&str> {
        self.failure.as_deref()
    }

    /// Encrypts plaintext. It must not be called before the handshake is over.
    pub fn write(&mut self, plaintext: &[u8]) {
        // Only a limit of the buffer, of which there is none, would make it fail.
        let _unlimited = self.connection.writer().write_all(plaintext);
        self.collect_records();
    }

    /// Says that the client will send no more (RFC 8446, section 6.1). Before the end of the handshake, nothing is said.
    pub fn close(&mut self) {
        if !self.connection.is_handshaking() && !std::mem::replace(&mut self.has_closed, true) {
            self.connection.send_close_notify();
            self.collect_records();
        }
    }

    /// Returns the records that wait for the socket.
    #[must_use]
    pub fn unsent(&self) -> &[u8] {
        &self.records[self.sent..]
    }

    /// Notes that the socket has taken the first `count` bytes of the records that wait.
    pub fn consume(&mut self, count: usize) {
        self.sent = (self.sent + count).min(self.records.len());
        if self.sent == self.records.len() {
            self.records.clear();
            self.sent = 0;
        }
    }

    /// Decrypts what the server has sent, and passes the plaintext to `answer`. Records that this calls for wait in
    /// [`Self::unsent`].
    pub fn receive(&mut self, mut records: &[u8], mut answer: impl FnMut(&[u8])) -> TlsEnd {
        if self.reply() == Reply::Unknown {
            self.first.extend(records.iter().take(FIRST_BYTES));
        }
        while !records.is_empty() && self.failure.is_none() {
            // Reading from a slice does not fail; after the end of the connection, nothing is read.
            match self.connection.read_tls(&mut records) {
                Ok(1..) => {}
                _ => break,
            }
            if let Err(error) = self.connection.process_new_packets() {
                self.failure = Some(error.to_string());
            }
            self.pass_plaintext(&mut answer);
        }
        self.collect_records();
        self.end()
    }

    /// Returns whether the server may send more.
    #[must_use]
    pub fn end(&self) -> TlsEnd {
        match self.failure {
            Some(_) => TlsEnd::Failed,
            None if self.has_peer_closed() => TlsEnd::Closed,
            None => TlsEnd::Open,
        }
    }

    fn has_peer_closed(&self) -> bool {
        !self.connection.wants_read() && !self.connection.is_handshaking()
    }

    fn pass_plaintext(&mut self, answer: &mut impl FnMut(&[u8])) {
        let mut reader = self.connection.reader();
        // An error says that nothing is left for now, or that the server has closed without saying so.
        while let Ok(plaintext @ [_, ..]) = reader.fill_buf() {
            answer(plaintext);
            let count = plaintext.len();
            reader.consume(count);
        }
    }

    fn collect_records(&mut self) {
        while self.connection.wants_write() {
            // Writing to a vector does not fail.
            if !matches!(self.connection.write_tls(&mut self.records), Ok(1..)) {
                break;
            }
        }
    }
}
