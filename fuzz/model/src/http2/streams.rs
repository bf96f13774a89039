//! States of streams, as far as needed to choose plausible stream identifiers.

use super::{Frame, Random, flag, kind};

/// State of a stream, as far as the client determines it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StreamState {
    /// The stream has never been used.
    Idle,
    /// The client may send more.
    Open,
    /// The client has ended its side.
    HalfClosed,
    /// The client has reset the stream, or has skipped it by opening one with a higher number.
    Closed,
}

/// States of the streams of a connection.
#[derive(Debug, Clone, Default)]
pub struct Streams {
    states: Vec<(u32, StreamState)>,
}

impl Streams {
    /// Computes the states after these frames.
    #[must_use]
    pub fn after(frames: &[Frame<'_>]) -> Self {
        let mut streams = Self::default();
        for frame in frames {
            streams.record(frame);
        }
        streams
    }

    /// Updates the states according to a frame.
    pub fn record(&mut self, frame: &Frame<'_>) {
        let id = frame.stream & 0x7fff_ffff;
        if id == 0 {
            return;
        }
        let ends = frame.has(flag::END_STREAM);
        match (frame.kind, self.state(id)) {
            (kind::HEADERS, StreamState::Idle) if id % 2 == 1 => {
                self.states.push((id, if ends { StreamState::HalfClosed } else { StreamState::Open }));
            }
            (kind::HEADERS | kind::DATA, StreamState::Open) if ends => self.set(id, StreamState::HalfClosed),
            (kind::RST_STREAM, StreamState::Open | StreamState::HalfClosed) => {
                self.set(id, StreamState::Closed)
            }
            _ => {}
        }
    }

    /// Returns the state of a stream.
    #[must_use]
    pub fn state(&self, id: u32) -> StreamState {
        let known = self.states.iter().find(|(seen, _)| *seen == id);
        match known {
            Some((_, state)) => *state,
            None if id % 2 == 1 && id < self.next_id() => StreamState::Closed,
            None => StreamState::Idle,
        }
    }

    /// Returns the identifier of the client's next stream.
    #[must_use]
    pub fn next_id(&self) -> u32 {
        let highest = self.states.iter().map(|(id, _)| *id).max();
        highest.map_or(1, |id| id.saturating_add(2))
    }

    /// Chooses an open stream, if there is one.
    pub fn random_open(&self, random: &mut impl Random) -> Option<u32> {
        let count = self.states.iter().filter(|(_, state)| *state == StreamState::Open).count();
        let chosen = random.below(count);
        self.states.iter().filter(|(_, state)| *state == StreamState::Open).nth(chosen).map(|(id, _)| *id)
    }

    /// Chooses a stream that was opened, if there is one.
    pub fn random_used(&self, random: &mut impl Random) -> Option<u32> {
        self.states.get(random.below(self.states.len())).map(|(id, _)| *id)
    }

    fn set(&mut self, id: u32, state: StreamState) {
        for stream in self.states.iter_mut().filter(|(seen, _)| *seen == id) {
            stream.1 = state;
        }
    }
}
