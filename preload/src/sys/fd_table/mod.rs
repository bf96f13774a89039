//! Table of the server's file descriptors. The preload does not manage most of them; a few are the fuzzed
//! listener, internal connections, or descriptors of the preload.

mod kind;
mod slot;

use std::os::fd::RawFd;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicI32, AtomicU8, Ordering::Relaxed};

use super::fd;

pub(crate) use kind::FdKind;
pub(crate) use slot::Slot;

/// Numbers from here on are always unmanaged. (The usual soft limit is far below.)
const TABLE_SIZE: usize = 1 << 16;

/// Lowest number of a protected descriptor. It leaves the low numbers to the server, because servers use them
/// as indices.
pub(crate) const FIRST_PROTECTED_FD: RawFd = 200;

static KINDS: [AtomicU8; TABLE_SIZE] = [const { AtomicU8::new(FdKind::Unmanaged.to_number()) }; TABLE_SIZE];
static LISTENERS: AtomicI32 = AtomicI32::new(0);
static CONNECTIONS: AtomicI32 = AtomicI32::new(0);
static RESERVED: AtomicI32 = AtomicI32::new(0);
static VIRTUAL: [AtomicI32; Slot::COUNT] = [const { AtomicI32::new(0) }; Slot::COUNT];
/// Highest number that was ever [`FdKind::Protected`].
static HIGHEST_PROTECTED: AtomicI32 = AtomicI32::new(-1);
/// Highest number that the fuzzed listener ever had.
static HIGHEST_LISTENER: AtomicI32 = AtomicI32::new(-1);
/// Highest number that a connection ever had.
static HIGHEST_CONNECTION: AtomicI32 = AtomicI32::new(-1);
/// Function that is called with the kind whose last descriptor was closed.
static LAST_CLOSE_OBSERVER: OnceLock<fn(FdKind)> = OnceLock::new();

/// Registers the function that is called when the last descriptor of the listener, or of a virtual
/// connection, is closed.
pub(crate) fn observe_last_close(observer: fn(FdKind)) {
    let _ = LAST_CLOSE_OBSERVER.set(observer);
}

/// Returns the kind of an `fd` that the server passes to a call. Closes a reserved number first, so that the
/// kernel treats it as a closed one.
pub(crate) fn kind(fd: RawFd) -> FdKind {
    match recorded_kind(fd) {
        FdKind::Reserved => {
            close_unused(fd);
            FdKind::Unmanaged
        }
        kind => kind,
    }
}

/// Returns the recorded kind of `fd`, which may be [`FdKind::Reserved`].
pub(crate) fn recorded_kind(fd: RawFd) -> FdKind {
    entry(fd).map_or(FdKind::Unmanaged, |entry| FdKind::from_number(entry.load(Relaxed)))
}

/// Records the kind of `fd`; [`FdKind::Unmanaged`] when it is closed.
pub(crate) fn set(fd: RawFd, kind: FdKind) {
    let Some(entry) = entry(fd) else { return };
    let before = FdKind::from_number(entry.swap(kind.to_number(), Relaxed));
    if before == kind {
        return;
    }
    match kind {
        FdKind::Connection | FdKind::Virtual(_) => HIGHEST_CONNECTION.fetch_max(fd, Relaxed),
        FdKind::Listener => HIGHEST_LISTENER.fetch_max(fd, Relaxed),
        _ => 0,
    };
    if let Some(count) = counter(kind) {
        count.fetch_add(1, Relaxed);
    }
    if let Some(count) = counter(before)
        && count.fetch_sub(1, Relaxed) == 1
        && let Some(observer) = LAST_CLOSE_OBSERVER.get()
    {
        observer(before);
    }
}

/// Returns the number of descriptors of a kind, if they are counted.
fn counter(kind: FdKind) -> Option<&'static AtomicI32> {
    match kind {
        FdKind::Listener => Some(&LISTENERS),
        FdKind::Connection => Some(&CONNECTIONS),
        FdKind::Virtual(slot) => Some(&VIRTUAL[slot.index()]),
        FdKind::Reserved => Some(&RESERVED),
        _ => None,
    }
}

/// Keeps the server from closing `fd`.
pub(crate) fn protect(fd: RawFd) {
    set(fd, FdKind::Protected);
    HIGHEST_PROTECTED.fetch_max(fd, Relaxed);
}

/// Returns every descriptor that the server may not close, in ascending order.
pub(crate) fn protected() -> impl Iterator<Item = RawFd> {
    (0..=HIGHEST_PROTECTED.load(Relaxed)).filter(|&fd| recorded_kind(fd) == FdKind::Protected)
}

/// Records that all descriptors from `first` to `last` are closed.
pub(crate) fn mark_closed(first: RawFd, last: RawFd) {
    (first..=last.min(TABLE_SIZE as RawFd))
        .filter(|&fd| recorded_kind(fd) != FdKind::Unmanaged)
        .for_each(|fd| set(fd, FdKind::Unmanaged));
}

/// Records that `copy` is a duplicate of `fd`, whatever it was before.
pub(crate) fn record_duplicate(fd: RawFd, copy: RawFd) {
    set(copy, kind(fd));
}

/// Returns the lowest number that is kept open for a connection.
pub(crate) fn lowest_reserved() -> Option<RawFd> {
    (RESERVED.load(Relaxed) > 0).then(|| reserved_from(0).next()).flatten()
}

/// Closes the reserved numbers from `first` on, because the server or another process is about to see which
/// numbers are free.
pub(crate) fn release_reserved_from(first: RawFd) {
    if RESERVED.load(Relaxed) > 0 {
        reserved_from(first).for_each(close_unused);
    }
}

fn reserved_from(first: RawFd) -> impl Iterator<Item = RawFd> {
    (first..=HIGHEST_CONNECTION.load(Relaxed)).filter(|&fd| recorded_kind(fd) == FdKind::Reserved)
}

/// Closes a number that was reserved, or opened for a connection that is gone.
pub(crate) fn close_unused(fd: RawFd) {
    set(fd, FdKind::Unmanaged);
    // SAFETY: the number is open, and nothing owns it: the server has closed it, or never had it.
    unsafe { rustix::io::close(fd) };
}

/// Returns the server's descriptors of the fuzzed listener.
pub(crate) fn listeners() -> impl Iterator<Item = RawFd> {
    (0..=HIGHEST_LISTENER.load(Relaxed)).filter(|&fd| recorded_kind(fd) == FdKind::Listener)
}

/// Whether the server holds the fuzzed listener open.
pub(crate) fn has_listener() -> bool {
    LISTENERS.load(Relaxed) > 0
}

/// Returns the number of descriptors of internal connections that the server holds open.
pub(crate) fn connection_count() -> i32 {
    CONNECTIONS.load(Relaxed) + VIRTUAL.iter().map(|count| count.load(Relaxed)).sum::<i32>()
}

/// Returns the [`connection_count`] after a check with the kernel: fclose(3) closes a descriptor without a call
/// of the hook for `close`, and its number may since refer to another file.
pub(crate) fn recount_connections() -> i32 {
    for fd in connections().filter(|&fd| kind(fd) == FdKind::Connection && !fd::is_socket(fd)) {
        set(fd, FdKind::Unmanaged);
    }
    connection_count()
}

/// Returns the descriptors of one virtual connection that the server holds open.
pub(crate) fn fds_of(slot: Slot) -> impl Iterator<Item = RawFd> {
    connections().filter(move |&fd| kind(fd) == FdKind::Virtual(slot))
}

/// Returns the descriptors of all internal connections that the server holds open.
pub(crate) fn connections() -> impl Iterator<Item = RawFd> {
    (0..=HIGHEST_CONNECTION.load(Relaxed))
        .filter(|&fd| matches!(recorded_kind(fd), FdKind::Connection | FdKind::Virtual(_)))
}

/// Whether `fd` is the server's end of an internal connection.
pub(crate) fn is_connection(fd: RawFd) -> bool {
    matches!(kind(fd), FdKind::Connection | FdKind::Virtual(_))
}

/// Whether `fd` is a virtual connection, whose readiness the kernel cannot report.
pub(crate) fn is_virtual(fd: RawFd) -> bool {
    slot(fd).is_some()
}

/// Returns the slot of the virtual connection that `fd` refers to.
pub(crate) fn slot(fd: RawFd) -> Option<Slot> {
    match kind(fd) {
        FdKind::Virtual(slot) => Some(slot),
        _ => None,
    }
}

fn entry(fd: RawFd) -> Option<&'static AtomicU8> {
    KINDS.get(usize::try_from(fd).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    // There is only one test, because the table is global and tests run in parallel.
    #[test]
    fn kinds_and_counts_follow_the_descriptor() {
        assert_eq!(kind(-1), FdKind::Unmanaged);
        assert_eq!(kind(i32::MAX), FdKind::Unmanaged);
        set(50_000, FdKind::Listener);
        set(50_001, FdKind::Connection);
        record_duplicate(50_001, 50_002);
        assert!(has_listener());
        assert_eq!(connection_count(), 2);
        record_duplicate(50_000, 50_001);
        assert_eq!(connection_count(), 1, "dup2 over a connection closes it");
        for fd in 50_000..50_003 {
            set(fd, FdKind::Unmanaged);
        }
        assert!(!has_listener());
        assert_eq!(connection_count(), 0);
    }
}
