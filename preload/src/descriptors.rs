//! What the preload knows about the server's descriptors. Most are the server's own business;
//! a few are ours: the fuzzed listener and the internal connections.

use std::mem::ManuallyDrop;
use std::os::fd::{AsFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::sync::atomic::{AtomicI32, AtomicU8, Ordering::Relaxed};

use rustix::io::{DupFlags, Errno, FdFlags, dup3, fcntl_getfd};

use crate::memory;

/// Descriptors at or above this number are never ours. (The usual hard limit is far below.)
const LIMIT: usize = 1 << 16;

/// What a descriptor is to the preload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Kind {
    /// Nothing: every call on it is passed on.
    Foreign = 0,
    /// A TCP socket whose `bind` waits until `listen` tells whether it is the fuzzed one.
    Bound = 1,
    /// The fuzzed listener.
    Listener = 2,
    /// A further listener of the fuzzed port (dual stack, `SO_REUSEPORT`): nobody ever connects.
    Mute = 3,
    /// The server's end of an internal connection.
    Connection = 4,
    /// Not the server's at all: it may not close it.
    Kept = 5,
    /// A listener that the server was handed, and has not waited at yet.
    Inherited = 6,
    /// A file of random bytes, while randomness is fixed.
    Random = 7,
    /// The same as a connection, but the kernel knows nothing of it (transport `memory`).
    Virtual = 8,
}

static KINDS: [AtomicU8; LIMIT] = [const { AtomicU8::new(Kind::Foreign as u8) }; LIMIT];
/// Highest number that was ever [`Kind::Kept`].
static HIGHEST_KEPT: AtomicI32 = AtomicI32::new(-1);
static LISTENERS: AtomicI32 = AtomicI32::new(0);
static CONNECTIONS: AtomicI32 = AtomicI32::new(0);
static VIRTUAL: AtomicI32 = AtomicI32::new(0);
/// Highest number that a connection ever had.
static HIGHEST_CONNECTION: AtomicI32 = AtomicI32::new(-1);
const COUNTED: [(Kind, &AtomicI32); 3] =
    [(Kind::Listener, &LISTENERS), (Kind::Connection, &CONNECTIONS), (Kind::Virtual, &VIRTUAL)];

/// What `fd` is.
pub(crate) fn kind(fd: RawFd) -> Kind {
    let Some(slot) = slot(fd) else { return Kind::Foreign };
    match slot.load(Relaxed) {
        1 => Kind::Bound,
        2 => Kind::Listener,
        3 => Kind::Mute,
        4 => Kind::Connection,
        5 => Kind::Kept,
        6 => Kind::Inherited,
        7 => Kind::Random,
        8 => Kind::Virtual,
        _ => Kind::Foreign,
    }
}

/// Records what `fd` is from now on; [`Kind::Foreign`] when it is closed.
pub(crate) fn set(fd: RawFd, kind: Kind) {
    let Some(slot) = slot(fd) else { return };
    let before = slot.swap(kind as u8, Relaxed);
    if matches!(kind, Kind::Connection | Kind::Virtual) {
        HIGHEST_CONNECTION.fetch_max(fd, Relaxed);
    }
    for (counted, count) in COUNTED {
        let change = i32::from(kind == counted) - i32::from(before == counted as u8);
        if change != 0 && count.fetch_add(change, Relaxed) + change == 0 && memory::is_on() {
            match counted {
                Kind::Virtual => memory::connection_closed(),
                Kind::Listener => memory::listener_closed(),
                _ => {}
            }
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
    (0..=HIGHEST_KEPT.load(Relaxed)).filter(|&fd| kind(fd) == Kind::Kept)
}

/// Records that everything from `first` to `last` is closed.
pub(crate) fn forget(first: RawFd, last: RawFd) {
    (first..=last.min(LIMIT as RawFd))
        .filter(|&fd| kind(fd) != Kind::Foreign)
        .for_each(|fd| set(fd, Kind::Foreign));
}

/// Records that `copy` is a duplicate of `fd`, whatever it was before.
pub(crate) fn duplicated(fd: RawFd, copy: RawFd) {
    set(copy, kind(fd));
}

/// The server's descriptors of the fuzzed listener.
pub(crate) fn listeners() -> impl Iterator<Item = RawFd> {
    (0..LIMIT as RawFd).filter(|&fd| kind(fd) == Kind::Listener)
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
    CONNECTIONS.load(Relaxed) + VIRTUAL.load(Relaxed)
}

/// The same, after asking the kernel: a descriptor may be closed past libc's `close` (fclose(3)
/// does that), and its number may have been given to something else.
pub(crate) fn recount_connections() -> i32 {
    for fd in of_kind(Kind::Connection).filter(|&fd| !is_socket(fd)) {
        set(fd, Kind::Foreign);
    }
    open_connections()
}

/// Forgets the connections that the server does not close: they must not hold up later iterations.
pub(crate) fn forsake_connections() {
    virtual_ones().for_each(memory::forsake);
    of_kind(Kind::Connection).chain(virtual_ones()).for_each(|fd| set(fd, Kind::Foreign));
}

/// Descriptors of virtual connections that the server holds open.
pub(crate) fn virtual_ones() -> impl Iterator<Item = RawFd> {
    of_kind(Kind::Virtual)
}

/// Those of connections, real or virtual.
fn of_kind(wanted: Kind) -> impl Iterator<Item = RawFd> {
    (0..=HIGHEST_CONNECTION.load(Relaxed)).filter(move |&fd| kind(fd) == wanted)
}

/// Whether `fd` is the server's end of an internal connection.
pub(crate) fn is_connection(fd: RawFd) -> bool {
    matches!(kind(fd), Kind::Connection | Kind::Virtual)
}

/// Whether the kernel knows nothing of `fd`'s readiness.
pub(crate) fn is_virtual(fd: RawFd) -> bool {
    kind(fd) == Kind::Virtual
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
    if is_virtual(fd) {
        return memory::is_nonblocking();
    }
    rustix::fs::fcntl_getfl(lend(fd)).is_ok_and(|flags| flags.contains(rustix::fs::OFlags::NONBLOCK))
}

fn slot(fd: RawFd) -> Option<&'static AtomicU8> {
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
