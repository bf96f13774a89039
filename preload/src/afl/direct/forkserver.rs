//! The parent of all children: forks one when AFL++ asks for a process, sleeps while it lives, and
//! answers for it when it dies in an iteration.
//!
//! The hard case is a child that AFL++ kills, because its time is over, while it reports. It may
//! die after it has answered, even after it has swallowed the next request, and AFL++ will take it
//! for the process that runs the next input: its id went out with the answer. Whether the answer
//! and the request were read is seen from the pipes, since nobody else uses them any more. The dead
//! child stays a zombie for that one iteration, so that its id is nobody else's, and a successor
//! runs it; AFL++ cannot kill that one, so it is done here.

use std::time::Duration;

use rustix::event::Timespec;
use rustix::process::{Pid, Signal, WaitIdOptions, WaitIdStatus, kill_process, waitid};

use super::ledger::{Ledger, Stage};
use super::pipes;
use crate::exports::real;
use crate::report;

/// Between two looks at something that does not wake us.
const GLANCE: Timespec = Timespec { tv_sec: 0, tv_nsec: 1_000_000 };

/// How long AFL++ lets an iteration run when it looks whether an input really hangs, if nobody says
/// otherwise (AFL++ config.h: HANG_TMOUT).
const USUAL_HANG: Duration = Duration::from_secs(1);

/// A dead child that AFL++ takes for the one which runs its next input.
struct Ghost {
    child: Pid,
    /// Time that AFL++ gave its last iteration, at least.
    time: Duration,
}

/// Serves AFL++ until it goes; returns in every child.
pub(super) fn serve(ledger: &'static Ledger) {
    // As AFL++'s runtime does: programs that the server starts leave no trace in its map.
    // SAFETY: the server's threads, if there are any, sleep.
    unsafe { std::env::set_var("AFL_DISABLE_LLVM_INSTRUMENTATION", "1") };
    let mut ghost = None;
    let mut buried = None;
    while next_request(ghost.as_ref()) {
        buried.take().into_iter().for_each(reap);
        ledger.open();
        let Some(child) = fork() else {
            ledger.await_announcement();
            return;
        };
        if ghost.is_none() {
            pipes::write_words([child.as_raw_nonzero().get().cast_unsigned()]);
        }
        ledger.announce();
        let status = await_end(child, ledger, ghost.as_ref());
        buried = ghost.take().map(|ghost| ghost.child);
        if !has_answered(ledger) {
            pipes::write_words([status]);
            reap(child);
            continue;
        }
        let new = Ghost { child, time: ledger.elapsed() };
        if is_crash(status) {
            // Another thread of the server's did something between two iterations.
            report::say(format_args!("the server crashed between two inputs"));
            if next_request(Some(&new)) {
                pipes::write_words([status]);
            }
            reap(child);
        } else {
            ghost = Some(new);
        }
    }
    report::exit(0);
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
fn await_end(child: Pid, ledger: &Ledger, ghost: Option<&Ghost>) -> u32 {
    let mut killed = false;
    if let Some(ghost) = ghost {
        let limit = 2 * ghost.time.max(USUAL_HANG);
        let in_first = || ledger.iterations() < 2 && ledger.stage() == Stage::Running;
        while in_first() && end(child, WaitIdOptions::NOHANG).is_none() {
            if !killed && ledger.elapsed() > limit {
                killed = kill_process(child, Signal::KILL).is_ok();
            }
            pipes::request_comes(GLANCE);
        }
    }
    loop {
        match end(child, WaitIdOptions::empty()) {
            // Whether this was a hang AFL++ knows; that it was killed here is no crash.
            Some(_) if killed => return 0,
            Some(status) => return status,
            None => {}
        }
    }
}

/// How the child has ended, as wait(2) would say it, without reaping it.
fn end(child: Pid, options: WaitIdOptions) -> Option<u32> {
    let options = options | WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
    let ended: WaitIdStatus = waitid(rustix::process::WaitId::Pid(child), options).ok()??;
    let dumped = if ended.dumped() { 0x80 } else { 0 };
    match (ended.exit_status(), ended.terminating_signal()) {
        (Some(status), _) => Some((status.cast_unsigned() & 0xff) << 8),
        (None, Some(signal)) => Some(signal.cast_unsigned() | dumped),
        (None, None) => None,
    }
}

fn reap(child: Pid) {
    let _ = waitid(rustix::process::WaitId::Pid(child), WaitIdOptions::EXITED);
}

/// Whether a child has ended by a signal that is not AFL++'s way to stop it.
fn is_crash(status: u32) -> bool {
    let kill = std::env::var("AFL_KILL_SIGNAL").ok().and_then(|number| number.parse().ok());
    let signal = status & 0x7f;
    signal != 0 && signal != kill.unwrap_or(libc::SIGKILL.cast_unsigned())
}

/// `None` in the child.
fn fork() -> Option<Pid> {
    // SAFETY: the process has one thread, or only those that the server has made; libc's own fork
    // puts its locks in order.
    match unsafe { real::fork() } {
        0 => {
            // Without a forkserver nobody would ever stop this process.
            let _ = rustix::process::set_parent_process_death_signal(Some(Signal::KILL));
            None
        }
        child => match Pid::from_raw(child).filter(|_| child > 0) {
            Some(child) => Some(child),
            None => report::fatal(format_args!(
                "the server cannot be forked: {}",
                std::io::Error::last_os_error()
            )),
        },
    }
}
