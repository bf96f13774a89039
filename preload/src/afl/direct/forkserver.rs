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
use sockfuzz_protocol::Counter;

use super::child::{Child, GLANCE};
use super::ledger::{Ledger, Ledgers, Stage};
use super::pipes;
use crate::report;

/// How long AFL++ lets an iteration run when it looks whether an input really hangs, if nobody says
/// otherwise (AFL++ config.h: HANG_TMOUT).
const USUAL_HANG: Duration = Duration::from_secs(1);

/// How many dead children stay zombies. The kernel tells the end of a process with threads while some of
/// them still wait for the processor, to clear away their entries in /proc; whoever reaps the process then
/// waits for them, busily, on the core that they need.
const GRAVES: usize = 8;

/// A dead child that AFL++ takes for the one which runs its next input.
struct Ghost {
    child: Child,
    /// Time that AFL++ gave its last iteration, at least.
    time: Duration,
}

/// Serves AFL++ until it goes; returns in every child. `inherited`: this process takes over from the
/// first one, which has read a request already.
pub(super) fn serve(ledgers: &'static Ledgers, inherited: bool) -> &'static Ledger {
    // As AFL++'s runtime does: programs that the server starts leave no trace in its map.
    // SAFETY: the server's threads, if there are any, sleep.
    unsafe { std::env::set_var("AFL_DISABLE_LLVM_INSTRUMENTATION", "1") };
    let mut requested = inherited;
    let mut places = ledgers.children.iter().cycle();
    let mut spare = None;
    let mut ghost = None;
    let mut dead = Vec::new();
    while std::mem::take(&mut requested) || next_request(ghost.as_ref()) {
        dead.drain(..dead.len().saturating_sub(GRAVES)).for_each(Child::reap);
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
        if !inherited && !ledgers.keep_office() {
            follow(&child);
        }
        if ghost.is_none() {
            pipes::write_words([child.id.as_raw_nonzero().get().cast_unsigned()]);
        }
        child.ledger.call();
        if ledgers.allow_spares() {
            let place = places.next().expect("a cycle");
            spare = Child::fork(place, true);
            if spare.is_none() {
                return place;
            }
        }
        let status = await_end(&child, ghost.as_ref());
        dead.extend(ghost.take().map(|ghost| ghost.child));
        if !has_answered(child.ledger) {
            pipes::write_words([status]);
            dead.push(child);
            continue;
        }
        let new = Ghost { time: child.ledger.elapsed(), child };
        if is_crash(status) {
            // Another thread of the server's did something between two iterations.
            report::say(format_args!("the server crashed between two inputs"));
            if next_request(Some(&new)) {
                pipes::write_words([status]);
            }
            dead.push(new.child);
        } else {
            ghost = Some(new);
        }
    }
    dead.into_iter().for_each(Child::reap);
    report::exit(0);
}

/// The child is the forkserver from now on; AFL++ knows this process.
fn follow(child: &Child) -> ! {
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
fn next_request(ghost: Option<&Ghost>) -> bool {
    if ghost.is_none() {
        return pipes::read_request();
    }
    loop {
        // In this order: AFL++ writes its request before it reads the id that lies in the pipe.
        let all_read = pipes::all_read();
        if pipes::request_comes(Timespec::default()) {
            return pipes::read_request();
        }
        if all_read {
            // The dying child has read the request.
            return true;
        }
        pipes::request_comes(GLANCE);
    }
}

/// Whether the child that has died had answered for its last iteration.
fn has_answered(ledger: &Ledger) -> bool {
    match ledger.stage() {
        Stage::Running => false,
        Stage::Reported => true,
        // The order matters as above.
        Stage::Reporting => !pipes::all_read() || pipes::request_comes(Timespec::default()),
    }
}

/// Waits until the child dies, and leaves it a zombie; its wait status.
fn await_end(child: &Child, ghost: Option<&Ghost>) -> u32 {
    let mut killed = false;
    if let Some(ghost) = ghost {
        let limit = 2 * ghost.time.max(USUAL_HANG);
        let in_first = || child.ledger.iterations() < 2 && child.ledger.stage() == Stage::Running;
        while in_first() && child.end(WaitIdOptions::NOHANG).is_none() {
            if !killed && child.ledger.elapsed() > limit {
                killed = child.kill();
            }
            pipes::request_comes(GLANCE);
        }
    }
    loop {
        match child.end(WaitIdOptions::empty()) {
            // Whether this was a hang AFL++ knows; that it was killed here is no crash.
            Some(_) if killed => return 0,
            Some(status) => return status,
            None => {}
        }
    }
}

/// Whether a child has ended by a signal that is not AFL++'s way to stop it.
fn is_crash(status: u32) -> bool {
    let kill = std::env::var("AFL_KILL_SIGNAL").ok().and_then(|number| number.parse().ok());
    let signal = status & 0x7f;
    signal != 0 && signal != kill.unwrap_or(libc::SIGKILL.cast_unsigned())
}
