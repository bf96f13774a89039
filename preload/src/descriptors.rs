//! What the preload knows about the server's descriptors. Most are the server's own business;
//! a few are ours: the fuzzed listener and the internal connections.

use std::mem::ManuallyDrop;
use std::os::fd::{AsFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::sync::atomic::{AtomicI32, AtomicU8, Ordering::Relaxed};

use rustix::io::{DupFlags, Errno, FdFlags, dup3, fcntl_getfd};

use crate::exports::real;
use crate::memory::{self, Slot};

/// Descriptors at or above this number are never ours. (The usual hard limit is far below.)
const LIMIT: usize = 1 << 16;

/// What is kept gets numbers from here on: high enough to leave the low ones, which servers use as indices, as
/// they would be.
pub(crate) const FIRST_KEPT: RawFd = 200;

/// What a descriptor is to the preload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Nothing: every call on it is passed on.
    Foreign,
    /// A TCP socket whose `bind` waits until `listen` tells whether it is the fuzzed one.
    Bound,
    /// The fuzzed listener.
    Listener,
    /// A further listener of the fuzzed port (dual stack, `SO_REUSEPORT`): nobody ever connects.
    Mute,
    /// The server's end of an internal connection.
    Connection,
    /// Not the server's at all: it may not close it.
    Kept,
    /// A listener that the server was handed, and has not waited at yet.
    Inherited,
    /// A file of random bytes, while randomness is fixed.
    Random,
    /// The number of a virtual connection that the server has closed, kept open for the next one.
    /// Whatever else happens to it, it is closed first: see [`kind`].
    Reserved,
    /// The same as a connection, but the kernel knows nothing of it (transport `memory`).
    Virtual(Slot),
}

/// In the table, the number of [`Kind::Virtual`] with the first slot.
const FIRST_VIRTUAL: u8 = 9;

impl Kind {
    const fn to_number(self) -> u8 {
        match self {
            Self::Foreign => 0,
            Self::Bound => 1,
            Self::Listener => 2,
            Self::Mute => 3,
            Self::Connection => 4,
            Self::Kept => 5,
            Self::Inherited => 6,
            Self::Random => 7,
            Self::Reserved => 8,
            Self::Virtual(slot) => FIRST_VIRTUAL + slot.index() as u8,
        }
    }

    const fn of_number(number: u8) -> Self {
        match number {
            1 => Self::Bound,
            2 => Self::Listener,
            3 => Self::Mute,
            4 => Self::Connection,
            5 => Self::Kept,
            6 => Self::Inherited,
            7 => Self::Random,
            8 => Self::Reserved,
            FIRST_VIRTUAL.. => Self::Virtual(Slot::new(number - FIRST_VIRTUAL)),
            _ => Self::Foreign,
        }
    }

    /// Where descriptors of this kind are counted.
    fn count(self) -> Option<&'static AtomicI32> {
        match self {
            Self::Listener => Some(&LISTENERS),
            Self::Connection => Some(&CONNECTIONS),
            Self::Virtual(slot) => Some(&VIRTUAL[slot.index()]),
            Self::Reserved => Some(&RESERVED),
            _ => None,
        }
    }
}

static KINDS: [AtomicU8; LIMIT] = [const { AtomicU8::new(Kind::Foreign.to_number()) }; LIMIT];
/// Highest number that was ever [`Kind::Kept`].
static HIGHEST_KEPT: AtomicI32 = AtomicI32::new(-1);
static LISTENERS: AtomicI32 = AtomicI32::new(0);
static CONNECTIONS: AtomicI32 = AtomicI32::new(0);
static RESERVED: AtomicI32 = AtomicI32::new(0);
static VIRTUAL: [AtomicI32; Slot::COUNT] = [const { AtomicI32::new(0) }; Slot::COUNT];
/// Highest number that the fuzzed listener ever had.
static HIGHEST_LISTENER: AtomicI32 = AtomicI32::new(-1);
/// Highest number that a connection ever had.
static HIGHEST_CONNECTION: AtomicI32 = AtomicI32::new(-1);

/// What `fd` is to a call of the server's. A number that it has closed is closed now at the latest, so
/// that the kernel says what it says of such numbers.
pub(crate) fn kind(fd: RawFd) -> Kind {
    match recorded(fd) {
        Kind::Reserved => {
            give_back(fd);
            Kind::Foreign
        }
        kind => kind,
    }
}

/// What `fd` is.
pub(crate) fn recorded(fd: RawFd) -> Kind {
    place(fd).map_or(Kind::Foreign, |place| Kind::of_number(place.load(Relaxed)))
}

/// Records what `fd` is from now on; [`Kind::Foreign`] when it is closed.
pub(crate) fn set(fd: RawFd, kind: Kind) {
    let Some(place) = place(fd) else { return };
    let before = Kind::of_number(place.swap(kind.to_number(), Relaxed));
    if before == kind {
        return;
    }
    match kind {
        Kind::Connection | Kind::Virtual(_) => HIGHEST_CONNECTION.fetch_max(fd, Relaxed),
        Kind::Listener => HIGHEST_LISTENER.fetch_max(fd, Relaxed),
        _ => 0,
    };
    if let Some(count) = kind.count() {
        count.fetch_add(1, Relaxed);
    }
    if let Some(count) = before.count()
        && count.fetch_sub(1, Relaxed) == 1
        && memory::is_on()
    {
        match before {
            Kind::Virtual(slot) => memory::connection_closed(slot),
            Kind::Listener => memory::listener_closed(),
            _ => {}
        }
    }
}

/// Keeps `fd` from being closed by the server.
pub(crate) fn keep(fd: RawFd) {
    set(fd, Kind::Kept);
    HIGHEST_KEPT.fetch_max(fd, Relaxed);
}

/// Every descriptor that the server may not close, in rising order.
pub(crate) fn kept() -> impl Iterator<Item = RawFd> {
    (0..=HIGHEST_KEPT.load(Relaxed)).filter(|&fd| recorded(fd) == Kind::Kept)
}

/// Records that everything from `first` to `last` is closed.
pub(crate) fn forget(first: RawFd, last: RawFd) {
    (first..=last.min(LIMIT as RawFd))
        .filter(|&fd| recorded(fd) != Kind::Foreign)
        .for_each(|fd| set(fd, Kind::Foreign));
}

/// Records that `copy` is a duplicate of `fd`, whatever it was before.
pub(crate) fn duplicated(fd: RawFd, copy: RawFd) {
    if is_virtual(fd) {
        memory::vary_numbers();
    }
    set(copy, kind(fd));
}

/// The lowest number that is kept open for a connection.
pub(crate) fn reserved() -> Option<RawFd> {
    (RESERVED.load(Relaxed) > 0).then(|| reserved_from(0).next()).flatten()
}

/// Closes what is kept open for connections, from a number on: the server, or another process, is about
/// to see which numbers are free.
pub(crate) fn give_back_from(first: RawFd) {
    if RESERVED.load(Relaxed) > 0 {
        reserved_from(first).for_each(give_back);
    }
}

fn reserved_from(first: RawFd) -> impl Iterator<Item = RawFd> {
    (first..=HIGHEST_CONNECTION.load(Relaxed)).filter(|&fd| recorded(fd) == Kind::Reserved)
}

/// Closes a number that was kept open for a connection, or opened for one that there is none for.
pub(crate) fn give_back(fd: RawFd) {
    set(fd, Kind::Foreign);
    // SAFETY: the server does not have it.
    unsafe { real::close(fd) };
}

/// The server's descriptors of the fuzzed listener.
pub(crate) fn listeners() -> impl Iterator<Item = RawFd> {
    (0..=HIGHEST_LISTENER.load(Relaxed)).filter(|&fd| recorded(fd) == Kind::Listener)
}

/// Whether the server holds the fuzzed listener open.
pub(crate) fn listening() -> bool {
    LISTENERS.load(Relaxed) > 0
}

/// Every descriptor of this process that is open now.
pub(crate) fn open() -> Vec<RawFd> {
    let entries = std::fs::read_dir("/proc/self/fd").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
}

/// Descriptors of internal connections that the server holds open.
pub(crate) fn open_connections() -> i32 {
    CONNECTIONS.load(Relaxed) + VIRTUAL.iter().map(|count| count.load(Relaxed)).sum::<i32>()
}

/// The same, after asking the kernel: a descriptor may be closed past libc's `close` (fclose(3)
/// does that), and its number may have been given to something else.
pub(crate) fn recount_connections() -> i32 {
    for fd in connections().filter(|&fd| kind(fd) == Kind::Connection && !is_socket(fd)) {
        set(fd, Kind::Foreign);
    }
    open_connections()
}

/// Forgets the connections that the server does not close: they must not hold up later iterations.
pub(crate) fn forsake_connections() {
    for fd in connections() {
        if let Kind::Virtual(_) = kind(fd) {
            memory::forsake(fd);
        }
        set(fd, Kind::Foreign);
    }
}

/// Descriptors of one virtual connection that the server holds open.
pub(crate) fn of_slot(slot: Slot) -> impl Iterator<Item = RawFd> {
    connections().filter(move |&fd| kind(fd) == Kind::Virtual(slot))
}

/// Those of all connections, real or virtual.
fn connections() -> impl Iterator<Item = RawFd> {
    (0..=HIGHEST_CONNECTION.load(Relaxed))
        .filter(|&fd| matches!(recorded(fd), Kind::Connection | Kind::Virtual(_)))
}

/// Whether `fd` is the server's end of an internal connection.
pub(crate) fn is_connection(fd: RawFd) -> bool {
    matches!(kind(fd), Kind::Connection | Kind::Virtual(_))
}

/// Whether the kernel knows nothing of `fd`'s readiness.
pub(crate) fn is_virtual(fd: RawFd) -> bool {
    slot(fd).is_some()
}

/// Which virtual connection `fd` is one of.
pub(crate) fn slot(fd: RawFd) -> Option<Slot> {
    match kind(fd) {
        Kind::Virtual(slot) => Some(slot),
        _ => None,
    }
}

fn is_socket(fd: RawFd) -> bool {
    rustix::fs::fstat(lend(fd))
        .is_ok_and(|stat| rustix::fs::FileType::from_raw_mode(stat.st_mode).is_socket())
}

/// Lends a number of the server's to a call of ours. The call fails with `EBADF` if the server has
/// closed it meanwhile, like the server's own would.
pub(crate) fn lend<'a>(fd: RawFd) -> BorrowedFd<'a> {
    debug_assert!(fd >= 0);
    // SAFETY: see above; nothing of ours relies on the number staying open.
    unsafe { BorrowedFd::borrow_raw(fd) }
}

/// Puts what is behind `fresh` in the place of the server's `fd`, which keeps its close-on-exec flag.
pub(crate) fn replace(fd: RawFd, fresh: impl AsFd) -> Result<(), Errno> {
    let close_on_exec = fcntl_getfd(lend(fd))?.contains(FdFlags::CLOEXEC);
    let flags = if close_on_exec { DupFlags::CLOEXEC } else { DupFlags::empty() };
    // SAFETY: the server's number is open and stays the server's: it is replaced, never dropped.
    let mut place = ManuallyDrop::new(unsafe { OwnedFd::from_raw_fd(fd) });
    dup3(fresh, &mut place, flags)
}

/// Whether the server asked for non-blocking calls on `fd`.
pub(crate) fn is_nonblocking(fd: RawFd) -> bool {
    if let Some(slot) = slot(fd) {
        return memory::is_nonblocking(slot);
    }
    rustix::fs::fcntl_getfl(lend(fd)).is_ok_and(|flags| flags.contains(rustix::fs::OFlags::NONBLOCK))
}

fn place(fd: RawFd) -> Option<&'static AtomicU8> {
    KINDS.get(usize::try_from(fd).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    // One test for the whole table: it is global, and tests run in parallel.
    #[test]
    fn kinds_and_counts_follow_the_descriptor() {
        assert_eq!(kind(-1), Kind::Foreign);
        assert_eq!(kind(i32::MAX), Kind::Foreign);
        set(50_000, Kind::Listener);
        set(50_001, Kind::Connection);
        duplicated(50_001, 50_002);
        assert!(listening());
        assert_eq!(open_connections(), 2);
        duplicated(50_000, 50_001);
        assert_eq!(open_connections(), 1, "dup2 over a connection closes it");
        for fd in 50_000..50_003 {
            set(fd, Kind::Foreign);
        }
        assert!(!listening());
        assert_eq!(open_connections(), 0);
    }
}
