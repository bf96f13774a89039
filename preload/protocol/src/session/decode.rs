//! Decoder from bytes to steps. It does not allocate, because it runs in every iteration.

use std::ops::Range;

use super::marker::{Marker, split_fragment};
use super::{Action, Connection, SessionState, Step};

/// Part of a chunk: an escaped 0xF5 splits a chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fragment<'a> {
    /// Bytes of the part; never empty.
    pub bytes: &'a [u8],
    /// Whether the next step is the rest of the same chunk.
    pub more: bool,
}

/// Part of a chunk as a range, for callers that cannot borrow the input meanwhile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// Range of the bytes in the input.
    pub range: Range<usize>,
    /// See [`Fragment::more`].
    pub more: bool,
}

/// Position in an input, and the state of the connections there.
#[derive(Debug, Clone)]
pub struct Cursor {
    position: usize,
    connection: Connection,
    state: SessionState,
    /// Whether the last step was a part of a chunk that the next step continues.
    within: bool,
}

/// Iterator over the steps of an input.
#[derive(Debug, Clone)]
pub struct Steps<'a> {
    input: &'a [u8],
    cursor: Cursor,
}

/// Returns the steps of an input.
#[must_use]
pub const fn decode(input: &[u8]) -> Steps<'_> {
    Steps { input, cursor: Cursor::new() }
}

/// Whether an input has a marker, and so is more than one chunk on the first connection.
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
    /// Returns the beginning of an input.
    #[must_use]
    pub const fn new() -> Self {
        Self { position: 0, connection: Connection(0), state: SessionState::new(), within: false }
    }

    /// Returns the next step. The input must be that of the previous steps.
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
            // The marker of a send is not a step: the bytes that follow it are.
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

/// Whether the chunk ends here: at the end of the input, or before a marker.
fn is_at_boundary(rest: &[u8]) -> bool {
    rest.is_empty() || Marker::at_start(rest).is_some()
}
