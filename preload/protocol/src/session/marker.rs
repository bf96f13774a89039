//! Markers: two bytes that separate a session's steps. All code that reads or writes them uses this codec.

use super::{Action, Connection};

/// First byte of a marker. It never occurs in UTF-8.
pub(super) const MARK: u8 = 0xF5;
/// Second byte of a marker for the first action on the first connection.
pub(super) const FIRST_OPERATION: u8 = 0x40;

/// Operation on a connection, as a marker encodes it. `Send` applies to the bytes that follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Marker {
    /// Action of the client.
    pub action: Action<()>,
    /// Connection of the action.
    pub connection: Connection,
}

impl Marker {
    /// Returns the marker before a chunk that is sent on a connection.
    #[must_use]
    pub const fn send(connection: Connection) -> Self {
        Self { action: Action::Send(()), connection }
    }

    /// Returns the two bytes of the marker.
    #[must_use]
    pub fn encode(self) -> [u8; 2] {
        let action = Action::ALL.iter().position(|action| *action == self.action);
        let action = action.expect("all actions are listed") as u8;
        [MARK, FIRST_OPERATION + action * Connection::COUNT as u8 + self.connection.0]
    }

    /// Returns the marker with this second byte; `None` for a byte that is not an operation.
    pub(super) fn of_operation(byte: u8) -> Option<Self> {
        let operation = byte.checked_sub(FIRST_OPERATION)?;
        let action = *Action::ALL.get(usize::from(operation) / Connection::COUNT)?;
        Some(Self { action, connection: Connection(operation % Connection::COUNT as u8) })
    }

    /// Returns the marker at the start of the input, if there is one.
    pub(super) fn at_start(input: &[u8]) -> Option<Self> {
        match input {
            [MARK, operation, ..] => Self::of_operation(*operation),
            _ => None,
        }
    }
}

/// Appends a chunk with its 0xF5 bytes escaped, so that none of it is read as a marker.
pub fn escape_into(mut chunk: &[u8], output: &mut Vec<u8>) {
    while let Some(at) = memchr::memchr(MARK, chunk) {
        output.extend_from_slice(&chunk[..=at]);
        output.push(MARK);
        chunk = &chunk[at + 1..];
    }
    output.extend_from_slice(chunk);
}

/// Splits an input before its first marker, or behind its first escaped 0xF5. Returns the bytes to send, and the rest
/// of the input.
pub(super) fn split_fragment(input: &[u8]) -> (&[u8], &[u8]) {
    let mut from = 0;
    while let Some(found) = memchr::memchr(MARK, &input[from..]) {
        let at = from + found;
        match input.get(at + 1) {
            Some(&MARK) => return (&input[..=at], &input[at + 2..]),
            Some(&operation) if Marker::of_operation(operation).is_some() => return input.split_at(at),
            _ => from = at + 1,
        }
    }
    (input, &[])
}
