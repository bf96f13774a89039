//! Parent of all children: forks one when AFL++ requests a process, sleeps while the child lives, and answers in its
//! place when it dies in an iteration.
//!
//! The hard case is a child that AFL++ kills at its time limit, while the child reports. The child may die after it has
//! answered, or even after it has read the next request. AFL++ then takes it for the process that runs the next input,
//! because its id was sent with the answer. The pipes show whether the answer and the request were read, since no other
//! process uses them any more. The dead child stays a zombie for that one iteration, so that its id is not reused, and
//! a successor runs the iteration. AFL++ cannot kill the successor, so the forkserver limits its time.
//!
//! The first child of a server with one thread takes over after its warm-up, so that its own children need no warm-up.

use std::time::Duration;

use rustix::event::Timespec;
use rustix::process::WaitIdOptions;
use sockfuzz_handover::forkserver::{self, RequestPlace};
use sockfuzz_protocol::Counter;

use super::child::{self, Child, POLL_INTERVAL};
use super::child_state::{ChildState, ForkserverPage, IterationState};
use super::{pipes, saved_history, verdict};
use crate::sys::{environment, report};

/// Default time limit by which AFL++ verifies that an input hangs (AFL++ config.h: HANG_TMOUT).
const DEFAULT_HANG_TIMEOUT: Duration = Duration::from_secs(1);

/// Number of dead children that stay zombies. The kernel reports the end of a process with threads while some of them
/// still wait for the processor, to remove their entries in /proc. To reap such a process at once would busy-wait for
/// these threads, on the core that they need.
const MAX_ZOMBIES: usize = 8;

/// Dead child that AFL++ takes for the process that runs its next input.
struct KilledChild {
    child: Child,
    /// Lower bound of the time that AFL++ allowed for its last iteration.
    time: Duration,
}

/// Serves AFL++ until its end; returns in every child. `inherited` means that this process takes over from the first
/// one, which has already read a request.
pub(super) fn serve(page: &'static ForkserverPage, inherited: bool) -> &'static ChildState {
    // AFL++'s runtime sets this, too: programs that the server starts must not write to its map.
    // SAFETY: no other thread uses the environment: the server's threads, if any, sleep.
    unsafe { environment::set(&[("AFL_DISABLE_LLVM_INSTRUMENTATION".into(), "1".into())]) };
    let mut requested = inherited;
    let mut places = page.children.iter().cycle();
    let mut spare = None;
    let mut killed_child = None;
    let mut zombies = Vec::new();
    while std::mem::take(&mut requested) || next_request(killed_child.as_ref()) {
        child::refuse_without_relatives();
        zombies.drain(..zombies.len().saturating_sub(MAX_ZOMBIES)).for_each(Child::reap);
        let child = match spare.take().and_then(alive) {
            Some(spare) => {
                report::status().add(Counter::Spares, 1);
                spare
            }
            None => {
                let place = places.next().expect("a cycle has no end");
                match Child::fork(place, false) {
                    Some(child) => child,
                    None => return place,
                }
            }
        };
        child.await_ready();
        if child.ended_in_warm_up(page) {
            child.reap();
            requested = true;
            continue;
        }
        if !inherited && !page.keep_role() {
            wait_for_new_forkserver(&child);
        }
        if killed_child.is_none() {
            pipes::write_words([child.id.as_raw_nonzero().get().cast_unsigned()]);
        }
        child.state.start_turn();
        if page.allow_spares() {
            let place = places.next().expect("a cycle has no end");
            spare = Child::fork(place, true);
            if spare.is_none() {
                return place;
            }
        }
        let status = await_end(&child, killed_child.as_ref());
        let place = page.place_of(child.state);
        verdict::deliver_coverage(place, child.state);
        status.iter().for_each(|&status| saved_history::save(place, child.state, status));
        zombies.extend(killed_child.take().map(|killed_child| killed_child.child));
        if !has_reported(child.state) {
            // AFL++ itself detects hangs. A child that the forkserver has killed did not crash: its status is 0.
            pipes::write_words([status.map_or(0, |status| verdict::on_iteration(child.state, status))]);
            zombies.push(child);
            continue;
        }
        let new = KilledChild { time: child.state.elapsed(), child };
        let status = status.map_or(0, |status| verdict::between_iterations(new.child.state, status));
        if verdict::is_finding(status) {
            if next_request(Some(&new)) {
                pipes::write_words([status]);
            }
            zombies.push(new.child);
        } else {
            killed_child = Some(new);
        }
    }
    zombies.into_iter().for_each(Child::reap);
    report::exit(0);
}

/// Lets the child be the forkserver, and waits for its end: AFL++ watches this process.
fn wait_for_new_forkserver(child: &Child) -> ! {
    while child.end(WaitIdOptions::empty()).is_none() {}
    report::exit(0);
}

/// Returns the spare if it still lives. An ended one is reaped and not reported: its cause of death will end a child in
/// its turn, too.
fn alive(spare: Child) -> Option<Child> {
    if spare.end(WaitIdOptions::NOHANG).is_none() {
        return Some(spare);
    }
    spare.reap();
    None
}

/// Waits for AFL++'s next request. Returns `false` when there are no more.
fn next_request(killed_child: Option<&KilledChild>) -> bool {
    if killed_child.is_none() {
        return pipes::read_request();
    }
    loop {
        match find_request() {
            RequestPlace::InPipe => return pipes::read_request(),
            // The killed child has read the request.
            RequestPlace::Absent => return true,
            RequestPlace::Unknown => pipes::request_comes(POLL_INTERVAL),
        };
    }
}

fn find_request() -> RequestPlace {
    forkserver::find_request(pipes::all_read, || pipes::request_comes(Timespec::default()))
}

/// Whether the child that has died had reported its last iteration.
fn has_reported(state: &ChildState) -> bool {
    loop {
        if let Some(reported) = forkserver::has_reported(state.iteration_state(), find_request) {
            return reported;
        }
        pipes::request_comes(POLL_INTERVAL);
    }
}

/// Waits until the child dies, and leaves it a zombie. Returns its wait status, or `None` if this function killed it.
fn await_end(child: &Child, killed_child: Option<&KilledChild>) -> Option<u32> {
    let mut killed = false;
    if let Some(killed_child) = killed_child {
        let limit = 2 * killed_child.time.max(DEFAULT_HANG_TIMEOUT);
        let in_first =
            || child.state.iterations() < 2 && child.state.iteration_state() == IterationState::Running;
        while in_first() && child.end(WaitIdOptions::NOHANG).is_none() {
            if !killed && child.state.elapsed() > limit {
                killed = child.kill();
            }
            pipes::request_comes(POLL_INTERVAL);
        }
    }
    loop {
        let status = child.end(WaitIdOptions::empty());
        if status.is_some() {
            return status.filter(|_| !killed);
        }
    }
}
