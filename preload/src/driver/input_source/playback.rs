//! Playback of an input: the steps of a session, or, for a raw input, one chunk on the first connection.

use std::ops::Range;

use sockfuzz_protocol::session::{Action, Connection, Cursor, Part, Step};
use sockfuzz_protocol::{InputFormat, references};

use crate::sys::kept_answers;

/// Step of the client. [`Playback::unsent`] returns its bytes.
pub(in crate::driver) type ClientStep = Step<()>;

/// Position of the client in an input.
#[derive(Debug)]
pub(super) struct Playback {
    position: Position,
    /// Unsent bytes of the current chunk: a range of `joined`, or of the input if `joined` is empty.
    left: Range<usize>,
    /// The current chunk, if the input holds it in several parts, or with references.
    joined: Vec<u8>,
    /// Whether the input may have references to earlier answers.
    has_references: bool,
}

#[derive(Debug)]
enum Position {
    Raw { begun: bool },
    Session(Cursor),
}

impl Playback {
    /// Begins an input. One that is raw has a single step, so there is nothing to which it could refer.
    pub(super) fn new(format: InputFormat, input: &[u8]) -> Self {
        let position = match format {
            InputFormat::Raw => Position::Raw { begun: false },
            InputFormat::Session => Position::Session(Cursor::new()),
        };
        let has_references = format == InputFormat::Session && references::may_occur(input);
        kept_answers::begin(has_references);
        Self { position, left: 0..0, joined: Vec::new(), has_references }
    }

    /// Whether answers are needed for later steps.
    pub(super) fn has_references(&self) -> bool {
        self.has_references
    }

    /// Returns the next step. Ends the previous chunk, even if it is not completely sent.
    pub(super) fn next(&mut self, input: &[u8]) -> Option<ClientStep> {
        self.left = 0..0;
        match &mut self.position {
            Position::Raw { begun: true } => None,
            Position::Raw { begun } => {
                *begun = true;
                self.left = 0..input.len();
                Some(Step { connection: Connection::ALL[0], action: Action::Send(()) })
            }
            Position::Session(cursor) => {
                let Step { connection, action } = cursor.next(input)?;
                Some(Step { connection, action: action.map(|part| self.begin(part, input)) })
            }
        }
    }

    /// Begins a chunk. Joins its parts, so that they are sent together: the number of separate parts that a server sees
    /// in one read would depend on scheduling.
    fn begin(&mut self, part: Part, input: &[u8]) {
        self.joined.clear();
        let Part { range, mut more } = part;
        if more {
            // A server may have overwritten its input and the length of it, so the range may be invalid.
            self.joined.extend_from_slice(input.get(range.clone()).unwrap_or_default());
        }
        self.left = range;
        while more {
            let Position::Session(cursor) = &mut self.position else { break };
            let Some(Step { action: Action::Send(part), .. }) = cursor.next(input) else { break };
            self.joined.extend_from_slice(input.get(part.range).unwrap_or_default());
            more = part.more;
        }
        if self.has_references {
            let mut filled = Vec::new();
            let chunk = match self.joined.as_slice() {
                [] => input.get(self.left.clone()).unwrap_or_default(),
                joined => joined,
            };
            kept_answers::fill(chunk, &mut filled);
            self.joined = filled;
            self.left = 0..self.joined.len();
        } else if !self.joined.is_empty() {
            self.left = 0..self.joined.len();
        }
    }

    /// Returns the unsent bytes of the chunk; empty at its end.
    pub(super) fn unsent<'a>(&'a self, input: &'a [u8]) -> &'a [u8] {
        let chunk = if self.joined.is_empty() { input } else { &self.joined };
        chunk.get(self.left.clone()).unwrap_or_default()
    }

    pub(super) fn consume(&mut self, count: usize) {
        self.left.start += count;
    }

    /// Whether the next connection with this number ends with a reset.
    pub(super) fn will_reset(&self, input: &[u8], connection: Connection) -> bool {
        let Position::Session(cursor) = &self.position else { return false };
        let mut cursor = cursor.clone();
        let mut steps =
            std::iter::from_fn(|| cursor.next(input)).filter(|step| step.connection == connection);
        steps
            .find(|step| matches!(step.action, Action::Close | Action::Reset))
            .is_some_and(|step| step.action == Action::Reset)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Steps and unsent bytes of an input, as text.
    fn played(input: InputFormat, bytes: &[u8]) -> String {
        let mut playback = Playback::new(input, bytes);
        let mut said = String::new();
        while let Some(Step { connection, action }) = playback.next(bytes) {
            said += &format!("{connection} {action:?} ");
            loop {
                let unsent = playback.unsent(bytes);
                if unsent.is_empty() {
                    break;
                }
                said += &format!("{:?} ", String::from_utf8_lossy(unsent));
                let count = unsent.len().min(2);
                playback.consume(count);
            }
        }
        said
    }

    #[test]
    fn a_raw_input_is_one_chunk() {
        assert_eq!(played(InputFormat::Raw, b"abc"), "0 Send(()) \"abc\" \"c\" ");
        assert_eq!(played(InputFormat::Raw, b""), "0 Send(()) ");
    }

    #[test]
    fn chunk_of_a_session_is_sent_as_a_whole() {
        assert_eq!(
            played(InputFormat::Session, b"ab\xF5\x41c\xF5\xF5d\xF5\x4D"),
            "0 Send(()) \"ab\" 1 Send(()) \"c\u{fffd}d\" \"d\" 1 Close "
        );
        assert_eq!(played(InputFormat::Session, b""), "");
    }

    #[test]
    fn unsent_bytes_of_a_chunk_are_skipped() {
        let bytes = b"a\xF5\xF5b\xF5\xF5c\xF5\x44\xF5\x48";
        let mut playback = Playback::new(InputFormat::Session, bytes);
        playback.next(bytes);
        assert_eq!(playback.next(bytes).map(|step| step.action), Some(Action::HalfClose));
    }

    #[test]
    fn a_reset_is_known_before_its_connection_is_opened() {
        let bytes = b"a\xF5\x4C\xF5\x41b\xF5\x51\xF5\x40c\xF5\x50";
        let mut playback = Playback::new(InputFormat::Session, bytes);
        let [first, second] = [Connection::ALL[0], Connection::ALL[1]];
        assert!(!playback.will_reset(bytes, first));
        assert!(playback.will_reset(bytes, second));
        playback.next(bytes);
        playback.next(bytes);
        assert!(playback.will_reset(bytes, first));
    }
}
