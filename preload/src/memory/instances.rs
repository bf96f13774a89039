//! What is known of the server's epoll instances, by their numbers.

use std::os::fd::RawFd;
use std::sync::atomic::{AtomicU8, Ordering::Relaxed};

/// What is known of an instance, by its number. Higher numbers are known for everything.
static KNOWN: [AtomicU8; 1 << 16] = [const { AtomicU8::new(0) }; 1 << 16];

/// The kernel has, or has had, something registered with it.
pub(super) const REAL: u8 = 1;
/// It is an epoll instance indeed, by no other number, and registered with no other instance.
pub(super) const PLAIN: u8 = 2;

pub(super) fn is(what: u8, epoll: RawFd) -> bool {
    slot(epoll).is_none_or(|known| known.load(Relaxed) & what != 0)
}

pub(super) fn mark(what: u8, epoll: RawFd) {
    if let Some(known) = slot(epoll) {
        known.fetch_or(what, Relaxed);
    }
}

pub(super) fn forget(first: RawFd, last: RawFd) {
    let first = usize::try_from(first).unwrap_or(0).min(KNOWN.len());
    let end = usize::try_from(last).map_or(0, |last| last + 1).clamp(first, KNOWN.len());
    KNOWN[first..end].iter().for_each(|known| known.store(0, Relaxed));
}

fn slot(epoll: RawFd) -> Option<&'static AtomicU8> {
    KNOWN.get(usize::try_from(epoll).ok()?)
}
