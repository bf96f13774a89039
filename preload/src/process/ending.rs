//! Exits of the server in the middle of an iteration. AFL++ takes no exit status for a crash, so it is told of a
//! signal that nothing else uses.

use std::sync::atomic::{AtomicBool, AtomicI32, Ordering::SeqCst};

use libc::c_int;
use sockfuzz_protocol::{Counter, EXIT_SIGNAL, Exits};

use crate::sys::{config, real, report};

/// The same where `AFL_KILL_SIGNAL` is [`EXIT_SIGNAL`]: AFL++ would take it for a timeout.
const OTHER_EXIT_SIGNAL: c_int = libc::SIGABRT;

/// Whether an iteration runs whose end by an exit this process has to report itself.
static REPORTS_EXITS: AtomicBool = AtomicBool::new(false);

const _: () = assert!(EXIT_SIGNAL == libc::SIGSTKFLT);

/// Status with which the server is about to exit; [`NO_STATUS`] while it is not.
static EXIT_STATUS: AtomicI32 = AtomicI32::new(NO_STATUS);
const NO_STATUS: c_int = -1;

/// Signal by which AFL++ ends a process whose time is over.
pub(crate) fn kill_signal() -> c_int {
    let given = std::env::var("AFL_KILL_SIGNAL").ok().and_then(|number| number.parse().ok());
    given.unwrap_or(libc::SIGKILL)
}

/// Counts an exit in the middle of an iteration. The signal by which AFL++ is to be told; `None` where exits are
/// only counted.
pub(crate) fn count_exit() -> Option<c_int> {
    report::status().add(Counter::Exits, 1);
    let signal = if kill_signal() == EXIT_SIGNAL { OTHER_EXIT_SIGNAL } else { EXIT_SIGNAL };
    let exits = config::get().map(|config| config.options.exits);
    (exits == Some(Exits::Crash)).then_some(signal)
}

/// An iteration has begun in a process above which nobody tells exits apart (loop `afl`).
pub(crate) fn report_exits() {
    REPORTS_EXITS.store(true, SeqCst);
}

/// The server is about to exit; does not return where the exit is reported as a signal.
pub(crate) fn exit_begins(status: c_int) {
    EXIT_STATUS.store(status, SeqCst);
    if REPORTS_EXITS.swap(false, SeqCst)
        && let Some(signal) = count_exit()
    {
        end_by(signal);
    }
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

/// In a forked child of the server's, whose exit is not its parent's.
pub(crate) fn reset_after_fork() {
    REPORTS_EXITS.store(false, SeqCst);
}
