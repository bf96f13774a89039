//! Servers that go to the background: daemon(3), or a fork whose parent exits. Whoever started the
//! server, a shell or afl-fuzz, watches the first process; so that one stays until the process that
//! it has left behind ends, and ends the same way.

use std::sync::atomic::{AtomicBool, AtomicI32, Ordering::SeqCst};

use libc::{c_int, c_void};
use rustix::process::{Resource, Rlimit, setrlimit};

use crate::exports::real;
use crate::{children, idle, setup};

/// Whether this process was forked while the server started. One that was forked to serve has
/// nobody to wait for it.
static IS_FIRST: AtomicBool = AtomicBool::new(true);

/// The process that a waiting one stands for.
static LEFT_BEHIND: AtomicI32 = AtomicI32::new(0);

/// What a person or afl-fuzz ends a server with; meant for the one that serves.
const PASSED_ON: [c_int; 4] = [libc::SIGINT, libc::SIGTERM, libc::SIGHUP, libc::SIGQUIT];

unsafe extern "C" {
    /// atexit(3) with the exit status (on_exit(3)).
    fn on_exit(handler: extern "C" fn(c_int, *mut c_void), argument: *mut c_void) -> c_int;
}

/// Comes last when the server calls exit(3) or returns from `main`.
pub(crate) fn watch_exit() {
    extern "C" fn handler(status: c_int, _: *mut c_void) {
        let passed_on = stay(status);
        if passed_on != status {
            // SAFETY: only what exit(3) would do after its last handler.
            unsafe {
                libc::fflush(std::ptr::null_mut());
                real::_exit(passed_on);
            }
        }
    }
    // SAFETY: registers a function that lives as long as the process.
    unsafe { on_exit(handler, std::ptr::null_mut()) };
}

/// In a forked child.
pub(crate) fn after_fork() {
    if idle::somebody_serves() {
        IS_FIRST.store(false, SeqCst);
    }
}

/// This process is about to end with `status`. If it leaves the server behind in the background,
/// waits for that to end; says which exit status is to be reported.
pub(crate) fn stay(status: c_int) -> c_int {
    match children::latest() {
        Some(child) if status == 0 && IS_FIRST.load(SeqCst) && setup::get().is_some() => follow(child),
        _ => status,
    }
}

/// Waits for `child` and returns its exit status, or dies of the same signal.
fn follow(child: i32) -> c_int {
    LEFT_BEHIND.store(child, SeqCst);
    let mut status = 0;
    // SAFETY: the handler makes one system call; the others are this process's own child and
    // dispositions, and nothing of the server's runs here any more.
    unsafe {
        libc::signal(libc::SIGCHLD, libc::SIG_DFL);
        for signal in PASSED_ON {
            libc::signal(signal, pass_on as extern "C" fn(c_int) as libc::sighandler_t);
        }
        // The server may have blocked them; and so has whoever sees the end coming.
        libc::sigprocmask(libc::SIG_UNBLOCK, &passed_on(), std::ptr::null_mut());
        while real::wait4(child, &mut status, 0, std::ptr::null_mut()) != child {
            if crate::errno::last() != rustix::io::Errno::INTR {
                return 0;
            }
        }
        if libc::WIFSIGNALED(status) {
            die_of(libc::WTERMSIG(status));
        }
    }
    libc::WEXITSTATUS(status)
}

/// Holds back the signals that are passed on, for as long as there is nobody to pass them on to;
/// returns the mask from before.
pub(crate) fn hold_signals() -> libc::sigset_t {
    let mut before = passed_on();
    // SAFETY: both masks are valid.
    unsafe { libc::sigprocmask(libc::SIG_BLOCK, &passed_on(), &mut before) };
    before
}

fn passed_on() -> libc::sigset_t {
    // SAFETY: all zeroes is a valid mask, and the numbers are signals.
    unsafe {
        let mut mask = std::mem::zeroed();
        libc::sigemptyset(&mut mask);
        for signal in PASSED_ON {
            libc::sigaddset(&mut mask, signal);
        }
        mask
    }
}

extern "C" fn pass_on(signal: c_int) {
    // SAFETY: a child that has not been waited for keeps its number.
    unsafe { real::kill(LEFT_BEHIND.load(SeqCst), signal) };
}

/// The core dump, if any, is the child's.
fn die_of(signal: c_int) {
    let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: None });
    // SAFETY: the default action of the signal has just ended another process.
    unsafe {
        libc::signal(signal, libc::SIG_DFL);
        libc::raise(signal);
    }
}
