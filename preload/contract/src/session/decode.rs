//! From bytes to steps, without allocation: this runs in every iteration.

use super::{Action, Connection, Course, FIRST_OPERATION, MARK, Step};

/// A part of a chunk: an escaped 0xF5 splits one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fragment<'a> {
    /// Never empty.
    pub bytes: &'a [u8],
    /// The next step is the rest of the same chunk.
    pub more: bool,
}

/// The steps of an input.
#[derive(Debug, Clone)]
pub struct Steps<'a> {
    rest: &'a [u8],
    connection: Connection,
    course: Course,
    place: Place,
}

/// What `rest` begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// A chunk of its own.
    Chunk,
    /// The rest of a chunk that is sent.
    Within,
}

/// The steps that this input is.
#[must_use]
pub const fn decode(input: &[u8]) -> Steps<'_> {
    Steps { rest: input, connection: Connection(0), course: Course::new(), place: Place::Chunk }
}

/// Whether an input says more than the bytes of one connection.
#[must_use]
pub fn has_marker(mut input: &[u8]) -> bool {
    loop {
        let (_, rest) = split_fragment(input);
        match rest {
            [] => return false,
            [MARK, operation, ..] if parse_operation(*operation).is_some() => return true,
            _ => input = rest,
        }
    }
}

impl<'a> Iterator for Steps<'a> {
    type Item = Step<Fragment<'a>>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let (bytes, rest) = split_fragment(self.rest);
            self.rest = rest;
            if !bytes.is_empty() {
                let more = !self.is_at_boundary();
                let fragment = Action::Send(Fragment { bytes, more });
                let place =
                    std::mem::replace(&mut self.place, if more { Place::Within } else { Place::Chunk });
                if place == Place::Within || self.course.take(self.connection, &fragment).is_ok() {
                    return Some(Step { connection: self.connection, action: fragment });
                }
                // Nobody gets this chunk.
                self.skip_chunk();
                continue;
            }
            let [MARK, operation, rest @ ..] = self.rest else { return None };
            if self.course.is_over() {
                return None;
            }
            let (action, connection) = parse_operation(*operation)?;
            self.rest = rest;
            self.connection = connection;
            if let Some(action) = action
                && self.course.take(connection, &action).is_ok()
            {
                return Some(Step { connection, action });
            }
        }
    }
}

impl Steps<'_> {
    fn is_at_boundary(&self) -> bool {
        match self.rest {
            [] => true,
            [MARK, operation, ..] => parse_operation(*operation).is_some(),
            _ => false,
        }
    }

    fn skip_chunk(&mut self) {
        self.place = Place::Chunk;
        while !self.is_at_boundary() {
            self.rest = split_fragment(self.rest).1;
        }
    }
}

/// The bytes before the next marker or up to an escaped 0xF5, and what comes after them.
fn split_fragment(input: &[u8]) -> (&[u8], &[u8]) {
    let mut from = 0;
    while let Some(found) = memchr::memchr(MARK, &input[from..]) {
        let at = from + found;
        match input.get(at + 1) {
            Some(&MARK) => return (&input[..=at], &input[at + 2..]),
            Some(&operation) if parse_operation(operation).is_some() => return input.split_at(at),
            _ => from = at + 1,
        }
    }
    (input, &[])
}

/// The second byte of a marker. The action `None` is to send what follows.
fn parse_operation<'a>(byte: u8) -> Option<(Option<Action<Fragment<'a>>>, Connection)> {
    let operation = byte.checked_sub(FIRST_OPERATION)?;
    let action = match operation / Connection::COUNT as u8 {
        0 => None,
        1 => Some(Action::Open),
        2 => Some(Action::HalfClose),
        3 => Some(Action::Close),
        4 => Some(Action::Reset),
        _ => return None,
    };
    Some((action, Connection(operation % Connection::COUNT as u8)))
}
