//! What the client is to do, as an input says it: by the steps of a session, or, raw, all of it is one
//! chunk on the first connection.

use std::ops::Range;

use sockfuzz_protocol::InputFormat;
use sockfuzz_protocol::session::{Action, Connection, Cursor, Part, Step};

/// A step, whose bytes come in pieces.
pub(in crate::driver) type ClientStep = Step<()>;

/// How far the client has come in an input.
#[derive(Debug)]
pub(super) struct Playback {
    position: Position,
    /// What is left of the piece that is being sent.
    piece: Range<usize>,
    /// Another piece of the same chunk follows.
    more: bool,
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
        Self { position, piece: 0..0, more: false }
    }

    /// Goes on to the next step; the chunk before is over, sent or not.
    pub(super) fn next(&mut self, input: &[u8]) -> Option<ClientStep> {
        while self.more {
            self.next_piece(input);
        }
        match &mut self.position {
            Position::Raw { begun: true } => None,
            Position::Raw { begun } => {
                *begun = true;
                self.piece = 0..input.len();
                Some(Step { connection: Connection::ALL[0], action: Action::Send(()) })
            }
            Position::Session(cursor) => {
                let Step { connection, action } = cursor.next(input)?;
                Some(Step { connection, action: action.map(|part| self.begin(part)) })
            }
        }
    }

    fn begin(&mut self, part: Part) {
        (self.piece, self.more) = (part.range, part.more);
    }

    fn next_piece(&mut self, input: &[u8]) {
        let next = match &mut self.position {
            Position::Raw { .. } => None,
            Position::Session(cursor) => cursor.next(input),
        };
        match next {
            Some(Step { action: Action::Send(part), .. }) => self.begin(part),
            _ => self.more = false,
        }
    }

    /// What is to be sent next of the chunk; nothing at its end.
    pub(super) fn piece<'a>(&mut self, input: &'a [u8]) -> &'a [u8] {
        loop {
            // A server may have written over its input, and the input's length.
            let piece = input.get(self.piece.clone()).unwrap_or_default();
            if !piece.is_empty() || !self.more {
                return piece;
            }
            self.next_piece(input);
        }
    }

    pub(super) fn consume(&mut self, count: usize) {
        self.piece.start += count;
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
                let piece = playback.piece(bytes);
                if piece.is_empty() {
                    break;
                }
                said += &format!("{:?} ", String::from_utf8_lossy(piece));
                let count = piece.len().min(2);
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
    fn a_session_is_steps_and_a_chunk_comes_in_pieces() {
        assert_eq!(
            played(InputFormat::Session, b"ab\xF5\x41c\xF5\xF5d\xF5\x4D"),
            "0 Send(()) \"ab\" 1 Send(()) \"c\u{fffd}\" \"d\" 1 Close "
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
