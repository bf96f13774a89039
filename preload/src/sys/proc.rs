//! This process in /proc: its threads and its descriptors.

use std::ffi::CStr;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, IntoRawFd, OwnedFd, RawFd};
use std::sync::atomic::{AtomicI32, Ordering::SeqCst};

use rustix::fs::{CWD, Mode, OFlags, RawDir, openat};
use rustix::io::Errno;

use super::fd;
use super::fd_table::{self, FdKind};

/// /proc, opened before the server may change its root directory; -1 before.
static PROC: AtomicI32 = AtomicI32::new(-1);

/// How directories of /proc are opened.
pub(crate) const DIRECTORY: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

/// Keeps /proc reachable for a server that will `chroot`.
pub(crate) fn open() {
    if PROC.load(SeqCst) < 0
        && let Ok(proc) = openat(CWD, c"/proc", DIRECTORY, Mode::empty())
    {
        let proc = proc.into_raw_fd();
        fd_table::protect(proc);
        PROC.store(proc, SeqCst);
    }
}

/// Opens the directory of this process's threads.
///
/// # Errors
/// Those of openat(2).
pub(crate) fn open_tasks() -> Result<OwnedFd, Errno> {
    open_own(c"task", c"/proc/self/task")
}

/// Opens the directory of all processes.
///
/// # Errors
/// Those of openat(2).
pub(crate) fn open_processes() -> Result<OwnedFd, Errno> {
    match PROC.load(SeqCst) {
        proc @ 0.. => openat(fd::borrow(proc), c".", DIRECTORY, Mode::empty()),
        _ => openat(CWD, c"/proc", DIRECTORY, Mode::empty()),
    }
}

/// Opens a directory of this process's own: by its name below [`PROC`], and by its path where that was not
/// opened.
fn open_own(name: &CStr, path: &CStr) -> Result<OwnedFd, Errno> {
    match PROC.load(SeqCst) {
        proc @ 0.. => {
            let own = openat(fd::borrow(proc), c"self", DIRECTORY, Mode::empty())?;
            openat(own, name, DIRECTORY, Mode::empty())
        }
        _ => openat(CWD, path, DIRECTORY, Mode::empty()),
    }
}

/// Calls `action` with every entry of `directory` whose name is a number.
///
/// # Errors
/// Those of getdents(2).
pub(crate) fn for_each_number(directory: impl AsFd, mut action: impl FnMut(i32)) -> Result<(), Errno> {
    let mut buffer = [MaybeUninit::uninit(); 2048];
    let mut entries = RawDir::new(directory, &mut buffer);
    while let Some(entry) = entries.next() {
        if let Some(number) = entry?.file_name().to_str().ok().and_then(|name| name.parse().ok()) {
            action(number);
        }
    }
    Ok(())
}

/// Calls `action` with every open descriptor of this process, but for the one that it takes to look.
///
/// # Errors
/// Those of openat(2) and getdents(2): EMFILE above all.
fn for_each_fd(mut action: impl FnMut(RawFd)) -> Result<(), Errno> {
    let directory = open_own(c"fd", c"/proc/self/fd")?;
    let own = directory.as_raw_fd();
    for_each_number(&directory, |fd| {
        if fd != own {
            action(fd);
        }
    })
}

/// Every open descriptor of this process; none where they cannot be listed.
pub(crate) fn open_fds() -> Vec<RawFd> {
    let mut fds = Vec::new();
    let _none_where_unreadable = for_each_fd(|fd| fds.push(fd));
    fds
}

/// Number of descriptors that the server has open, without the preload's. `None` when it may not even open
/// one more.
pub(crate) fn count_server_fds() -> Option<usize> {
    let mut count = 0;
    for_each_fd(|fd| {
        let is_servers = !matches!(fd_table::recorded_kind(fd), FdKind::Protected | FdKind::Reserved);
        count += usize::from(is_servers);
    })
    .ok()?;
    Some(count)
}
