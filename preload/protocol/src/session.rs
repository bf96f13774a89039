//! Sessions: inputs that describe more than the bytes of one connection. A session is a list of steps over up to four
//! connections. Each step is taken when the server has consumed the previous one and is idle.
//!
//! Every byte string is a session, so that no mutation is lost. A plain request is a session with one connection and
//! one chunk. A *marker* is the byte 0xF5, which never occurs in UTF-8, followed by an operation:
//! `0x40 + 4 * action + connection`, where the action is 0 to send, 1 to open, 2 to half-close, 3 to close, 4 to reset.
//! The bytes after a marker are a separate chunk on that connection; the bytes before the first marker are a chunk on
//! connection 0. `0xF5 0xF5` stands for one byte 0xF5 of the chunk; a 0xF5 before any other byte stands for itself.
//!
//! Sending opens a connection that is not open. Impossible actions are not steps: to send nothing, or after a
//! half-close; to open an open connection; to close one that is not open. Everything after [`MAX_STEPS`] is ignored. At
//! the end, the client half-closes each open connection, reads to its end, and closes it, in the order of their
//! numbers. If no connection was ever opened, it opens the first one for that.

mod decode;
mod encode;
mod marker;
mod state;
mod text;

use std::fmt;

pub use decode::{Cursor, Fragment, Part, Steps, decode, has_marker};
pub use marker::{Marker, escape_into};
pub use text::TextError;

use crate::InputFormat;
use state::SessionState;

/// Maximum number of steps that are taken in a session.
pub const MAX_STEPS: usize = 64;

/// Connection of a session, by its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Connection(u8);

impl Connection {
    /// Number of connections.
    pub const COUNT: usize = 4;
    /// All connections, in the order of their numbers.
    pub const ALL: [Self; Self::COUNT] = [Self(0), Self(1), Self(2), Self(3)];

    /// Returns the connection with this number, if there is one.
    #[must_use]
    pub const fn new(number: usize) -> Option<Self> {
        if number < Self::COUNT { Some(Self(number as u8)) } else { None }
    }

    /// Returns its number.
    #[must_use]
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

impl fmt::Display for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Action of the client in a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action<Bytes = Vec<u8>> {
    /// Sends these bytes, after opening the connection if necessary.
    Send(Bytes),
    /// Opens the connection, and sends nothing yet.
    Open,
    /// Half-closes the connection: nothing more is sent.
    HalfClose,
    /// Closes the connection, even if a part of its answer is unread.
    Close,
    /// Aborts the connection.
    Reset,
}

/// Step of a session: an action on a connection.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Step<Bytes = Vec<u8>> {
    /// Connection of the action.
    pub connection: Connection,
    /// Action of the client.
    pub action: Action<Bytes>,
}

/// Session that owns its bytes. It has only possible steps, at most [`MAX_STEPS`], so that encoding and decoding it
/// returns the same session.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Session {
    steps: Vec<Step>,
}

impl Session {
    /// Decodes an input.
    #[must_use]
    pub fn decode(input: &[u8]) -> Self {
        let mut steps: Vec<Step> = Vec::new();
        let mut unfinished = false;
        for Step { connection, action } in decode(input) {
            let Action::Send(Fragment { bytes, more }) = action else {
                steps.push(Step { connection, action: action.map(|_| Vec::new()) });
                continue;
            };
            match steps.last_mut() {
                Some(Step { action: Action::Send(chunk), .. }) if unfinished => {
                    chunk.extend_from_slice(bytes)
                }
                _ => steps.push(Step { connection, action: Action::Send(bytes.to_vec()) }),
            }
            unfinished = more;
        }
        Self { steps }
    }

    /// Decodes an input of this format. A raw one is a chunk on the first connection.
    #[must_use]
    pub fn of_input(input: &[u8], format: InputFormat) -> Self {
        match format {
            InputFormat::Raw => Self::from_iter([Step {
                connection: Connection::ALL[0],
                action: Action::Send(input.to_vec()),
            }]),
            InputFormat::Session => Self::decode(input),
        }
    }

    /// Returns its steps.
    #[must_use]
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// Returns its steps by value, for example to change them and to collect them into a session again.
    #[must_use]
    pub fn into_steps(self) -> Vec<Step> {
        self.steps
    }
}

impl Action<()> {
    /// All actions, in the order of their numbers in a marker.
    pub const ALL: [Self; 5] = [Self::Send(()), Self::Open, Self::HalfClose, Self::Close, Self::Reset];
}

impl<Bytes> Action<Bytes> {
    /// Converts the bytes of the action.
    pub fn map<Other>(self, change: impl FnOnce(Bytes) -> Other) -> Action<Other> {
        match self {
            Self::Send(bytes) => Action::Send(change(bytes)),
            Self::Open => Action::Open,
            Self::HalfClose => Action::HalfClose,
            Self::Close => Action::Close,
            Self::Reset => Action::Reset,
        }
    }
}

/// Omits impossible steps.
impl FromIterator<Step> for Session {
    fn from_iter<I: IntoIterator<Item = Step>>(steps: I) -> Self {
        let mut state = SessionState::new();
        let can_be_done = |step: &Step| match &step.action {
            Action::Send(bytes) if bytes.is_empty() => false,
            action => state.take(step.connection, action).is_ok(),
        };
        Self { steps: steps.into_iter().filter(can_be_done).collect() }
    }
}

#[cfg(test)]
mod tests;
