//! Client's side of a TLS connection: a stream of records.

use std::borrow::Cow;

use super::element::Element;
use super::grammar;
use super::record::{MAX_FRAGMENT_LENGTH, Record, RecordHeader, content_type};

/// Records of one side of a connection.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct RecordStream<'a> {
    /// The records.
    pub records: Vec<Record<'a>>,
    /// Bytes at the end, too few for the header of a record.
    pub rest: &'a [u8],
}

impl<'a> RecordStream<'a> {
    /// Whether an input begins with a record of TLS or SSL 3.0, or with a ClientHello of SSL 2.0. No text begins like these.
    #[must_use]
    #[inline]
    pub fn recognises(input: &[u8]) -> bool {
        let is_tls = matches!(input, [content_type::CHANGE_CIPHER_SPEC..=content_type::HEARTBEAT, 3, ..]);
        let is_ssl2 = matches!(input, [0x80..=0xff, _, 1, 0 | 3, ..]);
        is_tls || is_ssl2
    }

    /// Parses any bytes without loss.
    #[must_use]
    pub fn parse(input: &'a [u8]) -> Self {
        let mut rest = input;
        let mut records = Vec::with_capacity(8);
        while let Some(record) = Record::parse(&mut rest) {
            records.push(record);
        }
        Self { records, rest }
    }

    /// Appends the stream's bytes, which equal the input of [`parse`](Self::parse) if nothing was changed.
    pub fn serialise_into(&self, bytes: &mut Vec<u8>) {
        self.records.iter().for_each(|record| record.serialise_into(bytes));
        bytes.extend_from_slice(self.rest);
    }

    /// Returns the stream's bytes.
    #[must_use]
    pub fn serialise(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.serialise_into(&mut bytes);
        bytes
    }

    /// Returns the numbers of the records at which contents begin: each record, but those of a handshake that follow each
    /// other carry one content, whose messages do not end where records end.
    #[must_use]
    pub fn contents(&self) -> Vec<usize> {
        let begins = |&number: &usize| number == 0 || !self.continues(number);
        (0..self.records.len()).filter(begins).collect()
    }

    /// Whether the record carries on what the one before it carries.
    fn continues(&self, number: usize) -> bool {
        let is_handshake = |record: &Record| record.header.content_type() == Some(content_type::HANDSHAKE);
        self.records[number - 1..=number].iter().all(is_handshake)
    }

    /// Returns the number of records that carry the content which begins at `first`.
    #[must_use]
    pub fn content_records(&self, first: usize) -> usize {
        let following = first + 1..self.records.len();
        1 + following.take_while(|&number| self.continues(number)).count()
    }

    /// Returns the bytes of the content that begins at `first`, without the headers of records.
    #[must_use]
    pub fn content(&self, first: usize) -> Cow<'_, [u8]> {
        match &self.records[first..first + self.content_records(first)] {
            [record] => Cow::Borrowed(&record.fragment),
            records => records.iter().flat_map(|record| record.fragment.iter().copied()).collect(),
        }
    }

    /// Replaces the content that begins at `first`. Records keep their lengths, except the last; those for which nothing is
    /// left disappear, and what is too long for one record gets further ones.
    pub fn set_content(&mut self, first: usize, content: &[u8]) {
        let count = self.content_records(first);
        let old = &self.records[first..first + count];
        let mut left = content;
        let mut new: Vec<Record<'a>> = Vec::with_capacity(count);
        for (number, record) in old.iter().enumerate() {
            let is_last = number + 1 == count;
            let length = if is_last { MAX_FRAGMENT_LENGTH } else { record.fragment.len() };
            let (part, rest) = left.split_at(left.len().min(length));
            if number == 0 || !part.is_empty() || record.fragment.is_empty() {
                new.push(Record { fragment: Cow::Owned(part.to_vec()), ..record.clone() });
            }
            left = rest;
        }
        let header = old[count - 1].header;
        new.extend(left.chunks(MAX_FRAGMENT_LENGTH).map(|part| Record::new(header, part.to_vec())));
        self.records.splice(first..first + count, new);
    }
}

/// Parses what records with this header carry, without loss.
#[must_use]
pub fn parse_content(header: RecordHeader, content: &[u8]) -> Element<'_> {
    grammar::shape_of(header).parse_all("content", content)
}
