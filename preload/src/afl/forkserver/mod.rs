//! Loop `direct`: a forkserver of our own, whose child speaks to AFL++ itself. (Loop `afl` is in [`runtime_loop`].)
//!
//! In AFL++'s own persistent loop, a child stops itself after every iteration. Its forkserver reports that to AFL++,
//! reads the next request, and wakes the child: two processes take part in each iteration. Here, the forkserver sleeps
//! until its child dies. The child itself writes the answer and reads the next request: one write and one read per
//! iteration.
//!
//! An answer, and the process id that AFL++ expects after its next request, are sent in one write, so AFL++ never waits
//! for the id. This has a cost in [`parent`]: AFL++ may have the id of a child that was killed before the request.
//!
//! While a child runs, the next one, the *spare*, starts, warms up, and sleeps just before its first input. So a death
//! costs no time for a start, and AFL++ never gets the id of a process that is not ready.

mod child;
mod child_state;
mod inputs;
mod parent;
mod pipes;
mod protocol;
pub(crate) mod runtime_loop;
mod saved_history;
mod verdict;

use std::ptr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicPtr, Ordering::Relaxed};
use std::time::Duration;

use rustix::event::Timespec;

use super::Instrumentation;
use super::coverage::counters;
use crate::history;
use crate::process::{children, relatives};
use crate::sys::report;
use child_state::{ChildState, ForkserverPage, IterationState};
use inputs::InputPlace;

pub(crate) use pipes::FORKSERVER_PIPES;

/// Interval at which a waiting child checks whether the forkserver still lives.
const FORKSERVER_CHECK_INTERVAL: Timespec = Timespec { tv_sec: 1, tv_nsec: 0 };

/// Page that the forkserver, which is this process or its parent, shares with its children.
static PAGE: OnceLock<&'static ForkserverPage> = OnceLock::new();

/// The forkserver of this process, if the loop is `direct`. Set in the children.
static CURRENT: OnceLock<Forkserver> = OnceLock::new();

/// Forkserver, as one of its children uses it.
#[derive(Debug)]
pub(crate) struct Forkserver {
    page: &'static ForkserverPage,
    /// State of this process.
    state: AtomicPtr<ChildState>,
    inputs: InputPlace,
}

/// Does the handshake with AFL++, and forks a child for every process that AFL++ requests, and spares if wanted.
/// Returns `true` in each child; `false` if this server's runtime, or the AFL++ tool, needs another protocol.
pub(crate) fn start(instrumentation: &Instrumentation, spares: bool) -> bool {
    let Some(mut inputs) = InputPlace::find().filter(|_| instrumentation.speaks_current_protocol()) else {
        return false;
    };
    protocol::handshake(instrumentation, &inputs);
    inputs.open(instrumentation);
    let page = PAGE.get_or_init(|| ForkserverPage::share(spares));
    relatives::forget_dead();
    let state = parent::serve(page, false);
    counters::enter(page.place_of(state));
    let _ = CURRENT.set(Forkserver { page, state: AtomicPtr::new(ptr::from_ref(state).cast_mut()), inputs });
    true
}

/// Returns the forkserver of this child; `None` if AFL++'s runtime is the forkserver, or none has started.
pub(crate) fn current() -> Option<&'static Forkserver> {
    CURRENT.get()
}

/// Whether this process waits for its turn while another one runs.
pub(crate) fn is_waiting_spare() -> bool {
    current().is_some_and(|forkserver| forkserver.state().is_waiting_spare())
}

/// Whether there is no warm-up, because the server has ended in an earlier one.
pub(crate) fn leaves_out_warm_up() -> bool {
    PAGE.get().is_some_and(|page| page.leaves_out_warm_up())
}

impl Forkserver {
    fn state(&self) -> &'static ChildState {
        // SAFETY: the pointer is to a child's state in the shared page, which is never unmapped.
        unsafe { &*self.state.load(Relaxed) }
    }

    /// Whether this process can still become the forkserver in place of the first one.
    pub(crate) fn may_take_over(&self) -> bool {
        self.page.is_role_undecided() && self.page.allow_spares()
    }

    /// Becomes the forkserver. Returns `true` in every child; `false` if it is too late.
    pub(crate) fn take_over(&self) -> bool {
        if !self.page.take_role(self.state()) {
            return false;
        }
        let state = parent::serve(self.page, true);
        counters::enter(self.page.place_of(state));
        self.state.store(ptr::from_ref(state).cast_mut(), Relaxed);
        true
    }

    /// Forbids spares: this server's processes must not live side by side.
    pub(crate) fn refuse_spares(&self) {
        self.page.refuse_spares();
    }

    /// Ends the current iteration and waits for the next one. Returns `false` if this process has run `count`
    /// iterations.
    pub(crate) fn next_iteration(&self, count: u32) -> bool {
        let state = self.state();
        match state.iterations() {
            0 => self.begin_turn(),
            // The forkserver reports this iteration when the process has ended.
            iterations if iterations == count => return false,
            _ => {
                state.set_iteration_state(IterationState::Reporting);
                pipes::report_iteration();
                state.set_iteration_state(IterationState::Reported);
                if !pipes::read_request() {
                    report::exit(0);
                }
            }
        }
        self.inputs.fetch();
        state.begin_iteration();
        true
    }

    /// Returns the time since AFL++ has sent the current input.
    pub(crate) fn iteration_time(&self) -> Duration {
        self.state().elapsed()
    }

    /// Waits for the turn of this process, after its start, and begins its history.
    fn begin_turn(&self) {
        children::check();
        if children::has_living() {
            // The gate of a process that a spare has forked cannot be closed while the spare waits and opened later.
            self.refuse_spares();
        }
        self.state().await_turn(&FORKSERVER_CHECK_INTERVAL, child::exit_without_forkserver);
        history::begin(self.page.place_of(self.state()), &self.state().crash_site);
    }
}
