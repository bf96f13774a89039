//! Whether the server's other threads, and its child processes, sleep. The kernel is the judge, so
//! that it does not matter in which call, or in whose runtime, they do.

use std::ffi::CStr;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, IntoRawFd, OwnedFd, RawFd};
use std::sync::atomic::{AtomicI32, AtomicU32, Ordering::SeqCst};

use rustix::fs::{CWD, Mode, OFlags, RawDir, openat};
use rustix::io::{Errno, fcntl_dupfd_cloexec};
use rustix::process::Pid;
use rustix::thread::sched_getaffinity;

use super::displaced;
use super::quiet::{Quiet, Verdict};
use crate::children;
use crate::descriptors::{self, Kind};

/// Changes whenever the server creates a thread; 0 before the first.
static CREATED: AtomicU32 = AtomicU32::new(0);
/// /proc, opened before the server may change its root directory.
static PROC: AtomicI32 = AtomicI32::new(-1);

/// Threads whose state files are kept open; the others' are opened each time. (So are all where the
/// server has forbidden itself such high numbers.)
const KEPT: usize = 64;

/// Numbers from here on are given to files that are kept, to leave the server the low ones.
const FIRST_KEPT: RawFd = 210;

const DIRECTORY: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);
const FILE: OFlags = OFlags::RDONLY.union(OFlags::CLOEXEC);

/// The server creates a thread (to be called before, and again after), or a child process.
pub(crate) fn note_creation() {
    CREATED.fetch_add(1, SeqCst);
}

/// Whether the server has never had a second thread, nor a child.
pub(crate) fn alone() -> bool {
    CREATED.load(SeqCst) == 0
}

/// Keeps /proc reachable for a server that will `chroot`.
pub(crate) fn open_proc() {
    if PROC.load(SeqCst) < 0
        && let Ok(proc) = openat(CWD, c"/proc", DIRECTORY, Mode::empty())
    {
        let proc = proc.into_raw_fd();
        descriptors::keep(proc);
        PROC.store(proc, SeqCst);
    }
}

/// A directory of this process's own in /proc: by its name there, and by its full name where /proc
/// was not opened.
fn open_own(name: &CStr, path: &CStr) -> Result<OwnedFd, Errno> {
    match PROC.load(SeqCst) {
        proc @ 0.. => {
            let own = openat(descriptors::lend(proc), c"self", DIRECTORY, Mode::empty())?;
            openat(own, name, DIRECTORY, Mode::empty())
        }
        _ => openat(CWD, path, DIRECTORY, Mode::empty()),
    }
}

/// How many descriptors the server has open, without ours. `None` when it may not even open one
/// more.
pub(crate) fn count_descriptors() -> Option<usize> {
    let directory = open_own(c"fd", c"/proc/self/fd").ok()?;
    let mut buffer = [MaybeUninit::uninit(); 2048];
    let mut entries = RawDir::new(&directory, &mut buffer);
    let mut count = 0;
    while let Some(entry) = entries.next() {
        let number = parse_id(entry.ok()?.file_name());
        let is_its_own = |&fd: &RawFd| {
            fd != directory.as_raw_fd() && !matches!(descriptors::recorded(fd), Kind::Kept | Kind::Reserved)
        };
        count += usize::from(number.filter(is_its_own).is_some());
    }
    Some(count)
}

/// The threads that are watched. Belongs to the driver's role.
pub(super) struct Watch {
    kept: [Option<Thread>; KEPT],
    /// Value of [`CREATED`] when the list was made.
    made_at: u32,
    /// Whether there are more threads than are kept.
    overflow: bool,
    /// Whether one of those was awake when the list was made.
    overflow_awake: bool,
    quiet: Quiet,
}

struct Thread {
    id: i32,
    stat: OwnedFd,
}

impl Thread {
    fn new(id: i32, stat: OwnedFd) -> Self {
        descriptors::keep(stat.as_raw_fd());
        Self { id, stat }
    }
}

impl Drop for Thread {
    fn drop(&mut self) {
        descriptors::set(self.stat.as_raw_fd(), Kind::Foreign);
    }
}

impl Watch {
    pub(super) const fn new() -> Self {
        Self {
            kept: [const { None }; KEPT],
            made_at: 0,
            overflow: false,
            overflow_awake: false,
            quiet: Quiet::new(),
        }
    }

    /// The calling thread has just become the one that watches.
    pub(super) fn begin(&mut self) {
        self.quiet.begin();
    }

    /// Whether any other thread runs or could run. Without /proc there is no judge, and the server
    /// is taken for idle.
    pub(super) fn others_are_awake(&mut self) -> bool {
        if alone() {
            return false;
        }
        // Of its child processes, only /proc tells.
        if children::exist() {
            return self.others_are_awake_by_proc();
        }
        match self.quiet.ask() {
            Verdict::Quiet => false,
            Verdict::Stirs => true,
            Verdict::Unsure { quiet } => {
                let awake = self.others_are_awake_by_proc();
                if quiet {
                    let asleep = !awake && self.share_one_core();
                    self.quiet.compare(asleep);
                }
                awake
            }
        }
    }

    fn others_are_awake_by_proc(&mut self) -> bool {
        let created = CREATED.load(SeqCst);
        if self.made_at != created || self.overflow {
            self.made_at = created;
            if self.refresh().is_err() {
                return false;
            }
            if self.overflow_awake {
                return true;
            }
        }
        let before = displaced::switches_of_this_thread();
        match self.look() {
            Look::Awake => true,
            // One that was seen asleep may have been woken by one that was seen later, if any could run
            // in the meantime; a second look narrows that to nothing.
            Look::Asleep(2..) if displaced::switches_of_this_thread() != before || !self.share_one_core() => {
                matches!(self.look(), Look::Awake)
            }
            Look::Asleep(_) => false,
        }
    }

    /// Whether none of the threads may run anywhere but where the calling one does, and that is one core
    /// (as afl-fuzz has it).
    fn share_one_core(&self) -> bool {
        let core = |id| {
            let cores = sched_getaffinity(id).ok()?;
            (cores.count() == 1).then_some(cores)
        };
        let own = core(None);
        own.is_some()
            && self.kept.iter().flatten().all(|thread| {
                let id = Pid::from_raw(thread.id);
                id.is_some() && core(id) == own
            })
    }

    fn look(&mut self) -> Look {
        let me = own_id();
        let mut asleep = 0;
        for slot in &mut self.kept {
            match slot {
                Some(thread) if thread.id != me => match read_state(thread.stat.as_fd()) {
                    Ok(state) if is_awake(state) => return Look::Awake,
                    Ok(_) => asleep += 1,
                    // It has ended.
                    Err(_) => *slot = None,
                },
                _ => {}
            }
        }
        Look::Asleep(asleep)
    }

    /// Lists the threads anew.
    fn refresh(&mut self) -> Result<(), Errno> {
        let tasks = open_own(c"task", c"/proc/self/task")?;
        self.overflow = false;
        self.overflow_awake = false;
        let mut buffer = [MaybeUninit::uninit(); 2048];
        let mut entries = RawDir::new(&tasks, &mut buffer);
        while let Some(entry) = entries.next() {
            if let Some(id) = parse_id(entry?.file_name()) {
                self.keep(id, tasks.as_fd());
            }
        }
        if children::exist() {
            let processes = openat(&tasks, c"../..", DIRECTORY, Mode::empty())?;
            children::ids().for_each(|id| self.keep(id, processes.as_fd()));
        }
        Ok(())
    }

    fn keep(&mut self, id: i32, tasks: BorrowedFd<'_>) {
        // A number may come back; its old file tells that the old thread is gone.
        let known = |slot: &Option<Thread>| {
            slot.as_ref().is_some_and(|thread| thread.id == id && read_state(thread.stat.as_fd()).is_ok())
        };
        if self.kept.iter().any(known) {
            return;
        }
        let slot = self.kept.iter_mut().find(|slot| slot.as_ref().is_none_or(|thread| thread.id == id));
        // One that has just ended needs no watching.
        let Ok(stat) = open_stat(tasks, id) else { return };
        match (slot, fcntl_dupfd_cloexec(&stat, FIRST_KEPT)) {
            (Some(slot), Ok(stat)) => *slot = Some(Thread::new(id, stat)),
            _ => {
                self.overflow = true;
                self.overflow_awake |= id != own_id() && read_state(stat.as_fd()).is_ok_and(is_awake);
            }
        }
    }
}

enum Look {
    Awake,
    /// All of so many others.
    Asleep(usize),
}

fn own_id() -> i32 {
    rustix::thread::gettid().as_raw_nonzero().get()
}

fn open_stat(tasks: BorrowedFd<'_>, id: i32) -> Result<OwnedFd, Errno> {
    use std::io::Write;
    let mut path = [0_u8; 24];
    let _ = write!(&mut path[..23], "{id}/stat");
    let path = CStr::from_bytes_until_nul(&path).map_err(|_| Errno::NAMETOOLONG)?;
    openat(tasks, path, FILE, Mode::empty())
}

/// Reads a thread's state (proc_pid_stat(5), field 3).
fn read_state(stat: BorrowedFd<'_>) -> Result<u8, Errno> {
    let mut text = [0_u8; 64];
    let len = rustix::io::pread(stat, &mut text, 0)?;
    state(&text[..len]).ok_or(Errno::SRCH)
}

/// The letter after the command, which stands in parentheses and may itself contain some.
fn state(stat: &[u8]) -> Option<u8> {
    let command_end = stat.iter().rposition(|&byte| byte == b')')?;
    stat.get(command_end + 2).copied()
}

/// Sleeping threads and dead ones do not run; everything else could.
fn is_awake(state: u8) -> bool {
    !matches!(state, b'S' | b'Z' | b'X')
}

fn parse_id(name: &CStr) -> Option<i32> {
    name.to_str().ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::thread;

    use super::*;

    #[test]
    fn a_command_with_parentheses_does_not_hide_the_state() {
        assert_eq!(state(b"17 (a) R (b)) S 1 17"), Some(b'S'));
        assert_eq!(state(b"17 (nginx) R 1 17"), Some(b'R'));
        assert_eq!(state(b""), None);
    }

    #[test]
    fn threads_are_watched_from_their_creation_to_their_end() {
        let mut watch = Watch::new();
        let watched = |watch: &Watch, id| watch.kept.iter().flatten().any(|thread| thread.id == id);
        let (wake, sleep) = mpsc::channel::<()>();
        let (tell, told) = mpsc::channel();
        let sleeper = thread::spawn(move || {
            tell.send(own_id()).expect("told");
            sleep.recv().expect("woken");
        });
        let id = told.recv().expect("tells");
        watch.refresh().expect("/proc is mounted");
        assert!(watched(&watch, id));
        wake.send(()).expect("sleeps");
        sleeper.join().expect("ends");
        // Its entry in /proc outlives it for a moment: the kernel tells the joiner first.
        for thread in watch.kept.iter().flatten().filter(|thread| thread.id == id) {
            while read_state(thread.stat.as_fd()).is_ok() {
                thread::yield_now();
            }
        }
    }
}
