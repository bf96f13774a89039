//! Recording of what clients send to a server: a file that its processes share, and that sockfuzz reads. It begins with a
//! [`RecordingHeader`], which they map. Records follow it; each is appended by one write, so that those of several
//! processes do not mix.

use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

/// Length of the part of the file before its records, in bytes: the header, rounded up to the largest page size.
pub const RECORDS_BEGIN: u64 = 128 << 10;

/// Maximum length of the payload of a record, in bytes. What a server reads by one call beyond that is not recorded.
pub const MAX_PAYLOAD_BYTES: usize = 2 << 20;

/// Number of connections that a header knows.
const CONNECTIONS: usize = 8192;

/// Begins a record. Its last byte is the kind.
const MAGIC: u64 = u64::from_le_bytes(*b"sockrec\0");

const WORD_BYTES: usize = size_of::<u64>();

/// Length of the beginning of a record, before its payload, in bytes.
const HEAD_BYTES: usize = 3 * WORD_BYTES;

/// Beginning of the file. All zeroes are an empty one.
#[derive(Debug)]
#[repr(C)]
pub struct RecordingHeader {
    /// Number of programs into which the preload was loaded.
    programs: AtomicU64,
    /// Number of records that could not be written.
    lost: AtomicU64,
    /// Connections that were accepted: twice their number, plus one after bytes from the client that the server has not
    /// answered yet. A later connection takes the place of an earlier one.
    connections: [AtomicU64; CONNECTIONS],
}

const _: () = assert!(size_of::<RecordingHeader>() <= RECORDS_BEGIN as usize);

impl RecordingHeader {
    /// Counts a program into which the preload was loaded.
    pub fn add_program(&self) {
        self.programs.fetch_add(1, SeqCst);
    }

    /// Whether the preload was loaded into any program.
    #[must_use]
    pub fn has_programs(&self) -> bool {
        self.programs.load(SeqCst) > 0
    }

    /// Counts a record that could not be written.
    pub fn add_lost(&self) {
        self.lost.fetch_add(1, SeqCst);
    }

    /// Returns the number of records that could not be written.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.lost.load(SeqCst)
    }

    /// Notes that a connection was accepted.
    pub fn begin(&self, connection: u64) {
        self.place(connection).store(connection << 1, SeqCst);
    }

    /// Whether a connection was accepted by a process that is recorded.
    #[must_use]
    pub fn has(&self, connection: u64) -> bool {
        self.place(connection).load(SeqCst) >> 1 == connection
    }

    /// Notes that bytes from the client have arrived.
    pub fn receive(&self, connection: u64) {
        self.place(connection).store(connection << 1 | 1, SeqCst);
    }

    /// Notes that the server answers. Returns whether bytes from the client have arrived since its last answer.
    #[must_use]
    pub fn answer(&self, connection: u64) -> bool {
        let (received, answered) = (connection << 1 | 1, connection << 1);
        self.place(connection).compare_exchange(received, answered, SeqCst, SeqCst).is_ok()
    }

    fn place(&self, connection: u64) -> &AtomicU64 {
        // Numbers of sockets are consecutive, so that the remainder distributes them.
        &self.connections[connection as usize % CONNECTIONS]
    }
}

/// Kind of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecordKind {
    /// The server has accepted the connection; the payload is the port of the server, or 0 for a UNIX-domain socket.
    Accepted,
    /// The server has read the payload.
    Received,
    /// The server answers what it has read.
    Answered,
    /// The client has reset the connection.
    Reset,
}

impl RecordKind {
    const ALL: [Self; 4] = [Self::Accepted, Self::Received, Self::Answered, Self::Reset];
}

/// Record of an event on a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Record<'a> {
    /// What happened.
    pub kind: RecordKind,
    /// Number of the connection: that of its socket (fstat(2), `st_ino`).
    pub connection: u64,
    /// Bytes that belong to it.
    pub payload: &'a [u8],
}

impl<'a> Record<'a> {
    /// Returns the beginning of a record, after which `length` bytes of payload follow.
    #[must_use]
    pub fn head(kind: RecordKind, connection: u64, length: usize) -> [u8; HEAD_BYTES] {
        let mut head = [0; HEAD_BYTES];
        let words = [MAGIC | (kind as u64) << 56, connection, length as u64];
        for (place, word) in head.chunks_exact_mut(WORD_BYTES).zip(words) {
            place.copy_from_slice(&word.to_le_bytes());
        }
        head
    }

    /// Returns the number of bytes before the first record, or before what may become one: a process that is killed may leave a
    /// part of a record.
    #[must_use]
    pub fn skip(bytes: &[u8]) -> usize {
        let begin = &MAGIC.to_le_bytes()[..WORD_BYTES - 1];
        let begins = |at: &usize| bytes[*at..].iter().zip(begin).all(|(byte, expected)| byte == expected);
        (0..bytes.len()).find(begins).unwrap_or(bytes.len())
    }

    /// Reads the first record, and returns it with the bytes after it; `None` if `bytes` do not begin with a whole record.
    #[must_use]
    pub fn decode(bytes: &'a [u8]) -> Option<(Self, &'a [u8])> {
        let (head, rest) = bytes.split_at_checked(HEAD_BYTES)?;
        let mut words = head.as_chunks::<WORD_BYTES>().0.iter().map(|word| u64::from_le_bytes(*word));
        let (first, connection, length) = (words.next()?, words.next()?, words.next()?);
        let kind = RecordKind::ALL.into_iter().find(|kind| MAGIC | (*kind as u64) << 56 == first)?;
        let (payload, rest) = rest.split_at_checked(usize::try_from(length).ok()?)?;
        Some((Self { kind, connection, payload }, rest))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(kind: RecordKind, connection: u64, payload: &[u8]) -> Vec<u8> {
        [&Record::head(kind, connection, payload.len())[..], payload].concat()
    }

    #[test]
    fn records_follow_each_other_and_parts_are_skipped() {
        for kind in RecordKind::ALL {
            let bytes = [encoded(kind, 7, b"abc"), encoded(RecordKind::Reset, 8, b"")].concat();
            let (record, rest) = Record::decode(&bytes).expect("whole");
            assert_eq!(record, Record { kind, connection: 7, payload: b"abc" });
            assert_eq!(Record::decode(rest).map(|(record, _)| record.connection), Some(8));
            assert_eq!(Record::decode(&bytes[..HEAD_BYTES + 2]), None);
            assert_eq!(Record::skip(&bytes[1..]), HEAD_BYTES + 2);
            assert_eq!(Record::skip(&bytes[1..HEAD_BYTES + 5]), HEAD_BYTES + 2, "it may become a record");
        }
    }

    #[test]
    fn an_answer_counts_once_for_all_bytes_before_it() {
        // SAFETY: all zeroes are an empty header, and it is too large for a stack.
        let header: Box<RecordingHeader> = unsafe { Box::new_zeroed().assume_init() };
        header.begin(7);
        assert!(header.has(7) && !header.has(8));
        assert!(!header.answer(7));
        header.receive(7);
        header.receive(7);
        assert!(header.answer(7) && !header.answer(7));
    }
}
