//! An input, taken apart for mutation: the bytes that are sent, without the session's markers, and
//! where those stood. So a packet boundary in the middle of a word hides the word from no operation.

use std::ops::Range;

use sockfuzz_model::Outline;
use sockfuzz_model::http2;
use sockfuzz_protocol::InputFormat;
use sockfuzz_protocol::session::{self, Action, Connection};

/// First byte of a session's marker.
pub(crate) const MARK: u8 = 0xF5;

/// The second byte of a marker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Operation(u8);

impl Operation {
    pub(crate) const SEND: u8 = 0;
    pub(crate) const HALF_CLOSE: u8 = 2;
    pub(crate) const ACTIONS: u8 = 5;

    pub(crate) fn new(action: u8, connection: usize) -> Self {
        Self(action * Connection::COUNT as u8 + connection as u8)
    }

    pub(crate) fn action(self) -> u8 {
        self.0 / Connection::COUNT as u8
    }

    pub(crate) fn connection(self) -> usize {
        usize::from(self.0) % Connection::COUNT
    }

    pub(crate) fn marker(self) -> [u8; 2] {
        [MARK, 0x40 + self.0]
    }
}

/// A marker, and where it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cut {
    /// Bytes before it.
    pub(crate) at: usize,
    pub(crate) operation: Operation,
}

/// An input, taken apart.
#[derive(Debug, Default)]
pub(crate) struct Text {
    /// What it was.
    input: Vec<u8>,
    /// What is sent.
    pub(crate) bytes: Vec<u8>,
    /// The markers, in order.
    pub(crate) cuts: Vec<Cut>,
    /// The structure of `bytes`.
    pub(crate) outline: Outline,
    /// Where HTTP/2 is spoken.
    pub(crate) framed: Vec<Range<usize>>,
}

impl Text {
    /// Takes `input` apart, unless it is what was taken apart before.
    pub(crate) fn read(&mut self, input: &[u8], kind: InputFormat) {
        if self.input == input {
            return;
        }
        self.input.clear();
        self.input.extend_from_slice(input);
        self.bytes.clear();
        self.cuts.clear();
        match kind {
            InputFormat::Raw => self.bytes.extend_from_slice(input),
            InputFormat::Session => self.decode(),
        }
        self.understand();
    }

    fn decode(&mut self) {
        let mut within = false;
        // Where the bytes go that no marker stands before.
        let mut current = Some(0);
        for step in session::decode(&self.input) {
            let connection = step.connection.index();
            let action = match step.action {
                Action::Send(fragment) => {
                    let goes_on = within || current == Some(connection);
                    if !goes_on {
                        let operation = Operation::new(Operation::SEND, connection);
                        self.cuts.push(Cut { at: self.bytes.len(), operation });
                    }
                    self.bytes.extend_from_slice(fragment.bytes);
                    within = fragment.more;
                    current = None;
                    continue;
                }
                Action::Open => 1,
                Action::HalfClose => Operation::HALF_CLOSE,
                Action::Close => 3,
                Action::Reset => 4,
            };
            self.cuts.push(Cut { at: self.bytes.len(), operation: Operation::new(action, connection) });
            current = Some(connection);
        }
    }

    /// Requests and frames do not reach from one connection to another, but they do across packets.
    fn understand(&mut self) {
        let Self { bytes, cuts, outline, framed, .. } = self;
        outline.clear();
        framed.clear();
        let mut speaks_http2 = [false; Connection::COUNT];
        let mut stretch = |range: Range<usize>, speaks_http2: &mut bool| {
            let bytes = &bytes[range.clone()];
            outline.add(bytes);
            *speaks_http2 |= http2::Connection::recognises(bytes);
            if *speaks_http2 && !bytes.is_empty() {
                framed.push(range);
            }
        };
        let (mut start, mut connection) = (0, 0);
        for cut in cuts {
            let operation = cut.operation;
            if operation.action() == Operation::SEND && operation.connection() == connection {
                continue;
            }
            stretch(start..cut.at, &mut speaks_http2[connection]);
            (start, connection) = (cut.at, operation.connection());
            if operation.action() > Operation::HALF_CLOSE {
                speaks_http2[connection] = false;
            }
        }
        stretch(start..bytes.len(), &mut speaks_http2[connection]);
        outline.finish();
    }

    /// How long the input was.
    pub(crate) fn len(&self) -> usize {
        self.input.len()
    }

    /// The connection that the byte at this place is sent on.
    pub(crate) fn connection_at(&self, place: usize) -> usize {
        self.cuts.iter().take_while(|cut| cut.at <= place).last().map_or(0, |cut| cut.operation.connection())
    }
}
