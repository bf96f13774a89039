//! Loop `afl`: AFL++'s runtime is the forkserver. It forks and waits through libc functions that have hooks, so its
//! children start, and their ends are reported, as with sockfuzz's own forkserver.

use std::sync::OnceLock;
use std::time::Duration;

use libc::{c_int, pid_t};

use super::child::{self, Child};
use super::child_state::{ChildState, ForkserverPage, IterationState};
use super::{PAGE, saved_history, verdict};
use crate::afl::coverage::counters;
use crate::afl::runtime::Runtime;
use crate::history;
use crate::process::relatives;

/// Place of every child: one lives at a time.
const RUNTIME_PLACE: usize = 0;

/// State of this process. Set in the children.
static CURRENT: OnceLock<&'static ChildState> = OnceLock::new();

/// Starts the runtime's forkserver; returns in every child.
pub(crate) fn start(runtime: &Runtime) {
    let _ = PAGE.set(ForkserverPage::share(false));
    relatives::forget_dead();
    runtime.start_forkserver();
}

/// Forks a child for the runtime's forkserver. Returns when the child can take its first input, or never will.
pub(crate) fn fork() -> pid_t {
    let page = PAGE.get().expect("the page is shared before the forkserver starts");
    let state = &page.children[RUNTIME_PLACE];
    loop {
        child::refuse_without_relatives();
        let Some(child) = Child::fork(state, false) else {
            let _ = CURRENT.set(state);
            counters::enter(RUNTIME_PLACE);
            return 0;
        };
        child.await_ready();
        match child.ended_in_warm_up(page) {
            true => child.reap(),
            false => return child.id.as_raw_nonzero().get(),
        }
    }
}

/// Returns the wait status that the runtime's forkserver reports to AFL++ after it has waited for its child.
pub(crate) fn follow_wait(status: c_int) -> c_int {
    let Some(page) = PAGE.get().filter(|_| !libc::WIFSTOPPED(status)) else { return status };
    let state = &page.children[RUNTIME_PLACE];
    let status = status.cast_unsigned();
    verdict::deliver_coverage(RUNTIME_PLACE, state);
    let judge = match state.iteration_state() {
        IterationState::Running => verdict::on_iteration,
        IterationState::Reporting | IterationState::Reported => verdict::between_iterations,
    };
    saved_history::save(RUNTIME_PLACE, state, status);
    judge(state, status).cast_signed()
}

/// Ends the current iteration and waits for the next one. Returns `false` if this process has run `count` iterations.
pub(crate) fn next_iteration(runtime: &Runtime, count: u32) -> bool {
    let state = state();
    match state.iterations() {
        0 => {
            history::begin(RUNTIME_PLACE, &state.crash_site);
            state.set_ready();
        }
        // The forkserver reports this iteration when the process has ended.
        iterations if iterations == count => {}
        _ => state.set_iteration_state(IterationState::Reported),
    }
    let goes_on = runtime.next_iteration(count);
    if goes_on {
        state.begin_iteration();
    }
    goes_on
}

/// Returns the time since AFL++ has sent the current input.
pub(crate) fn iteration_time() -> Duration {
    state().elapsed()
}

fn state() -> &'static ChildState {
    CURRENT.get().expect("this process is a child of the forkserver")
}
