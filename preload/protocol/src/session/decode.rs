//! From bytes to steps, without allocation: this runs in every iteration.

use std::ops::Range;

use super::marker::{Marker, split_fragment};
use super::{Action, Connection, SessionState, Step};

/// A part of a chunk: an escaped 0xF5 splits one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fragment<'a> {
    /// Never empty.
    pub bytes: &'a [u8],
    /// The next step is the rest of the same chunk.
    pub more: bool,
}

/// The same, for who cannot borrow the input meanwhile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// Where in the input.
    pub range: Range<usize>,
    /// See [`Fragment::more`].
    pub more: bool,
}

/// A place in an input, and what is known of the connections there.
#[derive(Debug, Clone)]
pub struct Cursor {
    position: usize,
    connection: Connection,
    state: SessionState,
    /// The last step was a part of a chunk, and so is the next.
    within: bool,
}

/// The steps of an input.
#[derive(Debug, Clone)]
pub struct Steps<'a> {
    input: &'a [u8],
    cursor: Cursor,
}

/// The steps that this input is.
#[must_use]
pub const fn decode(input: &[u8]) -> Steps<'_> {
    Steps { input, cursor: Cursor::new() }
}

/// Whether an input says more than the bytes of one connection.
#[must_use]
pub fn has_marker(mut input: &[u8]) -> bool {
    loop {
        let (_, rest) = split_fragment(input);
        if rest.is_empty() {
            return false;
        }
        if Marker::at_start(rest).is_some() {
            return true;
        }
        input = rest;
    }
}

impl Cursor {
    /// The beginning of an input.
    #[must_use]
    pub const fn new() -> Self {
        Self { position: 0, connection: Connection(0), state: SessionState::new(), within: false }
    }

    /// The next step. The input is that of the steps before.
    pub fn next(&mut self, input: &[u8]) -> Option<Step<Part>> {
        loop {
            let rest = input.get(self.position..)?;
            let (bytes, after) = split_fragment(rest);
            if !bytes.is_empty() {
                let range = self.position..self.position + bytes.len();
                self.position = input.len() - after.len();
                let more = !is_at_boundary(after);
                let begins = !std::mem::replace(&mut self.within, more);
                let action = Action::Send(Part { range, more });
                if begins && self.state.take(self.connection, &action).is_err() {
                    self.skip_chunk(input);
                    continue;
                }
                return Some(Step { connection: self.connection, action });
            }
            let Marker { action, connection } = Marker::at_start(after)?;
            if self.state.is_over() {
                return None;
            }
            self.position += 2;
            self.connection = connection;
            // To send is no step yet: the bytes that follow are.
            if !matches!(action, Action::Send(())) && self.state.take(connection, &action).is_ok() {
                return Some(Step { connection, action: action.map(|()| Part { range: 0..0, more: false }) });
            }
        }
    }

    fn skip_chunk(&mut self, input: &[u8]) {
        while self.within {
            let (_, after) = split_fragment(&input[self.position..]);
            self.position = input.len() - after.len();
            self.within = !is_at_boundary(after);
        }
    }
}

impl Default for Cursor {
    fn default() -> Self {
        Self::new()
    }
}

impl<'a> Iterator for Steps<'a> {
    type Item = Step<Fragment<'a>>;

    fn next(&mut self) -> Option<Self::Item> {
        let Step { connection, action } = self.cursor.next(self.input)?;
        let action = action.map(|Part { range, more }| Fragment { bytes: &self.input[range], more });
        Some(Step { connection, action })
    }
}

/// Whether the input ends here, or something else than a chunk begins.
fn is_at_boundary(rest: &[u8]) -> bool {
    rest.is_empty() || Marker::at_start(rest).is_some()
}
