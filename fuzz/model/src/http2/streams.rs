//! Which streams are open: enough to tell plausible stream numbers from others.

use super::{Frame, Random, flag, kind};

/// A stream as the client has left it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum State {
    /// Never used.
    Idle,
    /// The client may send more.
    Open,
    /// The client has ended its side.
    HalfClosed,
    /// Reset by the client, or skipped: a higher number was opened.
    Closed,
}

/// What became of the streams of a connection.
#[derive(Debug, Clone, Default)]
pub struct Streams {
    seen: Vec<(u32, State)>,
}

impl Streams {
    /// The streams after these frames.
    #[must_use]
    pub fn after(frames: &[Frame<'_>]) -> Self {
        let mut streams = Self::default();
        for frame in frames {
            streams.see(frame);
        }
        streams
    }

    /// Takes note of a frame.
    pub fn see(&mut self, frame: &Frame<'_>) {
        let id = frame.stream & 0x7fff_ffff;
        if id == 0 {
            return;
        }
        let ends = frame.has(flag::END_STREAM);
        match (frame.kind, self.state(id)) {
            (kind::HEADERS, State::Idle) if id % 2 == 1 => {
                self.seen.push((id, if ends { State::HalfClosed } else { State::Open }));
            }
            (kind::HEADERS | kind::DATA, State::Open) if ends => self.set(id, State::HalfClosed),
            (kind::RST_STREAM, State::Open | State::HalfClosed) => self.set(id, State::Closed),
            _ => {}
        }
    }

    /// The state of a stream.
    #[must_use]
    pub fn state(&self, id: u32) -> State {
        let known = self.seen.iter().find(|(seen, _)| *seen == id);
        match known {
            Some((_, state)) => *state,
            None if id % 2 == 1 && id < self.next() => State::Closed,
            None => State::Idle,
        }
    }

    /// The number that the client's next stream has.
    #[must_use]
    pub fn next(&self) -> u32 {
        let highest = self.seen.iter().map(|(id, _)| *id).max();
        highest.map_or(1, |id| id.saturating_add(2))
    }

    /// A stream that is open, if there is one.
    pub fn open(&self, random: &mut impl Random) -> Option<u32> {
        let count = self.seen.iter().filter(|(_, state)| *state == State::Open).count();
        let chosen = random.below(count);
        self.seen.iter().filter(|(_, state)| *state == State::Open).nth(chosen).map(|(id, _)| *id)
    }

    /// A stream that was used.
    pub fn used(&self, random: &mut impl Random) -> Option<u32> {
        self.seen.get(random.below(self.seen.len())).map(|(id, _)| *id)
    }

    fn set(&mut self, id: u32, state: State) {
        for stream in self.seen.iter_mut().filter(|(seen, _)| *seen == id) {
            stream.1 = state;
        }
    }
}
