//! What a child has told AFL++, in memory that it shares with the forkserver: the forkserver has to
//! answer for a child that died, but never twice.

use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::SeqCst};
use std::time::Duration;

use rustix::fs::{MemfdFlags, ftruncate, memfd_create};
use rustix::io::Errno;
use rustix::mm::{MapFlags, ProtFlags, mmap};

use crate::{clock, report};

/// How far the child has come with its iteration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub(super) enum Stage {
    /// Not ended yet.
    Running = 0,
    /// Ended; the answer is being written.
    Reporting = 1,
    /// The answer is written.
    Reported = 2,
}

/// The shared page.
#[derive(Debug)]
pub(super) struct Ledger {
    stage: AtomicU32,
    /// Whether AFL++ has been told which process this child is.
    announced: AtomicBool,
    /// Iterations that this child has begun.
    iterations: AtomicU32,
    /// When the current one began, in nanoseconds of the real monotonic clock.
    began: AtomicU64,
}

impl Ledger {
    /// A page that every process forked from now on shares. It has a name of its own: anonymous
    /// memory is taken for the server's, of which every child gets a copy.
    pub(super) fn share() -> &'static Self {
        match Self::map() {
            // SAFETY: never unmapped; zeroes are a valid `Ledger`.
            Ok(page) => unsafe { &*page },
            Err(error) => report::fatal(format_args!("no memory to share with the forkserver: {error}")),
        }
    }

    fn map() -> Result<*mut Self, Errno> {
        let file = memfd_create(c"sockfuzz", MemfdFlags::CLOEXEC)?;
        ftruncate(&file, size_of::<Self>() as u64)?;
        let access = ProtFlags::READ | ProtFlags::WRITE;
        // SAFETY: a new mapping at an address of the kernel's choice.
        let page = unsafe { mmap(ptr::null_mut(), size_of::<Self>(), access, MapFlags::SHARED, &file, 0) }?;
        Ok(page.cast())
    }

    /// A new child is about to run its first iteration, its start included.
    pub(super) fn open(&self) {
        self.iterations.store(0, SeqCst);
        self.announced.store(false, SeqCst);
        self.start_clock();
        self.enter(Stage::Running);
    }

    pub(super) fn begin_iteration(&self) {
        self.iterations.fetch_add(1, SeqCst);
        self.start_clock();
        self.enter(Stage::Running);
    }

    pub(super) fn announce(&self) {
        self.announced.store(true, SeqCst);
    }

    /// Lets the forkserver go first: a child that has answered before its process id went out would
    /// be taken for a process of that number.
    pub(super) fn await_announcement(&self) {
        while !self.announced.load(SeqCst) {
            rustix::thread::sched_yield();
        }
    }

    pub(super) fn iterations(&self) -> u32 {
        self.iterations.load(SeqCst)
    }

    pub(super) fn enter(&self, stage: Stage) {
        self.stage.store(stage as u32, SeqCst);
    }

    pub(super) fn stage(&self) -> Stage {
        match self.stage.load(SeqCst) {
            0 => Stage::Running,
            1 => Stage::Reporting,
            _ => Stage::Reported,
        }
    }

    /// How long ago the current iteration began.
    pub(super) fn elapsed(&self) -> Duration {
        clock::real_now().saturating_sub(Duration::from_nanos(self.began.load(SeqCst)))
    }

    fn start_clock(&self) {
        self.began.store(clock::real_now().as_nanos() as u64, SeqCst);
    }
}
