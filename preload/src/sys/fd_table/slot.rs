//! Slots of virtual connections.

use sockfuzz_protocol::session::Connection;

/// Number of a virtual connection's stream. There are more streams than connections that a client has
/// open at a time: the server may still hold one that the client has left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Slot(u8);

impl Slot {
    pub(crate) const COUNT: usize = 2 * Connection::COUNT;

    /// Returns the slot with a number, modulo [`Self::COUNT`].
    pub(crate) const fn new(number: u8) -> Self {
        Self(number % Self::COUNT as u8)
    }

    pub(crate) const fn index(self) -> usize {
        self.0 as usize
    }

    pub(crate) fn all() -> impl Iterator<Item = Self> {
        (0..Self::COUNT as u8).map(Self)
    }
}
