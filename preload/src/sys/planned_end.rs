//! Announcement of planned ends of this process to the process that reports its end to AFL++. Every exit that is
//! not announced counts as the server's own.

use std::ptr;
use std::sync::atomic::{AtomicPtr, AtomicU32, Ordering::SeqCst};

/// Kind of a planned end, in the order in which one announcement replaces another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub(crate) enum PlannedEnd {
    /// Nothing was announced.
    None = 0,
    /// The preload ends the process: its share of iterations is over, or it cannot go on.
    Regular = 1,
    /// The preload has failed.
    InternalError = 2,
}

/// Place of the announcement, shared with the process that reads it.
#[derive(Debug)]
pub(crate) struct Announcement(AtomicU32);

impl Announcement {
    /// Withdraws any announcement.
    pub(crate) fn clear(&self) {
        self.0.store(PlannedEnd::None as u32, SeqCst);
    }

    /// Returns what was announced.
    pub(crate) fn read(&self) -> PlannedEnd {
        match self.0.load(SeqCst) {
            0 => PlannedEnd::None,
            1 => PlannedEnd::Regular,
            _ => PlannedEnd::InternalError,
        }
    }
}

/// Place in which this process announces its end; null if nothing reads it.
static ANNOUNCEMENT: AtomicPtr<Announcement> = AtomicPtr::new(ptr::null_mut());

/// Announces planned ends in `place` from now on.
pub(crate) fn announce_in(place: &'static Announcement) {
    ANNOUNCEMENT.store(ptr::from_ref(place).cast_mut(), SeqCst);
}

/// Announces that this process is about to end as planned.
pub(crate) fn announce(end: PlannedEnd) {
    // SAFETY: the pointer is null or comes from a reference that lives as long as the process.
    if let Some(place) = unsafe { ANNOUNCEMENT.load(SeqCst).as_ref() } {
        place.0.fetch_max(end as u32, SeqCst);
    }
}

/// Removes the place in a child process that the server has forked, whose end is not its parent's.
pub(crate) fn reset_after_fork() {
    ANNOUNCEMENT.store(ptr::null_mut(), SeqCst);
}
