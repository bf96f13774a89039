//! Ends of processes, and which of them are crashes. AFL++ does not count any exit status as a crash. So exits in the
//! middle of an iteration are reported to it as a signal that nothing else uses.

use std::sync::atomic::{AtomicI32, Ordering::SeqCst};

use libc::c_int;
use sockfuzz_protocol::{EXIT_SIGNAL, Exits};

use crate::sys::{config, real};

/// Signals that count as a crash of a child process.
pub(crate) const CRASH_SIGNALS: [c_int; 7] =
    [libc::SIGSEGV, libc::SIGBUS, libc::SIGABRT, libc::SIGILL, libc::SIGFPE, libc::SIGTRAP, libc::SIGSYS];

const _: () = assert!(EXIT_SIGNAL == libc::SIGSTKFLT);

/// Signal that reports an exit if `AFL_KILL_SIGNAL` is [`EXIT_SIGNAL`], which AFL++ would take for a timeout.
const OTHER_EXIT_SIGNAL: c_int = libc::SIGABRT;

/// Status with which the server is about to exit; [`NO_STATUS`] while it is not.
static EXIT_STATUS: AtomicI32 = AtomicI32::new(NO_STATUS);
const NO_STATUS: c_int = -1;

/// Signal by which AFL++ kills a process after a timeout.
pub(crate) fn kill_signal() -> c_int {
    let given = std::env::var("AFL_KILL_SIGNAL").ok().and_then(|number| number.parse().ok());
    given.unwrap_or(libc::SIGKILL)
}

/// Whether a process that this signal has ended has crashed.
pub(crate) fn is_crash(signal: c_int) -> bool {
    CRASH_SIGNALS.contains(&signal)
}

/// Signal that reports an exit to AFL++; `None` if exits are only counted.
pub(crate) fn exit_signal() -> Option<c_int> {
    let signal = if kill_signal() == EXIT_SIGNAL { OTHER_EXIT_SIGNAL } else { EXIT_SIGNAL };
    let exits = config::get().map(|config| config.options.exits);
    (exits == Some(Exits::Crash)).then_some(signal)
}

/// Records that the server is about to exit with `status`.
pub(crate) fn exit_begins(status: c_int) {
    EXIT_STATUS.store(status, SeqCst);
}

/// Status with which the server is about to exit; `None` while it is not.
pub(crate) fn exit_status() -> Option<c_int> {
    Some(EXIT_STATUS.load(SeqCst)).filter(|&status| status != NO_STATUS)
}

/// Ends this process by a signal whose default action ends a process.
pub(crate) fn end_by(signal: c_int) {
    // SAFETY: all zeroes is a valid `sigset_t`, the set lives on this stack, and SIG_DFL is a valid disposition.
    unsafe {
        let mut set = std::mem::zeroed();
        libc::sigaddset(&mut set, signal);
        real::signal(signal, libc::SIG_DFL);
        real::pthread_sigmask(libc::SIG_UNBLOCK, &set, std::ptr::null_mut());
        libc::raise(signal);
    }
}
