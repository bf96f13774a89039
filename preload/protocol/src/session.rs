//! Sessions: inputs that say more than one connection's bytes can. A session is a list of steps over
//! up to four connections; each step is taken when the server has consumed the one before and is idle.
//!
//! Every byte string is a session, so that no mutation is lost, and a plain request is one: a single
//! connection, a single chunk. A *marker* is the byte 0xF5, which UTF-8 never has, and an operation:
//! `0x40 + 4 * action + connection`, with the action 0 to send, 1 to open, 2 to half-close, 3 to
//! close, 4 to reset. The bytes after it are a chunk of their own on that connection, those before
//! the first marker are one on connection 0. `0xF5 0xF5` is a 0xF5 of the chunk, and so is 0xF5
//! before anything else.
//!
//! Sending opens a connection that is not open. What cannot be done is no step: to send nothing, or
//! after a half-close; to open what is open; to close what is not. Past [`MAX_STEPS`] all is ignored.
//! In the end the client half-closes each connection still open, reads to its end, and closes it, in
//! the order of their numbers; if none was ever opened, it opens the first for that.

mod decode;
mod encode;
mod marker;
mod state;
mod text;

use std::fmt;

pub use decode::{Cursor, Fragment, Part, Steps, decode, has_marker};
pub use marker::{Marker, escape_into};
pub use text::TextError;

use state::SessionState;

/// Steps of a session that are taken.
pub const MAX_STEPS: usize = 64;

/// Which of a session's connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Connection(u8);

impl Connection {
    /// How many there are.
    pub const COUNT: usize = 4;
    /// All of them, in the order of their numbers.
    pub const ALL: [Self; Self::COUNT] = [Self(0), Self(1), Self(2), Self(3)];

    /// The connection with this number.
    #[must_use]
    pub const fn new(number: usize) -> Option<Self> {
        if number < Self::COUNT { Some(Self(number as u8)) } else { None }
    }

    /// Its number.
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

/// What the client does in a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action<Bytes = Vec<u8>> {
    /// Sends these bytes, and opens the connection for it where necessary.
    Send(Bytes),
    /// Opens the connection, and sends nothing yet.
    Open,
    /// Says that nothing more is sent.
    HalfClose,
    /// Closes the connection, whatever has not been read of its answer.
    Close,
    /// Aborts the connection.
    Reset,
}

/// One step: what is done, and on which connection.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Step<Bytes = Vec<u8>> {
    /// Where.
    pub connection: Connection,
    /// What.
    pub action: Action<Bytes>,
}

/// A session with bytes of its own. It has only steps that can be done, at most [`MAX_STEPS`], so that
/// decoding what it encodes to gives the same again.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Session {
    steps: Vec<Step>,
}

impl Session {
    /// The session that these bytes are.
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

    /// Its steps.
    #[must_use]
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// Its steps, to be changed and collected into a session again.
    #[must_use]
    pub fn into_steps(self) -> Vec<Step> {
        self.steps
    }
}

impl Action<()> {
    /// All of them, in the order of their numbers in a marker.
    pub const ALL: [Self; 5] = [Self::Send(()), Self::Open, Self::HalfClose, Self::Close, Self::Reset];
}

impl<Bytes> Action<Bytes> {
    /// The same with other bytes.
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

/// Steps that cannot be done are left out.
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
