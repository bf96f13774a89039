//! The server's child processes: a server that forks to serve is idle when they are, and a crash in
//! one of them is the iteration's crash, coverage and all.

use std::sync::atomic::{AtomicBool, AtomicI32, Ordering::SeqCst};

use libc::c_int;

use crate::sys::{config, report};

/// Children that are watched at a time; further ones are not.
const MAX_WATCHED_CHILDREN: usize = 64;

/// Process ids; 0 marks a free slot.
static CHILDREN: [AtomicI32; MAX_WATCHED_CHILDREN] = [const { AtomicI32::new(0) }; MAX_WATCHED_CHILDREN];
static FORKED: AtomicBool = AtomicBool::new(false);
/// The last one that was forked.
static LATEST: AtomicI32 = AtomicI32::new(0);

/// Whether the current connection was passed to another process. It need not be a child of this one:
/// a child of the forkserver has siblings for helpers.
static HANDED_OVER: AtomicBool = AtomicBool::new(false);

/// Signals that count as a crash.
const CRASH_SIGNALS: [c_int; 7] =
    [libc::SIGSEGV, libc::SIGBUS, libc::SIGABRT, libc::SIGILL, libc::SIGFPE, libc::SIGTRAP, libc::SIGSYS];

/// Records a child process of the server.
pub(crate) fn record(child: i32) {
    FORKED.store(true, SeqCst);
    LATEST.store(child, SeqCst);
    let free = |slot: &&AtomicI32| slot.compare_exchange(0, child, SeqCst, SeqCst).is_ok();
    let _ = CHILDREN.iter().find(free);
}

/// Whether the server has ever forked.
pub(crate) fn any() -> bool {
    FORKED.load(SeqCst)
}

/// The last child that was forked, unless the server has been told of its end.
pub(crate) fn latest() -> Option<i32> {
    let latest = LATEST.load(SeqCst);
    ids().find(|&child| child == latest)
}

/// The children that may still be alive.
pub(crate) fn ids() -> impl Iterator<Item = i32> {
    CHILDREN.iter().map(|slot| slot.load(SeqCst)).filter(|&child| child != 0)
}

/// Whether another process may still answer: a child at work, or whoever was passed the connection.
pub(crate) fn may_answer() -> bool {
    HANDED_OVER.load(SeqCst)
        || any() && {
            check();
            ids().next().is_some()
        }
}

/// Records that the server passed a connection to another process.
pub(crate) fn record_handover() {
    HANDED_OVER.store(true, SeqCst);
}

/// An iteration begins, with a new connection.
pub(crate) fn begin_iteration() {
    HANDED_OVER.store(false, SeqCst);
}

/// In a forked child: the parent's children are not its own.
pub(crate) fn reset_after_fork() {
    FORKED.store(false, SeqCst);
    CHILDREN.iter().for_each(|slot| slot.store(0, SeqCst));
}

/// Records the end of a child that the server has waited for.
pub(crate) fn record_end(child: i32, status: c_int) {
    let Some(slot) = CHILDREN.iter().find(|slot| slot.load(SeqCst) == child) else { return };
    slot.store(0, SeqCst);
    if libc::WIFSIGNALED(status) {
        crash_as_child(libc::WTERMSIG(status));
    }
}

/// Checks for children that have ended and that the server has not waited for yet; their status stays for the
/// server.
pub(crate) fn check() {
    for slot in CHILDREN.iter().filter(|slot| slot.load(SeqCst) != 0) {
        // SAFETY: all zeroes is a valid `siginfo_t`, and the fields read are those of SIGCHLD.
        unsafe {
            let mut info: libc::siginfo_t = std::mem::zeroed();
            let child = slot.load(SeqCst).unsigned_abs();
            let flags = libc::WEXITED | libc::WNOHANG | libc::WNOWAIT;
            if libc::waitid(libc::P_PID, child, &mut info, flags) != 0 {
                // Reaped unseen.
                slot.store(0, SeqCst);
            } else if info.si_pid() != 0 {
                slot.store(0, SeqCst);
                if matches!(info.si_code, libc::CLD_KILLED | libc::CLD_DUMPED) {
                    crash_as_child(info.si_status());
                }
            }
        }
    }
}

/// Under AFL++, ends this process as its child was ended, if that was a crash.
fn crash_as_child(signal: c_int) {
    if config::is_loop() && CRASH_SIGNALS.contains(&signal) {
        report::emit(format_args!("a child process of the server was killed by signal {signal}"));
        // SAFETY: the default action of these signals ends the process.
        unsafe {
            libc::signal(signal, libc::SIG_DFL);
            libc::raise(signal);
        }
    }
}
