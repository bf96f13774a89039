//! Kinds of file descriptors that the preload distinguishes.

use super::slot::Slot;

/// Kind of a file descriptor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FdKind {
    /// A descriptor that the preload does not manage: every call on it goes to the kernel.
    Unmanaged,
    /// A TCP socket whose `bind` is deferred until `listen` shows whether it is the fuzzed listener.
    Bound,
    /// The fuzzed listener.
    Listener,
    /// A further listener of the fuzzed port (dual stack, `SO_REUSEPORT`): no client connects to it.
    SilentListener,
    /// The server's end of an internal connection that is a real one to the kernel.
    Connection,
    /// A descriptor of the preload, which the server may not close.
    Protected,
    /// A listener that the server has inherited and not yet waited on.
    Inherited,
    /// A file of random bytes, while randomness is fixed.
    Random,
    /// The number of a virtual connection that the server has closed, kept open for the next one.
    /// Any other use of the number closes it first: see [`super::kind()`].
    Reserved,
    /// The server's end of a client's connection, which is recorded.
    Recorded,
    /// The server's end of a virtual connection, which only the preload has (transport `memory`).
    Virtual(Slot),
}

/// Number of [`FdKind::Virtual`] with the first slot.
const FIRST_VIRTUAL: u8 = 10;

impl FdKind {
    /// Returns the kind as an entry of the table; 0 for [`FdKind::Unmanaged`].
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
            Self::Recorded => 9,
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
            9 => Self::Recorded,
            FIRST_VIRTUAL.. => Self::Virtual(Slot::new(number - FIRST_VIRTUAL)),
            _ => Self::Unmanaged,
        }
    }
}
