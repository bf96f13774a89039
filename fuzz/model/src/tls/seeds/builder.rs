//! Builder of the streams of seeds.

use super::hello::Hello;
use crate::tls::grammar::handshake_type;
use crate::tls::vocabulary::push_vector;
use crate::tls::{Record, RecordHeader, RecordStream, content_type};

/// Builder of a client's records.
#[derive(Debug, Default)]
pub(super) struct StreamBuilder {
    records: Vec<Record<'static>>,
}

impl StreamBuilder {
    pub(super) fn record(&mut self, content_type: u8, fragment: impl Into<Vec<u8>>) -> &mut Self {
        self.records.push(Record::new(RecordHeader::tls(content_type, 0x0303), fragment.into()));
        self
    }

    /// Adds a ClientHello in a record of its own, with the version of the oldest servers.
    pub(super) fn hello(&mut self, hello: &Hello) -> &mut Self {
        self.message(handshake_type::CLIENT_HELLO, &hello.body()).version(0x0301)
    }

    /// Adds a handshake message in a record of its own.
    pub(super) fn message(&mut self, kind: u8, body: &[u8]) -> &mut Self {
        self.record(content_type::HANDSHAKE, message(kind, body))
    }

    /// Adds the messages of a client that change to the negotiated keys. What is encrypted is made up, so servers reject it
    /// after they have tried to decrypt it.
    pub(super) fn finish(&mut self) -> &mut Self {
        self.change_cipher()
            .record(content_type::HANDSHAKE, *b"\0\0\0\0\0\0\0\0sixteen bytes...sixteen bytes...")
    }

    pub(super) fn change_cipher(&mut self) -> &mut Self {
        self.record(content_type::CHANGE_CIPHER_SPEC, [1])
    }

    pub(super) fn alert(&mut self, level: u8, description: u8) -> &mut Self {
        self.record(content_type::ALERT, [level, description])
    }

    /// Sets the version of the last record.
    pub(super) fn version(&mut self, version: u16) -> &mut Self {
        if let Some(Record { header: RecordHeader::Tls { version: own, .. }, .. }) = self.records.last_mut() {
            *own = version;
        }
        self
    }

    /// Declares another length in the last record's header.
    pub(super) fn declared(&mut self, length: u16) -> &mut Self {
        if let Some(record) = self.records.last_mut() {
            record.declared = Some(length);
        }
        self
    }

    /// Splits the last record into pieces of this many bytes.
    pub(super) fn in_pieces(&mut self, size: usize) -> &mut Self {
        let Some(whole) = self.records.pop() else { return self };
        self.records
            .extend(whole.fragment.chunks(size).map(|piece| Record::new(whole.header, piece.to_vec())));
        self
    }

    /// Joins the last two records.
    pub(super) fn joined(&mut self) -> &mut Self {
        if let (Some(second), Some(first)) = (self.records.pop(), self.records.last_mut()) {
            first.fragment.to_mut().extend_from_slice(&second.fragment);
        }
        self
    }

    /// Adds a ClientHello in the format of SSL 2.0.
    pub(super) fn ssl2(&mut self, fragment: &'static [u8]) -> &mut Self {
        self.records.push(Record::new(RecordHeader::Ssl2, fragment));
        self
    }

    pub(super) fn bytes(&self) -> Vec<u8> {
        RecordStream { records: self.records.clone(), rest: &[] }.serialise()
    }
}

/// Returns the bytes of a handshake message.
pub(super) fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    let mut bytes = vec![kind];
    push_vector(3, body, &mut bytes);
    bytes
}
