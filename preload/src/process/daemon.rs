//! Servers that go to the background: daemon(3), or a fork whose parent exits. Whoever started the
//! server, a shell or afl-fuzz, watches the first process; so that one stays until the process that
//! it has left behind ends, and ends the same way.

use std::sync::atomic::{AtomicBool, AtomicI32, Ordering::SeqCst};

use libc::c_int;
use rustix::process::{Resource, Rlimit, setrlimit};

use crate::process::{children, driver_process, process_table};
use crate::sys::{config, errno, real};

/// Whether this process was forked while the server started. One that was forked to serve has
/// nobody to wait for it.
static FORKED_AT_START: AtomicBool = AtomicBool::new(true);

/// Process id of the daemon that this process waits for.
static DAEMON_PID: AtomicI32 = AtomicI32::new(0);

/// Signals by which a person or afl-fuzz ends a server; they are forwarded to the daemon.
const FORWARDED_SIGNALS: [c_int; 4] = [libc::SIGINT, libc::SIGTERM, libc::SIGHUP, libc::SIGQUIT];

/// In a forked child.
pub(crate) fn after_fork() {
    if driver_process::exists() {
        FORKED_AT_START.store(false, SeqCst);
    }
}

/// Exit status to report for this process, which is about to end with `status`. If it leaves a daemon behind,
/// waits for the end of that.
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
    // It does none of the server's work any more.
    process_table::remove(process_table::me());
    let mut status = 0;
    // SAFETY: the handler makes one system call; the others are this process's own child and
    // dispositions, and nothing of the server's runs here any more.
    unsafe {
        libc::signal(libc::SIGCHLD, libc::SIG_DFL);
        for signal in FORWARDED_SIGNALS {
            libc::signal(signal, forward as extern "C" fn(c_int) as libc::sighandler_t);
        }
        // The server may have blocked them; and so has whoever sees the end coming.
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

/// Holds back the signals that are passed on, for as long as there is nobody to pass them on to;
/// returns the mask from before.
pub(crate) fn hold_signals() -> libc::sigset_t {
    let mut before = forwarded_signals();
    // SAFETY: both masks are valid.
    unsafe { libc::sigprocmask(libc::SIG_BLOCK, &forwarded_signals(), &mut before) };
    before
}

fn forwarded_signals() -> libc::sigset_t {
    // SAFETY: all zeroes is a valid mask, and the numbers are signals.
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
    // SAFETY: a child that has not been waited for keeps its number.
    unsafe { real::kill(DAEMON_PID.load(SeqCst), signal) };
}

/// The core dump, if any, is the child's.
fn end_by(signal: c_int) {
    let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: None });
    // SAFETY: the default action of the signal has just ended another process.
    unsafe {
        libc::signal(signal, libc::SIG_DFL);
        libc::raise(signal);
    }
}
