//! Loop `afl`: the forkserver is that of AFL++'s runtime. It forks and waits by libc's functions, which are hooks, so
//! its children are started and judged like those of our own forkserver.

use std::sync::OnceLock;

use libc::{c_int, pid_t};

use super::child::{self, Child};
use super::child_state::{ChildState, ForkserverPage, IterationState};
use super::{PAGE, verdict};
use crate::afl::runtime::Runtime;
use crate::process::relatives;

/// State of this process. Set in the children.
static CURRENT: OnceLock<&'static ChildState> = OnceLock::new();

/// Lets the runtime's forkserver start; returns in every child.
pub(crate) fn start(runtime: &Runtime) {
    let _ = PAGE.set(ForkserverPage::share(false));
    relatives::forget_dead();
    runtime.start_forkserver();
}

/// The forkserver's fork: returns when the child can take its first input, or will not be able to.
pub(crate) fn fork() -> pid_t {
    let page = PAGE.get().expect("it was shared before the forkserver started");
    let state = &page.children[0];
    loop {
        child::refuse_without_relatives();
        let Some(child) = Child::fork(state, false) else {
            let _ = CURRENT.set(state);
            return 0;
        };
        child.await_ready();
        match child.ended_in_warm_up(page) {
            true => child.reap(),
            false => return child.id.as_raw_nonzero().get(),
        }
    }
}

/// The forkserver has waited for its child: the wait status that it is to pass on.
pub(crate) fn follow_wait(status: c_int) -> c_int {
    let Some(page) = PAGE.get().filter(|_| !libc::WIFSTOPPED(status)) else { return status };
    let state = &page.children[0];
    let judge = match state.iteration_state() {
        IterationState::Running => verdict::on_iteration,
        IterationState::Reporting | IterationState::Reported => verdict::between_iterations,
    };
    judge(state, status.cast_unsigned()).cast_signed()
}

/// Ends the current iteration and waits for the next; `false` when `count` were run.
pub(crate) fn next_iteration(runtime: &Runtime, count: u32) -> bool {
    let state = CURRENT.get().expect("a child of the forkserver");
    match state.iterations() {
        0 => state.set_ready(),
        // The end of this process is the end of the iteration.
        iterations if iterations == count => {}
        _ => state.set_iteration_state(IterationState::Reported),
    }
    let goes_on = runtime.next_iteration(count);
    if goes_on {
        state.begin_iteration();
    }
    goes_on
}
