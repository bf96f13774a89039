//! What the client is to do, as an input says it: by the steps of a session, or, raw, all of it is one
//! chunk on the first connection.

use std::ops::Range;

use sockfuzz_protocol::InputFormat;
use sockfuzz_protocol::session::{Action, Connection, Cursor, Part, Step};

/// A step, whose bytes are asked for with [`Playback::unsent`].
pub(in crate::driver) type ClientStep = Step<()>;

/// How far the client has come in an input.
#[derive(Debug)]
pub(super) struct Playback {
    position: Position,
    /// What is left of the chunk that is being sent: in the input, or in `joined` unless that is empty.
    left: Range<usize>,
    /// A chunk that stands in the input in several parts.
    joined: Vec<u8>,
}

#[derive(Debug)]
enum Position {
    Raw { begun: bool },
    Session(Cursor),
}

impl Playback {
    pub(super) const fn new(input: InputFormat) -> Self {
        let position = match input {
            InputFormat::Raw => Position::Raw { begun: false },
            InputFormat::Session => Position::Session(Cursor::new()),
        };
        Self { position, left: 0..0, joined: Vec::new() }
    }

    /// Goes on to the next step; the chunk before is over, sent or not.
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

    /// Begins a chunk. It goes out at once, whatever number of parts it has: a server that reads meanwhile would see as
    /// many of them as the kernel lets it.
    fn begin(&mut self, part: Part, input: &[u8]) {
        self.joined.clear();
        let Part { range, mut more } = part;
        if more {
            // A server may have written over its input, and the input's length.
            self.joined.extend_from_slice(input.get(range.clone()).unwrap_or_default());
        }
        self.left = range;
        while more {
            let Position::Session(cursor) = &mut self.position else { break };
            let Some(Step { action: Action::Send(part), .. }) = cursor.next(input) else { break };
            self.joined.extend_from_slice(input.get(part.range).unwrap_or_default());
            more = part.more;
        }
        if !self.joined.is_empty() {
            self.left = 0..self.joined.len();
        }
    }

    /// What is to be sent of the chunk; nothing at its end.
    pub(super) fn unsent<'a>(&'a self, input: &'a [u8]) -> &'a [u8] {
        let chunk = if self.joined.is_empty() { input } else { &self.joined };
        chunk.get(self.left.clone()).unwrap_or_default()
    }

    pub(super) fn consume(&mut self, count: usize) {
        self.left.start += count;
    }

    /// Whether the next connection of this number ends in a reset.
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

    /// All that is to be done, as text.
    fn played(input: InputFormat, bytes: &[u8]) -> String {
        let mut playback = Playback::new(input);
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
    fn a_session_is_steps_and_a_chunk_goes_out_at_once() {
        assert_eq!(
            played(InputFormat::Session, b"ab\xF5\x41c\xF5\xF5d\xF5\x4D"),
            "0 Send(()) \"ab\" 1 Send(()) \"c\u{fffd}d\" \"d\" 1 Close "
        );
        assert_eq!(played(InputFormat::Session, b""), "");
    }

    #[test]
    fn what_is_not_sent_of_a_chunk_is_passed_over() {
        let bytes = b"a\xF5\xF5b\xF5\xF5c\xF5\x44\xF5\x48";
        let mut playback = Playback::new(InputFormat::Session);
        playback.next(bytes);
        assert_eq!(playback.next(bytes).map(|step| step.action), Some(Action::HalfClose));
    }

    #[test]
    fn a_reset_is_known_before_its_connection_is_opened() {
        let bytes = b"a\xF5\x4C\xF5\x41b\xF5\x51\xF5\x40c\xF5\x50";
        let mut playback = Playback::new(InputFormat::Session);
        let [first, second] = [Connection::ALL[0], Connection::ALL[1]];
        assert!(!playback.will_reset(bytes, first));
        assert!(playback.will_reset(bytes, second));
        playback.next(bytes);
        playback.next(bytes);
        assert!(playback.will_reset(bytes, first));
    }
}
