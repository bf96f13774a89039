//! Queries of /proc: threads, descriptors and memory of this process, and states of other processes.

use std::ffi::CStr;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, IntoRawFd, OwnedFd, RawFd};
use std::sync::atomic::{AtomicI32, Ordering::SeqCst};

use libc::c_int;
use rustix::fs::{CWD, Mode, OFlags, RawDir, openat};
use rustix::io::Errno;

use super::fd;
use super::fd_table::{self, FdKind};

/// Descriptor of /proc, opened before the server may change its root directory; -1 until then.
static PROC: AtomicI32 = AtomicI32::new(-1);

/// Flags with which directories of /proc are opened.
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
    open_own(c"task", c"/proc/self/task", DIRECTORY)
}

/// Opens the list of this process's mappings (proc_pid_maps(5)).
///
/// # Errors
/// Those of openat(2).
pub(crate) fn open_mappings() -> Result<OwnedFd, Errno> {
    open_own(c"maps", c"/proc/self/maps", OFlags::RDONLY | OFlags::CLOEXEC)
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

/// Opens the `stat` file of a thread or process (proc_pid_stat(5)), in a directory of threads or processes.
///
/// # Errors
/// Those of openat(2).
pub(crate) fn open_stat(directory: impl AsFd, id: i32) -> Result<OwnedFd, Errno> {
    use std::io::Write;
    let mut path = [0_u8; 24];
    let _ = write!(&mut path[..23], "{id}/stat");
    let path = CStr::from_bytes_until_nul(&path).map_err(|_| Errno::NAMETOOLONG)?;
    openat(directory, path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())
}

/// Returns the state letter in the content of such a file. It follows the command, which is in parentheses and may
/// itself contain parentheses.
pub(crate) fn state(stat: &[u8]) -> Option<u8> {
    let command_end = stat.iter().rposition(|&byte| byte == b')')?;
    stat.get(command_end + 2).copied()
}

/// Whether a thread or process may be running: it neither sleeps nor is dead.
pub(crate) fn is_awake(state: u8) -> bool {
    state != b'S' && !is_dead(state)
}

/// Whether a thread or process has ended.
pub(crate) fn is_dead(state: u8) -> bool {
    matches!(state, b'Z' | b'X')
}

/// Returns the state letter of a process and its status, as wait(2) encodes it. The status is 0 until the process has
/// ended, or if this process may not read it.
///
/// # Errors
/// Those of openat(2) and read(2): there is no such process.
pub(crate) fn read_process(id: i32) -> Result<(u8, c_int), Errno> {
    let opened;
    let directory = match PROC.load(SeqCst) {
        proc @ 0.. => fd::borrow(proc),
        _ => {
            opened = openat(CWD, c"/proc", DIRECTORY, Mode::empty())?;
            opened.as_fd()
        }
    };
    let mut text = [0; 1024];
    let len = rustix::io::read(open_stat(directory, id)?, &mut text)?;
    Ok((state(&text[..len]).ok_or(Errno::SRCH)?, last_number(&text[..len]).unwrap_or(0)))
}

/// Parses the last field, which is the status.
fn last_number(stat: &[u8]) -> Option<c_int> {
    let last = stat.trim_ascii_end().rsplit(|&byte| byte == b' ').next()?;
    std::str::from_utf8(last).ok()?.parse().ok()
}

/// Opens a file that describes this process: by its name below [`PROC`], or by its path if [`PROC`] is not open.
fn open_own(name: &CStr, path: &CStr, flags: OFlags) -> Result<OwnedFd, Errno> {
    match PROC.load(SeqCst) {
        proc @ 0.. => {
            let own = openat(fd::borrow(proc), c"self", DIRECTORY, Mode::empty())?;
            openat(own, name, flags, Mode::empty())
        }
        _ => openat(CWD, path, flags, Mode::empty()),
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

/// Calls `action` with every open descriptor of this process, except the one that lists them.
///
/// # Errors
/// Those of openat(2) and getdents(2), mainly EMFILE.
fn for_each_fd(mut action: impl FnMut(RawFd)) -> Result<(), Errno> {
    let directory = open_own(c"fd", c"/proc/self/fd", DIRECTORY)?;
    let own = directory.as_raw_fd();
    for_each_number(&directory, |fd| {
        if fd != own {
            action(fd);
        }
    })
}

/// Returns every open descriptor of this process; none if they cannot be listed.
pub(crate) fn open_fds() -> Vec<RawFd> {
    let mut fds = Vec::new();
    let _none_where_unreadable = for_each_fd(|fd| fds.push(fd));
    fds
}

/// Returns the resident memory of this process in bytes; 0 if it is unknown.
pub(crate) fn resident_bytes() -> u64 {
    memory_bytes(1)
}

/// Returns the private writable memory of this process, touched or not, in bytes; 0 if it is unknown.
pub(crate) fn data_bytes() -> u64 {
    memory_bytes(5)
}

/// Returns a column of proc_pid_statm(5), converted from pages to bytes.
fn memory_bytes(column: usize) -> u64 {
    let mut text = [0; 128];
    let length = open_own(c"statm", c"/proc/self/statm", OFlags::RDONLY | OFlags::CLOEXEC)
        .and_then(|file| rustix::io::read(&file, &mut text))
        .unwrap_or(0);
    let pages = text[..length].split(|&byte| byte == b' ').nth(column);
    let pages = pages.and_then(|pages| str::from_utf8(pages).ok()?.parse::<u64>().ok());
    // SAFETY: sysconf(3) takes a number, and has no preconditions.
    let page_bytes = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    pages.unwrap_or(0) * page_bytes.unsigned_abs()
}

/// Returns the number of this process's threads: each is a directory, like `.` and `..` (proc_pid_task(5)).
pub(crate) fn count_threads() -> usize {
    let links = open_tasks().and_then(rustix::fs::fstat).map_or(0, |tasks| tasks.st_nlink);
    links.saturating_sub(2) as usize
}

/// Returns the number of descriptors that the server has open, without the preload's. `None` if it may not open
/// another one.
pub(crate) fn count_server_fds() -> Option<usize> {
    let mut count = 0;
    for_each_fd(|fd| {
        let is_servers = !matches!(fd_table::recorded_kind(fd), FdKind::Protected | FdKind::Reserved);
        count += usize::from(is_servers);
    })
    .ok()?;
    Some(count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_with_parentheses_does_not_hide_the_state() {
        assert_eq!(state(b"17 (a) R (b)) S 1 17"), Some(b'S'));
        assert_eq!(state(b"17 (nginx) R 1 17"), Some(b'R'));
        assert_eq!(state(b""), None);
    }

    #[test]
    fn the_status_of_an_ended_process_is_read() {
        let mut child =
            std::process::Command::new("/bin/sh").args(["-c", "exit 3"]).spawn().expect("sh starts");
        let id = child.id().cast_signed();
        while read_process(id).expect("nobody has reaped it").0 != b'Z' {
            std::thread::yield_now();
        }
        assert_eq!(read_process(id), Ok((b'Z', 3 << 8)));
        child.wait().expect("it has ended");
        assert!(read_process(id).is_err());
    }
}
