//! What a child has told AFL++, in memory that it shares with the forkserver: the forkserver has to
//! answer for a child that died, but never twice. And how the two wait for each other before the
//! child's first input.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::SeqCst};
use std::time::Duration;

use rustix::event::Timespec;
use rustix::thread::futex;

use crate::afl::shared_memory;
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

/// What is known of one child.
#[derive(Debug)]
#[repr(align(64))]
pub(super) struct Ledger {
    stage: AtomicU32,
    /// Not 0: the child has started, and can take an input.
    ready: AtomicU32,
    /// Not 0: its turn has come, and AFL++ has been told which process it is.
    called: AtomicU32,
    /// Whether it starts while another child runs.
    spare: AtomicBool,
    /// Iterations that this child has begun.
    iterations: AtomicU32,
    /// When the current one began, in nanoseconds of the real monotonic clock.
    began: AtomicU64,
}

/// Who is the forkserver.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
enum Office {
    /// The first process; its first child may still take over.
    Open = 0,
    /// The first process, for good.
    Kept = 1,
    /// Its first child.
    Passed = 2,
}

/// The shared page: the child whose turn it is, and the one after it.
#[derive(Debug)]
pub(super) struct Ledgers {
    pub(super) children: [Ledger; 2],
    /// Whether this server's processes must not live side by side.
    one_at_a_time: AtomicBool,
    /// An [`Office`].
    office: AtomicU32,
}

impl Ledgers {
    /// A page that every process forked from now on shares.
    pub(super) fn share(spares: bool) -> &'static Self {
        match shared_memory::of_all_children(size_of::<Self>()) {
            Ok(page) => {
                // SAFETY: never unmapped; zeroes are valid ledgers.
                let ledgers: &'static Self = unsafe { &*page.cast() };
                ledgers.one_at_a_time.store(!spares, SeqCst);
                ledgers
            }
            Err(error) => report::fatal(format_args!("no memory to share with the forkserver: {error}")),
        }
    }

    pub(super) fn allow_spares(&self) -> bool {
        !self.one_at_a_time.load(SeqCst)
    }

    /// The forkserver is about to speak for its first child. `false`: the child is the forkserver now.
    pub(super) fn keep_office(&self) -> bool {
        self.decide(Office::Kept)
    }

    /// The first child, which is ready, becomes the forkserver. `false`: that is too late.
    pub(super) fn take_office(&self, child: &Ledger) -> bool {
        let taken = self.decide(Office::Passed);
        if taken {
            set(&child.ready);
        }
        taken
    }

    pub(super) fn is_office_open(&self) -> bool {
        self.office.load(SeqCst) == Office::Open as u32
    }

    /// Whether it is decided so, or was.
    fn decide(&self, office: Office) -> bool {
        let decided = self.office.compare_exchange(Office::Open as u32, office as u32, SeqCst, SeqCst);
        decided.map_or_else(|before| before == office as u32, |_| true)
    }

    pub(super) fn refuse_spares(&self) {
        self.one_at_a_time.store(true, SeqCst);
    }
}

impl Ledger {
    /// A new child is about to start.
    pub(super) fn open(&self, spare: bool) {
        self.iterations.store(0, SeqCst);
        self.ready.store(0, SeqCst);
        self.called.store(0, SeqCst);
        self.spare.store(spare, SeqCst);
        self.enter(Stage::Running);
    }

    /// Waits until the child is ready, or a moment; says whether it is.
    pub(super) fn await_ready(&self, moment: &Timespec) -> bool {
        let _ = futex::wait(&self.ready, futex::Flags::empty(), 0, Some(moment));
        self.ready.load(SeqCst) != 0
    }

    /// The child's turn has come.
    pub(super) fn call(&self) {
        self.start_clock();
        set(&self.called);
    }

    /// The child is ready. Returns when its turn has come: a child that answered before its process
    /// id went out would be taken for a process of that number. Looks after each `glance` whether
    /// there still is a forkserver, by `check`.
    pub(super) fn await_call(&self, glance: &Timespec, check: impl Fn()) {
        set(&self.ready);
        while self.called.load(SeqCst) == 0 {
            check();
            let _ = futex::wait(&self.called, futex::Flags::empty(), 0, Some(glance));
        }
    }

    /// Whether the child starts, or waits, while another one runs.
    pub(super) fn is_waiting_spare(&self) -> bool {
        self.spare.load(SeqCst) && self.called.load(SeqCst) == 0
    }

    pub(super) fn begin_iteration(&self) {
        self.iterations.fetch_add(1, SeqCst);
        self.start_clock();
        self.enter(Stage::Running);
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

/// Sets a word for which somebody may wait.
fn set(word: &AtomicU32) {
    word.store(1, SeqCst);
    let _ = futex::wake(word, futex::Flags::empty(), 1);
}
