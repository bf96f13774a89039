//! The parent of all children: forks one when AFL++ asks for a process, sleeps while it lives, and
//! answers for it when it dies in an iteration.
//!
//! The hard case is a child that AFL++ kills, because its time is over, while it reports. It may
//! die after it has answered, even after it has swallowed the next request, and AFL++ will take it
//! for the process that runs the next input: its id went out with the answer. Whether the answer
//! and the request were read is seen from the pipes, since nobody else uses them any more. The dead
//! child stays a zombie for that one iteration, so that its id is nobody else's, and a successor
//! runs it; AFL++ cannot kill that one, so it is done here.
//!
//! The first child of a server with one thread takes over once it is warm: what it forks is warm.

use std::time::Duration;

use rustix::event::Timespec;
use rustix::process::WaitIdOptions;
use sockfuzz_handover::forkserver::{self, RequestPlace};
use sockfuzz_protocol::Counter;

use super::child::{self, Child, POLL_INTERVAL};
use super::child_state::{ChildState, ForkserverPage, IterationState};
use super::{pipes, verdict};
use crate::sys::{environment, report};

/// How long AFL++ lets an iteration run when it looks whether an input really hangs, if nobody says
/// otherwise (AFL++ config.h: HANG_TMOUT).
const DEFAULT_HANG_TIMEOUT: Duration = Duration::from_secs(1);

/// How many dead children stay zombies. The kernel tells the end of a process with threads while some of
/// them still wait for the processor, to clear away their entries in /proc; whoever reaps the process then
/// waits for them, busily, on the core that they need.
const MAX_ZOMBIES: usize = 8;

/// A dead child that AFL++ takes for the one which runs its next input.
struct KilledChild {
    child: Child,
    /// Time that AFL++ gave its last iteration, at least.
    time: Duration,
}

/// Serves AFL++ until it goes; returns in every child. `inherited`: this process takes over from the
/// first one, which has read a request already.
pub(super) fn serve(page: &'static ForkserverPage, inherited: bool) -> &'static ChildState {
    // As AFL++'s runtime does: programs that the server starts leave no trace in its map.
    // SAFETY: the server's threads, if there are any, sleep.
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
                let place = places.next().expect("a cycle");
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
            let place = places.next().expect("a cycle");
            spare = Child::fork(place, true);
            if spare.is_none() {
                return place;
            }
        }
        let status = await_end(&child, killed_child.as_ref());
        zombies.extend(killed_child.take().map(|killed_child| killed_child.child));
        if !has_reported(child.state) {
            // Whether it was a hang AFL++ knows; that it was killed here is no crash.
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

/// The child is the forkserver from now on; AFL++ knows this process.
fn wait_for_new_forkserver(child: &Child) -> ! {
    while child.end(WaitIdOptions::empty()).is_none() {}
    report::exit(0);
}

/// A spare that has ended is none: what ended it will end a child whose turn it is, and be seen.
fn alive(spare: Child) -> Option<Child> {
    if spare.end(WaitIdOptions::NOHANG).is_none() {
        return Some(spare);
    }
    spare.reap();
    None
}

/// Waits until AFL++ wants an iteration; `false` when it wants no more.
fn next_request(killed_child: Option<&KilledChild>) -> bool {
    if killed_child.is_none() {
        return pipes::read_request();
    }
    loop {
        match find_request() {
            RequestPlace::InPipe => return pipes::read_request(),
            // The dying child has read it.
            RequestPlace::Absent => return true,
            RequestPlace::Unknown => pipes::request_comes(POLL_INTERVAL),
        };
    }
}

fn find_request() -> RequestPlace {
    forkserver::find_request(pipes::all_read, || pipes::request_comes(Timespec::default()))
}

/// Whether the child that has died had answered for its last iteration.
fn has_reported(state: &ChildState) -> bool {
    loop {
        if let Some(reported) = forkserver::has_reported(state.iteration_state(), find_request) {
            return reported;
        }
        pipes::request_comes(POLL_INTERVAL);
    }
}

/// Waits until the child dies, and leaves it a zombie; its wait status, unless it was killed here.
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
