//! Servers that go to the background: daemon(3), or a fork whose parent exits. The shell or afl-fuzz
//! that started the server watches the first process. So the first process stays until the daemon ends,
//! and then ends in the same way.

use std::sync::atomic::{AtomicBool, AtomicI32, Ordering::SeqCst};

use libc::c_int;
use rustix::process::{Resource, Rlimit, setrlimit};

use crate::process::{children, driver_process, process_table};
use crate::sys::{config, errno, real};

/// Whether this process was forked during the server's start-up. Nobody watches a process that was
/// forked later to serve, so it need not wait for a daemon.
static FORKED_AT_START: AtomicBool = AtomicBool::new(true);

/// Process id of the daemon that this process waits for.
static DAEMON_PID: AtomicI32 = AtomicI32::new(0);

/// Signals by which a user or afl-fuzz ends a server. They are forwarded to the daemon.
const FORWARDED_SIGNALS: [c_int; 4] = [libc::SIGINT, libc::SIGTERM, libc::SIGHUP, libc::SIGQUIT];

/// Records, in a forked child process, whether start-up is over.
pub(crate) fn after_fork() {
    if driver_process::exists() {
        FORKED_AT_START.store(false, SeqCst);
    }
}

/// Returns the exit status to report for this process, which is about to end with `status`. If it leaves a
/// daemon behind, waits for the daemon's end first.
pub(crate) fn exit_status(status: c_int) -> c_int {
    match children::latest() {
        Some(child) if status == 0 && FORKED_AT_START.load(SeqCst) && config::get().is_some() => {
            wait_for_daemon(child)
        }
        _ => status,
    }
}

/// Waits for `child` and returns its exit status, or dies of the same signal.
fn wait_for_daemon(child: i32) -> c_int {
    DAEMON_PID.store(child, SeqCst);
    // This process does none of the server's work any more.
    process_table::remove(process_table::me());
    let mut status = 0;
    // SAFETY: `forward` is async-signal-safe, because it makes only a system call. All pointers are to this
    // stack or null. No code of the server runs here any more, so nothing relies on its dispositions.
    unsafe {
        libc::signal(libc::SIGCHLD, libc::SIG_DFL);
        for signal in FORWARDED_SIGNALS {
            libc::signal(signal, forward as extern "C" fn(c_int) as libc::sighandler_t);
        }
        // The server or `hold_signals` may have blocked them.
        libc::sigprocmask(libc::SIG_UNBLOCK, &forwarded_signals(), std::ptr::null_mut());
        while real::wait4(child, &mut status, 0, std::ptr::null_mut()) != child {
            if errno::last() != rustix::io::Errno::INTR {
                return 0;
            }
        }
        if libc::WIFSIGNALED(status) {
            end_by(libc::WTERMSIG(status));
        }
    }
    libc::WEXITSTATUS(status)
}

/// Blocks the forwarded signals for as long as there is no daemon to forward them to. Returns the
/// former mask.
pub(crate) fn hold_signals() -> libc::sigset_t {
    let mut before = forwarded_signals();
    // SAFETY: both masks are initialised, and outlive the call.
    unsafe { libc::sigprocmask(libc::SIG_BLOCK, &forwarded_signals(), &mut before) };
    before
}

fn forwarded_signals() -> libc::sigset_t {
    // SAFETY: all zeroes is a valid `sigset_t`, and the numbers are those of signals.
    unsafe {
        let mut mask = std::mem::zeroed();
        libc::sigemptyset(&mut mask);
        for signal in FORWARDED_SIGNALS {
            libc::sigaddset(&mut mask, signal);
        }
        mask
    }
}

extern "C" fn forward(signal: c_int) {
    // SAFETY: kill(2) takes only numbers. A child keeps its process id until it is reaped.
    unsafe { real::kill(DAEMON_PID.load(SeqCst), signal) };
}

/// Ends this process by a signal, without a core dump: that is left to the daemon.
fn end_by(signal: c_int) {
    let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: None });
    // SAFETY: SIG_DFL is a valid disposition of this signal, which has just ended another process.
    unsafe {
        libc::signal(signal, libc::SIG_DFL);
        libc::raise(signal);
    }
}
