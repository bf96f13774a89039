//! Child processes of the server. A server that forks to serve is idle when its children are. Crashes
//! and coverage of the children count for the iteration.

use std::sync::atomic::{AtomicBool, AtomicI32, Ordering::SeqCst};

use libc::c_int;
use rustix::io::Errno;
use rustix::process::{Pid, getpid, set_child_subreaper, test_kill_process};

use super::relatives::{self, Crash};
use super::{driver_process, ending, process_table};
use crate::sys::{config, real, report};

/// Whether the server has ever forked.
static FORKED: AtomicBool = AtomicBool::new(false);
/// Process id of the child that was forked last.
static LATEST: AtomicI32 = AtomicI32::new(0);

/// Whether the current connection was passed to another process. That process need not be a child of
/// this one: helpers of a child of the forkserver are its siblings.
static HANDED_OVER: AtomicBool = AtomicBool::new(false);

/// Records a child process of the server.
pub(crate) fn record(child: i32) {
    FORKED.store(true, SeqCst);
    process_table::register_child(child);
    LATEST.store(child, SeqCst);
}

/// Whether the server has ever forked.
pub(crate) fn any() -> bool {
    FORKED.load(SeqCst)
}

/// Returns the child that was forked last, unless its end was seen.
pub(crate) fn latest() -> Option<i32> {
    let latest = LATEST.load(SeqCst);
    process_table::living_children().find(|&child| child == latest)
}

/// Whether a child may still be alive.
pub(crate) fn has_living() -> bool {
    process_table::living_children().next().is_some()
}

/// Whether another process may still answer: a living child, or one that the connection was passed to.
pub(crate) fn may_answer() -> bool {
    HANDED_OVER.load(SeqCst)
        || any() && {
            check();
            has_living()
        }
}

/// Records that the server passed a connection to another process.
pub(crate) fn record_handover() {
    HANDED_OVER.store(true, SeqCst);
}

/// Resets the state for a new iteration, which has a new connection.
pub(crate) fn begin_iteration() {
    HANDED_OVER.store(false, SeqCst);
    process_table::begin_iteration();
}

/// Resets the state in a forked child, whose parent's children are not its own.
pub(crate) fn reset_after_fork() {
    FORKED.store(false, SeqCst);
}

/// Makes the driver process the parent of all orphans that descend from it, so that it sees their ends. Called before
/// the server forks.
pub(crate) fn adopt_orphans() {
    if driver_process::is_known() {
        let _ = set_child_subreaper(Some(getpid()));
    }
    reap_where_nobody_waits();
}

/// Whether the server has asked the kernel to reap its children (SIG_IGN or SA_NOCLDWAIT for SIGCHLD).
static REAPED_AUTOMATICALLY: AtomicBool = AtomicBool::new(false);

/// Records whether the server has asked for this. The request does not reach the kernel, which would discard how the
/// children end.
pub(crate) fn set_reaped_automatically(wanted: bool) {
    REAPED_AUTOMATICALLY.store(wanted, SeqCst);
}

/// Whether wait(2) must hide the end of a process from the server.
pub(crate) fn is_hidden(child: i32) -> bool {
    REAPED_AUTOMATICALLY.load(SeqCst) || process_table::is_orphan(child)
}

/// Whether SIGCHLD reports the end of an orphan, and of no child of the server's at the same time.
pub(crate) fn is_orphans_end(process: i32) -> bool {
    process_table::is_orphan(process) && {
        check();
        !process_table::has_ended_child()
    }
}

/// Whether all children that the kernel still reports are orphans.
pub(crate) fn has_only_orphans() -> bool {
    process_table::descendants().next().is_some() && {
        // A signal handler may have reaped a child before its fork returned and recorded it.
        check();
        process_table::own_children().next().is_none()
    }
}

/// Whether a process forked in this iteration is still alive. Must be called after [`check`].
pub(crate) fn has_new() -> bool {
    process_table::living_children().chain(process_table::descendants()).any(process_table::is_new)
}

/// Records the end of a child that was reaped.
pub(crate) fn record_end(child: i32, status: c_int) {
    process_table::remove(child);
    if libc::WIFSIGNALED(status) {
        crash_as_child(libc::WTERMSIG(status));
    }
}

/// Checks for processes that have ended and that the server has not waited for yet. The server can still collect
/// the status of a child.
pub(crate) fn check() {
    for child in process_table::living_children() {
        // SAFETY: all zeroes is a valid `siginfo_t`, and waitid(2) fills in the fields of SIGCHLD, which are read.
        unsafe {
            let mut info: libc::siginfo_t = std::mem::zeroed();
            let flags = libc::WEXITED | libc::WNOHANG | libc::WNOWAIT;
            if real::waitid(libc::P_PID, child.unsigned_abs(), &mut info, flags) != 0 {
                // Something else has reaped the child.
                process_table::remove(child);
            } else if info.si_pid() != 0 {
                process_table::mark_ended(child);
                if matches!(info.si_code, libc::CLD_KILLED | libc::CLD_DUMPED) {
                    crash_as_child(info.si_status());
                }
            }
        }
    }
    process_table::descendants().for_each(reap);
    reap_where_nobody_waits();
    if let Some(Crash { pid, signal }) = relatives::recorded_crash() {
        report::emit(format_args!("process {pid} of the server was killed by signal {signal}"));
        ending::end_by(signal);
    }
}

/// Reaps the server's own children that have ended, if the server has asked for automatic reaping.
fn reap_where_nobody_waits() {
    if REAPED_AUTOMATICALLY.load(SeqCst) {
        process_table::own_children().for_each(reap);
    }
}

/// Reaps a process if it has ended and this process is now its parent.
fn reap(process: i32) {
    let mut status = 0;
    // SAFETY: the status lives on this stack, and a null pointer for the resource usage is allowed.
    let ended = unsafe { real::wait4(process, &mut status, libc::WNOHANG, std::ptr::null_mut()) };
    if ended == process {
        record_end(process, status);
    } else if ended < 0
        && Pid::from_raw(process).is_some_and(|pid| test_kill_process(pid) == Err(Errno::SRCH))
    {
        // Its own parent has reaped it, and has seen how it ended.
        process_table::remove(process);
    }
}

/// Ends this process by the signal that has ended its child, if that is a crash and such crashes count.
fn crash_as_child(signal: c_int) {
    if config::child_crashes_count() && ending::is_crash(signal) {
        report::emit(format_args!("a child process of the server was killed by signal {signal}"));
        ending::end_by(signal);
    }
}
