//! State of a child, in memory that it shares with the forkserver. It shows what the child has reported to AFL++: the
//! forkserver must report for a child that has died, but never twice. Its futexes let the two wait for each other
//! before the child's first input.

use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::SeqCst};
use std::time::Duration;

use rustix::event::Timespec;
use rustix::thread::futex;
pub(super) use sockfuzz_handover::forkserver::IterationState;

use crate::afl::coverage::counters::PLACES;
use crate::determinism::clock;
use crate::history::crash_site::CrashSite;
use crate::sys::planned_end::{self, Announcement, PlannedEnd};
use crate::sys::report;
use crate::sys::shared_pages::{self, Shareable};

/// State of one child.
#[derive(Debug)]
#[repr(align(64))]
pub(super) struct ChildState {
    iteration_state: AtomicU32,
    /// Futex: not 0 once the child has started and can take an input.
    ready: AtomicU32,
    /// Futex: not 0 once the child's turn has come, and AFL++ has been sent a process id for it.
    turn: AtomicU32,
    /// Whether the child starts while another one runs.
    spare: AtomicBool,
    /// Iterations that this child has begun.
    iterations: AtomicU32,
    /// Whether the process has announced its end.
    announcement: Announcement,
    /// Where the process has crashed.
    pub(super) crash_site: CrashSite,
    /// Start of the current iteration, in nanoseconds of the real monotonic clock.
    began_nanos: AtomicU64,
}

/// Process that has the role of the forkserver.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
enum ForkserverRole {
    /// The first process; its first child may still take over.
    Undecided = 0,
    /// The first process: its first child can no longer take over.
    FirstProcess = 1,
    /// The first child of the first process.
    FirstChild = 2,
}

/// Page that the forkserver shares with its children: states of the running child and of the next one.
#[derive(Debug)]
pub(super) struct ForkserverPage {
    pub(super) children: [ChildState; PLACES],
    /// Whether this server's processes must not live side by side.
    one_at_a_time: AtomicBool,
    /// Whether the server has ended in its warm-up, so that later children have none.
    without_warm_up: AtomicBool,
    /// A [`ForkserverRole`].
    role: AtomicU32,
}

// SAFETY: all zeroes is a valid page, which holds no pointers, and all fields are atomic.
unsafe impl Shareable for ForkserverPage {}

impl ForkserverPage {
    /// Maps a page that every process forked from now on shares.
    pub(super) fn share(spares: bool) -> &'static Self {
        match shared_pages::map::<Self>() {
            Ok(page) => {
                page.one_at_a_time.store(!spares, SeqCst);
                page
            }
            Err(error) => report::fatal(format_args!("memory of the forkserver cannot be mapped: {error}")),
        }
    }

    /// Returns the index of a child's state.
    pub(super) fn place_of(&self, child: &ChildState) -> usize {
        self.children.iter().position(|state| ptr::eq(state, child)).unwrap_or(0)
    }

    pub(super) fn allow_spares(&self) -> bool {
        !self.one_at_a_time.load(SeqCst)
    }

    /// Makes later children skip the warm-up. Returns `false` if they did so before.
    pub(super) fn leave_out_warm_up(&self) -> bool {
        !self.without_warm_up.swap(true, SeqCst)
    }

    pub(super) fn leaves_out_warm_up(&self) -> bool {
        self.without_warm_up.load(SeqCst)
    }

    /// Keeps the role in the first process, which is about to report its first child. Returns `false` if the child has
    /// already taken the role.
    pub(super) fn keep_role(&self) -> bool {
        self.decide(ForkserverRole::FirstProcess)
    }

    /// Gives the role to the first child, and marks it as ready. Returns `false` if it is too late for that.
    pub(super) fn take_role(&self, child: &ChildState) -> bool {
        let taken = self.decide(ForkserverRole::FirstChild);
        if taken {
            child.set_ready();
        }
        taken
    }

    pub(super) fn is_role_undecided(&self) -> bool {
        self.role.load(SeqCst) == ForkserverRole::Undecided as u32
    }

    /// Decides for `role`, unless it was decided before. Returns whether `role` is the decision.
    fn decide(&self, role: ForkserverRole) -> bool {
        let decided =
            self.role.compare_exchange(ForkserverRole::Undecided as u32, role as u32, SeqCst, SeqCst);
        decided.map_or_else(|before| before == role as u32, |_| true)
    }

    pub(super) fn refuse_spares(&self) {
        self.one_at_a_time.store(true, SeqCst);
    }
}

impl ChildState {
    /// Resets the state, for a new child that is about to start.
    pub(super) fn reset(&self, spare: bool) {
        self.iterations.store(0, SeqCst);
        self.ready.store(0, SeqCst);
        self.turn.store(0, SeqCst);
        self.spare.store(spare, SeqCst);
        self.announcement.clear();
        self.crash_site.clear();
        self.set_iteration_state(IterationState::Running);
    }

    /// Waits until the child is ready, for at most `moment`; returns whether it is.
    pub(super) fn await_ready(&self, moment: &Timespec) -> bool {
        let _ = futex::wait(&self.ready, futex::Flags::empty(), 0, Some(moment));
        self.is_ready()
    }

    /// Whether the child can take an input, or has taken one.
    pub(super) fn is_ready(&self) -> bool {
        self.ready.load(SeqCst) != 0
    }

    /// Records that the child can take an input, and wakes the forkserver.
    pub(super) fn set_ready(&self) {
        set(&self.ready);
    }

    /// Records that the child's turn has come, and wakes the child.
    pub(super) fn start_turn(&self) {
        self.start_clock();
        set(&self.turn);
    }

    /// Marks the child as ready, and returns when its turn has come. If a child answered before its process id was
    /// sent, AFL++ would take the answer for the id. Calls `check` after each `check_interval`, to see whether the
    /// forkserver still exists.
    pub(super) fn await_turn(&self, check_interval: &Timespec, check: impl Fn()) {
        self.set_ready();
        while self.turn.load(SeqCst) == 0 {
            check();
            let _ = futex::wait(&self.turn, futex::Flags::empty(), 0, Some(check_interval));
        }
    }

    /// Whether the child starts, or waits, while another one runs.
    pub(super) fn is_waiting_spare(&self) -> bool {
        self.spare.load(SeqCst) && self.turn.load(SeqCst) == 0
    }

    pub(super) fn begin_iteration(&self) {
        self.iterations.fetch_add(1, SeqCst);
        self.start_clock();
        self.set_iteration_state(IterationState::Running);
    }

    pub(super) fn iterations(&self) -> u32 {
        self.iterations.load(SeqCst)
    }

    pub(super) fn set_iteration_state(&self, state: IterationState) {
        self.iteration_state.store(state as u32, SeqCst);
    }

    pub(super) fn iteration_state(&self) -> IterationState {
        match self.iteration_state.load(SeqCst) {
            0 => IterationState::Running,
            1 => IterationState::Reporting,
            _ => IterationState::Reported,
        }
    }

    /// Makes this process announce its planned end in this state.
    pub(super) fn take_announcements(&'static self) {
        planned_end::announce_in(&self.announcement);
    }

    pub(super) fn ends_as_planned(&self) -> bool {
        self.planned_end() != PlannedEnd::None
    }

    pub(super) fn planned_end(&self) -> PlannedEnd {
        self.announcement.read()
    }

    /// Returns the time since the start of the current iteration.
    pub(super) fn elapsed(&self) -> Duration {
        clock::real_now().saturating_sub(Duration::from_nanos(self.began_nanos.load(SeqCst)))
    }

    fn start_clock(&self) {
        self.began_nanos.store(clock::real_now().as_nanos() as u64, SeqCst);
    }
}

/// Sets a futex word, and wakes the process that waits for it.
fn set(word: &AtomicU32) {
    word.store(1, SeqCst);
    let _ = futex::wake(word, futex::Flags::empty(), 1);
}
