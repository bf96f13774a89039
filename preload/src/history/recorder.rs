//! Recorder: a process outside of the sandbox that writes histories to files. It is a sibling of the server's first
//! process, so that the server cannot wait for it, and ends with it.

use std::fmt;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, IntoRawFd, OwnedFd, RawFd};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{AtFlags, Dir, Mode, OFlags, fstat, openat, renameat, unlinkat};
use rustix::io::{Errno, close, fcntl_dupfd_cloexec, read, write};
use rustix::net::{AddressFamily, SocketFlags, SocketType, socketpair};
use rustix::process::getppid;
use sockfuzz_protocol::batch;
use sockfuzz_protocol::history::{self, History, MAX_NAME_BYTES, PlaceLine, is_finding_name};
use syscalls::{Sysno, syscall};

use super::ring::{Kept, RingPair};
use crate::sys::{fd, fd_table, proc, report};

/// Maximum number of histories in the directory, for each kind of finding.
const MAX_HISTORIES: usize = 200;
const MAX_HANGS: usize = 20;

/// Size of the file of places at which it gets no more lines, in bytes.
const MAX_PLACES_BYTES: i64 = 4 << 20;

/// Interval at which the recorder checks whether its parent, that of the server's first process, still lives.
const PARENT_CHECK_INTERVAL: Timespec = Timespec { tv_sec: 1, tv_nsec: 0 };

/// Time after which the forkserver goes on without an answer.
const ANSWER_TIMEOUT: Timespec = Timespec { tv_sec: 10, tv_nsec: 0 };

/// Result of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SaveOutcome {
    /// The history is written, or its place is known, or there are enough of its kind.
    Written,
    /// The file cannot be written.
    Failed(Errno),
    /// The recorder does not answer.
    Gone,
}

impl fmt::Display for SaveOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Written => f.write_str("written"),
            Self::Failed(error) => write!(f, "a file cannot be written: {error}"),
            Self::Gone => f.write_str("the recorder has ended"),
        }
    }
}

/// Starts the recorder, which writes to `directory`. Returns the connection to it, a descriptor that the server may not
/// close.
///
/// # Errors
/// Those of socketpair(2) and clone(2).
pub(super) fn split_off(rings: &RingPair, directory: OwnedFd) -> Result<RawFd, Errno> {
    let (ours, theirs) = socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)?;
    let parent = getppid();
    // SAFETY: like fork(2): the child continues on a copy of this stack. Before the server's constructors, this process
    // has one thread, so that no lock is held, and libc's own preparations for a fork are not needed.
    let child = unsafe { syscall!(Sysno::clone, libc::CLONE_PARENT, 0_usize, 0_usize, 0_usize, 0_usize) };
    match child.map_err(|error| Errno::from_raw_os_error(error.into_raw()))? {
        0 => {
            close_all_but([theirs.as_fd(), directory.as_fd()]);
            let _ = rustix::thread::set_name(c"sockfuzz-history");
            while getppid() == parent && serve(&theirs, rings, &directory) {}
            report::exit(0)
        }
        _ => {
            let ours = fcntl_dupfd_cloexec(&ours, fd_table::FIRST_PROTECTED_FD)?.into_raw_fd();
            fd_table::protect(ours);
            Ok(ours)
        }
    }
}

/// Closes all other descriptors: AFL++ sees the forkserver's end by the end of its pipes.
fn close_all_but(kept: [BorrowedFd<'_>; 2]) {
    let kept = kept.map(|fd| fd.as_raw_fd());
    for open in proc::open_fds().into_iter().filter(|open| !kept.contains(open)) {
        // SAFETY: this process uses no other descriptor any more.
        unsafe { close(open) };
    }
}

/// Waits for a request, and answers it. Returns `false` when there are no more.
fn serve(connection: &OwnedFd, rings: &RingPair, directory: &OwnedFd) -> bool {
    match poll(&mut [PollFd::new(connection, PollFlags::IN)], Some(&PARENT_CHECK_INTERVAL)) {
        Ok(0) | Err(Errno::INTR) => return true,
        Ok(_) => {}
        Err(_) => return false,
    }
    let mut request = [0; 1 + MAX_NAME_BYTES];
    let (place, name) = match read(connection, &mut request) {
        Ok(len @ 2..) => (usize::from(request[0]), &request[1..len]),
        _ => return false,
    };
    let name = str::from_utf8(name).ok().filter(|name| is_finding_name(name));
    let result = match (rings.get(place), name) {
        (Some(ring), Some(name)) => {
            let kept = ring.kept();
            add_place(directory, name, &kept).and_then(|()| save(directory, name, &kept))
        }
        _ => Err(Errno::INVAL),
    };
    let error = result.map_or_else(Errno::raw_os_error, |()| 0);
    write(connection, &error.to_ne_bytes()).is_ok()
}

/// Adds a line to the file of places, unless that is full.
fn add_place(directory: &OwnedFd, name: &str, kept: &Kept) -> Result<(), Errno> {
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::APPEND | OFlags::CLOEXEC | OFlags::NOFOLLOW;
    let file = openat(directory, history::PLACES_FILE, flags, Mode::from_raw_mode(0o644))?;
    if fstat(&file)?.st_size > MAX_PLACES_BYTES {
        return Ok(());
    }
    let last = batch::inputs(&kept.inputs).last().unwrap_or_default();
    fd::write_all(&file, format!("{}\n", PlaceLine::new(last, name)).as_bytes())
}

/// Writes a history, unless the directory has one of the same finding, or enough of its kind.
fn save(directory: &OwnedFd, name: &str, kept: &Kept) -> Result<(), Errno> {
    let kind = history::kind(name);
    let limit = if kind == "hang" { MAX_HANGS } else { MAX_HISTORIES };
    let (mut all, mut of_kind) = (0, 0);
    for entry in Dir::read_from(directory)? {
        let entry = entry?;
        let Some((id, rest)) =
            str::from_utf8(entry.file_name().to_bytes()).ok().and_then(|name| name.split_once(','))
        else {
            continue;
        };
        let finding = rest.rsplit_once(",inputs:").map_or(rest, |(finding, _)| finding);
        if finding == name {
            return Ok(());
        }
        all += usize::from(id.starts_with("id:"));
        of_kind += usize::from(history::kind(finding) == kind);
    }
    if of_kind >= limit {
        return Ok(());
    }
    let file = format!("id:{all:06},{name},inputs:{}", batch::inputs(&kept.inputs).count());
    write_file(directory, &file, &History::encode(name, kept.left_out, &kept.inputs))
}

/// Writes a file that has its name only when it is complete.
fn write_file(directory: &OwnedFd, name: &str, content: &[u8]) -> Result<(), Errno> {
    let unfinished = format!(".{name}");
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC | OFlags::CLOEXEC | OFlags::NOFOLLOW;
    let file = openat(directory, &unfinished, flags, Mode::from_raw_mode(0o644))?;
    let result =
        fd::write_all(&file, content).and_then(|()| renameat(directory, &unfinished, directory, name));
    if result.is_err() {
        let _ = unlinkat(directory, &unfinished, AtFlags::empty());
    }
    result
}

/// In the forkserver: has the history in this place saved under the name of its finding, and waits for that.
pub(super) fn request(recorder: BorrowedFd<'_>, place: usize, name: &str) -> SaveOutcome {
    let request = [&[place as u8], name.as_bytes()].concat();
    if write(recorder, &request).is_err() {
        return SaveOutcome::Gone;
    }
    let mut error = [0; size_of::<i32>()];
    loop {
        match poll(&mut [PollFd::from_borrowed_fd(recorder, PollFlags::IN)], Some(&ANSWER_TIMEOUT)) {
            Err(Errno::INTR) => {}
            Ok(1..) => break,
            _ => return SaveOutcome::Gone,
        }
    }
    match read(recorder, &mut error) {
        Ok(len) if len == error.len() => match i32::from_ne_bytes(error) {
            0 => SaveOutcome::Written,
            error => SaveOutcome::Failed(Errno::from_raw_os_error(error)),
        },
        _ => SaveOutcome::Gone,
    }
}
