//! Whether the server's other threads sleep. The kernel is the judge, so that it does not matter
//! in which call, or in whose runtime, they do.

use std::mem::MaybeUninit;
use std::os::fd::{BorrowedFd, IntoRawFd};
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering::Relaxed};

use rustix::fs::{CWD, Mode, OFlags, RawDir, openat};

use crate::{clock, descriptors};

/// Set by the first `pthread_create`.
static CREATED: AtomicBool = AtomicBool::new(false);
/// /proc, opened before the server may change its root directory.
static PROC: AtomicI32 = AtomicI32::new(-1);

const DIRECTORY: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

/// The server is about to create a thread.
pub(crate) fn note_creation() {
    CREATED.store(true, Relaxed);
    clock::thaw();
}

/// Whether the server has never had a second thread.
pub(crate) fn alone() -> bool {
    !CREATED.load(Relaxed)
}

/// Keeps /proc reachable for a server that will `chroot`.
pub(crate) fn open_proc() {
    if PROC.load(Relaxed) < 0
        && let Ok(proc) = openat(CWD, c"/proc", DIRECTORY, Mode::empty())
    {
        PROC.store(proc.into_raw_fd(), Relaxed);
    }
}

/// Whether any other thread runs or could run.
pub(super) fn others_are_awake() -> bool {
    if alone() {
        return false;
    }
    match any_other_awake() {
        // With several others, one that was seen asleep may have been woken by one that was seen
        // later; a second look narrows that to nothing.
        Ok(Others { awake: false, asleep: 2.. }) => any_other_awake().is_ok_and(|others| others.awake),
        Ok(others) => others.awake,
        // Without /proc there is no judge: take the server for idle.
        Err(_) => false,
    }
}

struct Others {
    awake: bool,
    asleep: usize,
}

fn any_other_awake() -> rustix::io::Result<Others> {
    let proc = PROC.load(Relaxed);
    let proc = if proc >= 0 { descriptors::lend(proc) } else { CWD };
    let path = if PROC.load(Relaxed) >= 0 { c"self/task" } else { c"/proc/self/task" };
    let tasks = openat(proc, path, DIRECTORY, Mode::empty())?;
    let me = rustix::thread::gettid().as_raw_nonzero().get();
    let mut buffer = [MaybeUninit::uninit(); 2048];
    let mut entries = RawDir::new(&tasks, &mut buffer);
    let mut asleep = 0;
    while let Some(entry) = entries.next() {
        let entry = entry?;
        let name = entry.file_name().to_bytes();
        let Some(id) = parse_id(name) else { continue };
        if id == me {
            continue;
        }
        if is_awake(descriptors::lend(std::os::fd::AsRawFd::as_raw_fd(&tasks)), name) {
            return Ok(Others { awake: true, asleep });
        }
        asleep += 1;
    }
    Ok(Others { awake: false, asleep })
}

/// Reads one thread's state (proc_pid_stat(5), field 3). A thread that is gone does not run.
fn is_awake(tasks: BorrowedFd<'_>, id: &[u8]) -> bool {
    const FILE: &[u8] = b"/stat\0";
    let mut path = [0_u8; 24];
    path[..id.len()].copy_from_slice(id);
    path[id.len()..id.len() + FILE.len()].copy_from_slice(FILE);
    let Ok(path) = std::ffi::CStr::from_bytes_until_nul(&path) else { return false };
    let Ok(stat) = openat(tasks, path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty()) else { return false };
    let mut text = [0_u8; 128];
    let Ok(len) = rustix::io::read(&stat, &mut text) else { return false };
    !matches!(state(&text[..len]), Some(b'S' | b'Z' | b'X') | None)
}

/// The letter after the command, which stands in parentheses and may itself contain some.
fn state(stat: &[u8]) -> Option<u8> {
    let command_end = stat.iter().rposition(|&byte| byte == b')')?;
    stat.get(command_end + 2).copied()
}

fn parse_id(name: &[u8]) -> Option<i32> {
    std::str::from_utf8(name).ok()?.parse().ok()
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
    fn a_spinning_thread_is_awake() {
        let stop = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !stop.load(Relaxed) {
                    std::hint::spin_loop();
                }
            });
            let awake = any_other_awake().expect("/proc is mounted").awake;
            stop.store(true, Relaxed);
            assert!(awake);
        });
    }
}
