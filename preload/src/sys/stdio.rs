//! Standard descriptors that the process was started with, saved at numbers that the server does not
//! use: servers put /dev/null over 0 and redirect 1 and 2 to log files.

use std::mem::ManuallyDrop;
use std::os::fd::{AsFd, BorrowedFd, FromRawFd, IntoRawFd, OwnedFd, RawFd};
use std::sync::atomic::{AtomicI32, Ordering::Relaxed};

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;

use super::fd_table;

/// Environment variable with the numbers of the saved descriptors, for a program that this process executes
/// or starts (a wrapper script's `exec`, a CGI program).
pub(crate) const SAVED_FDS_VARIABLE: &str = "SOCKFUZZ_STDIO";

static INPUT: AtomicI32 = AtomicI32::new(-1);
static OUTPUT: AtomicI32 = AtomicI32::new(-1);
static ERROR: AtomicI32 = AtomicI32::new(2);

/// Keeps copies of the three standard descriptors, so that a wrapper script may start the server.
pub(crate) fn save() {
    for (slot, fd) in [(&INPUT, 0), (&OUTPUT, 1), (&ERROR, 2)] {
        // SAFETY: the number is not -1, and is only duplicated; a closed one gives EBADF.
        let standard = unsafe { BorrowedFd::borrow_raw(fd) };
        if let Ok(copy) = save_across_exec(standard) {
            slot.store(copy, Relaxed);
        }
    }
}

/// Keeps a copy of a descriptor for this process and for the programs that it executes.
pub(crate) fn save_across_exec(fd: BorrowedFd<'_>) -> Result<RawFd, Errno> {
    let copy = rustix::io::fcntl_dupfd_cloexec(fd, fd_table::FIRST_PROTECTED_FD)?;
    rustix::io::fcntl_setfd(&copy, rustix::io::FdFlags::empty())?;
    let copy = copy.into_raw_fd();
    fd_table::protect(copy);
    Ok(copy)
}

/// Replaces the server's stdin by an empty one and its stdout by stderr, so that only the answer
/// reaches the original stdout.
pub(crate) fn hide_from_server() {
    if let Ok(null) = rustix::fs::open(c"/dev/null", OFlags::RDWR, Mode::empty()) {
        duplicate_onto(&null, 0);
        if error_is_open() {
            duplicate_onto(error(), 1);
        } else {
            duplicate_onto(&null, 1);
        }
    }
}

/// Returns the three numbers as text for [`SAVED_FDS_VARIABLE`].
pub(crate) fn encode() -> String {
    [&INPUT, &OUTPUT, &ERROR].map(|slot| slot.load(Relaxed).to_string()).join(",")
}

/// Adopts the numbers that another process has stored in [`SAVED_FDS_VARIABLE`].
pub(crate) fn adopt(text: &str) {
    for (slot, number) in [&INPUT, &OUTPUT, &ERROR].into_iter().zip(text.split(',')) {
        let number = number.parse().unwrap_or(-1);
        fd_table::protect(number);
        slot.store(number, Relaxed);
    }
}

/// The original stdin; `None` when it was closed.
pub(crate) fn input() -> Option<BorrowedFd<'static>> {
    borrow(&INPUT)
}

/// The original stdout; `None` when it was closed.
pub(crate) fn output() -> Option<BorrowedFd<'static>> {
    borrow(&OUTPUT)
}

/// The original stderr; descriptor 2 when it was closed.
pub(crate) fn error() -> BorrowedFd<'static> {
    // SAFETY: the number is not -1. If it is closed, a write to it fails with EBADF.
    borrow(&ERROR).unwrap_or(unsafe { BorrowedFd::borrow_raw(2) })
}

fn error_is_open() -> bool {
    rustix::io::fcntl_getfd(error()).is_ok()
}

fn borrow(slot: &AtomicI32) -> Option<BorrowedFd<'static>> {
    let number = slot.load(Relaxed);
    // SAFETY: the number is not -1. If it was closed since, a call on it fails with EBADF.
    (number >= 0).then(|| unsafe { BorrowedFd::borrow_raw(number) })
}

/// Duplicates `source` onto `number`, which stays open at `exec`, whatever was there.
pub(crate) fn duplicate_onto(source: impl AsFd, number: RawFd) {
    // SAFETY: `dup2` replaces what is at `number`, open or not; `ManuallyDrop` never closes it.
    let mut target = ManuallyDrop::new(unsafe { OwnedFd::from_raw_fd(number) });
    let _ = rustix::io::dup2(source, &mut target);
}
