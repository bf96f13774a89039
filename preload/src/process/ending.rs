//! Ends of processes: which are crashes. AFL++ takes no exit status for one, so it is told of exits in the middle of an
//! iteration as a signal that nothing else uses.

use std::sync::atomic::{AtomicI32, Ordering::SeqCst};

use libc::c_int;
use sockfuzz_protocol::{EXIT_SIGNAL, Exits};

use crate::sys::{config, real};

/// Signals that count as a crash of a child process.
const CRASH_SIGNALS: [c_int; 7] =
    [libc::SIGSEGV, libc::SIGBUS, libc::SIGABRT, libc::SIGILL, libc::SIGFPE, libc::SIGTRAP, libc::SIGSYS];

const _: () = assert!(EXIT_SIGNAL == libc::SIGSTKFLT);

/// What stands for an exit where `AFL_KILL_SIGNAL` is [`EXIT_SIGNAL`]: AFL++ would take it for a timeout.
const OTHER_EXIT_SIGNAL: c_int = libc::SIGABRT;

/// Status with which the server is about to exit; [`NO_STATUS`] while it is not.
static EXIT_STATUS: AtomicI32 = AtomicI32::new(NO_STATUS);
const NO_STATUS: c_int = -1;

/// Signal by which AFL++ ends a process whose time is over.
pub(crate) fn kill_signal() -> c_int {
    let given = std::env::var("AFL_KILL_SIGNAL").ok().and_then(|number| number.parse().ok());
    given.unwrap_or(libc::SIGKILL)
}

/// Whether a process that was ended by this signal has crashed.
pub(crate) fn is_crash(signal: c_int) -> bool {
    CRASH_SIGNALS.contains(&signal)
}

/// The signal by which AFL++ is to be told of an exit; `None` where exits are only counted.
pub(crate) fn exit_signal() -> Option<c_int> {
    let signal = if kill_signal() == EXIT_SIGNAL { OTHER_EXIT_SIGNAL } else { EXIT_SIGNAL };
    let exits = config::get().map(|config| config.options.exits);
    (exits == Some(Exits::Crash)).then_some(signal)
}

/// The server is about to exit.
pub(crate) fn exit_begins(status: c_int) {
    EXIT_STATUS.store(status, SeqCst);
}

/// Status with which the server is about to exit; `None` while it is not.
pub(crate) fn exit_status() -> Option<c_int> {
    Some(EXIT_STATUS.load(SeqCst)).filter(|&status| status != NO_STATUS)
}

/// Ends this process by a signal whose default action does that.
pub(crate) fn end_by(signal: c_int) {
    // SAFETY: the set lives on this stack, and the default action needs no handler.
    unsafe {
        let mut set = std::mem::zeroed();
        libc::sigaddset(&mut set, signal);
        real::signal(signal, libc::SIG_DFL);
        real::pthread_sigmask(libc::SIG_UNBLOCK, &set, std::ptr::null_mut());
        libc::raise(signal);
    }
}
