//! Kinds of descriptors, as the preload tells them apart.

use super::slot::Slot;

/// What a descriptor is to the preload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FdKind {
    /// The server's own business: every call on it is passed on.
    Unmanaged,
    /// A TCP socket whose `bind` waits until `listen` tells whether it is the fuzzed listener.
    Bound,
    /// The fuzzed listener.
    Listener,
    /// A further listener of the fuzzed port (dual stack, `SO_REUSEPORT`): no client connects to it.
    SilentListener,
    /// The server's end of an internal connection that the kernel knows.
    Connection,
    /// A descriptor of the preload's: the server may not close it.
    Protected,
    /// A listener that the server inherited and has not waited at yet.
    Inherited,
    /// A file of random bytes, while randomness is fixed.
    Random,
    /// The number of a virtual connection that the server has closed, kept open for the next one.
    /// Whatever else happens to it, it is closed first: see [`super::kind()`].
    Reserved,
    /// The server's end of a connection that the kernel knows nothing of (transport `memory`).
    Virtual(Slot),
}

/// Number of [`FdKind::Virtual`] with the first slot.
const FIRST_VIRTUAL: u8 = 9;

impl FdKind {
    /// The kind as an entry of the table; 0 for [`FdKind::Unmanaged`].
    pub(super) const fn to_number(self) -> u8 {
        match self {
            Self::Unmanaged => 0,
            Self::Bound => 1,
            Self::Listener => 2,
            Self::SilentListener => 3,
            Self::Connection => 4,
            Self::Protected => 5,
            Self::Inherited => 6,
            Self::Random => 7,
            Self::Reserved => 8,
            Self::Virtual(slot) => FIRST_VIRTUAL + slot.index() as u8,
        }
    }

    pub(super) const fn from_number(number: u8) -> Self {
        match number {
            1 => Self::Bound,
            2 => Self::Listener,
            3 => Self::SilentListener,
            4 => Self::Connection,
            5 => Self::Protected,
            6 => Self::Inherited,
            7 => Self::Random,
            8 => Self::Reserved,
            FIRST_VIRTUAL.. => Self::Virtual(Slot::new(number - FIRST_VIRTUAL)),
            _ => Self::Unmanaged,
        }
    }
}
