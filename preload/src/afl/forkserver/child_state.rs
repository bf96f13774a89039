//! What a child has told AFL++, in memory that it shares with the forkserver: the forkserver has to
//! answer for a child that died, but never twice. And how the two wait for each other before the
//! child's first input.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::SeqCst};
use std::time::Duration;

use rustix::event::Timespec;
use rustix::thread::futex;
pub(super) use sockfuzz_handover::forkserver::IterationState;

use crate::determinism::clock;
use crate::sys::shared_pages::{self, Shareable};
use crate::sys::{planned_end, report};

/// What is known of one child.
#[derive(Debug)]
#[repr(align(64))]
pub(super) struct ChildState {
    iteration_state: AtomicU32,
    /// Not 0: the child has started, and can take an input.
    ready: AtomicU32,
    /// Not 0: its turn has come, and AFL++ has been told which process it is.
    turn: AtomicU32,
    /// Whether it starts while another child runs.
    spare: AtomicBool,
    /// Iterations that this child has begun.
    iterations: AtomicU32,
    /// Whether the process has announced that it is about to end: its share of iterations is over, or the preload
    /// cannot go on.
    ends_as_planned: AtomicBool,
    /// When the current one began, in nanoseconds of the real monotonic clock.
    began_nanos: AtomicU64,
}

/// Who is the forkserver.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
enum ForkserverRole {
    /// The first process; its first child may still take over.
    Undecided = 0,
    /// The first process, for good.
    FirstProcess = 1,
    /// Its first child.
    FirstChild = 2,
}

/// The shared page: the child whose turn it is, and the one after it.
#[derive(Debug)]
pub(super) struct ForkserverPage {
    pub(super) children: [ChildState; 2],
    /// Whether this server's processes must not live side by side.
    one_at_a_time: AtomicBool,
    /// Whether the server has ended in its warm-up, which is left out since.
    without_warm_up: AtomicBool,
    /// An [`ForkserverRole`].
    role: AtomicU32,
}

// SAFETY: zeroes are valid states, and all fields are atomic.
unsafe impl Shareable for ForkserverPage {}

impl ForkserverPage {
    /// A page that every process forked from now on shares.
    pub(super) fn share(spares: bool) -> &'static Self {
        match shared_pages::map::<Self>() {
            Ok(page) => {
                page.one_at_a_time.store(!spares, SeqCst);
                page
            }
            Err(error) => report::fatal(format_args!("no memory to share with the forkserver: {error}")),
        }
    }

    pub(super) fn allow_spares(&self) -> bool {
        !self.one_at_a_time.load(SeqCst)
    }

    /// From now on, children have no warm-up; `false`: nor had they before.
    pub(super) fn leave_out_warm_up(&self) -> bool {
        !self.without_warm_up.swap(true, SeqCst)
    }

    pub(super) fn leaves_out_warm_up(&self) -> bool {
        self.without_warm_up.load(SeqCst)
    }

    /// The forkserver is about to speak for its first child. `false`: the child is the forkserver now.
    pub(super) fn keep_role(&self) -> bool {
        self.decide(ForkserverRole::FirstProcess)
    }

    /// The first child, which is ready, becomes the forkserver. `false`: that is too late.
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

    /// Whether it is decided so, or was.
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
    /// A new child is about to start.
    pub(super) fn reset(&self, spare: bool) {
        self.iterations.store(0, SeqCst);
        self.ready.store(0, SeqCst);
        self.turn.store(0, SeqCst);
        self.spare.store(spare, SeqCst);
        self.ends_as_planned.store(false, SeqCst);
        self.set_iteration_state(IterationState::Running);
    }

    /// Waits until the child is ready, or a moment; says whether it is.
    pub(super) fn await_ready(&self, moment: &Timespec) -> bool {
        let _ = futex::wait(&self.ready, futex::Flags::empty(), 0, Some(moment));
        self.is_ready()
    }

    /// Whether the child could take an input, or has taken one.
    pub(super) fn is_ready(&self) -> bool {
        self.ready.load(SeqCst) != 0
    }

    /// The child can take an input.
    pub(super) fn set_ready(&self) {
        set(&self.ready);
    }

    /// The child's turn has come.
    pub(super) fn start_turn(&self) {
        self.start_clock();
        set(&self.turn);
    }

    /// The child is ready. Returns when its turn has come: a child that answered before its process
    /// id went out would be taken for a process of that number. Looks after each `check_interval` whether
    /// there still is a forkserver, by `check`.
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

    /// Makes this process announce planned ends here.
    pub(super) fn take_announcements(&'static self) {
        planned_end::announce_in(&self.ends_as_planned);
    }

    pub(super) fn ends_as_planned(&self) -> bool {
        self.ends_as_planned.load(SeqCst)
    }

    /// How long ago the current iteration began.
    pub(super) fn elapsed(&self) -> Duration {
        clock::real_now().saturating_sub(Duration::from_nanos(self.began_nanos.load(SeqCst)))
    }

    fn start_clock(&self) {
        self.began_nanos.store(clock::real_now().as_nanos() as u64, SeqCst);
    }
}

/// Sets a word for which somebody may wait.
fn set(word: &AtomicU32) {
    word.store(1, SeqCst);
    let _ = futex::wake(word, futex::Flags::empty(), 1);
}
