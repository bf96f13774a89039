//! Source coverage: what the compiler's own instrumentation has counted is saved without the server's help, because
//! servers do not exit. The counters of clang and rustc are added to a file that all processes of the server share
//! ([`counters`]); gcc's runtime writes its own files ([`gcov`]).
//!
//! Adding counters only reads and writes memory, so it happens after every input, and even where a process crashes.
//! gcc's runtime needs the heap, so it is called only where a process ends otherwise. A process that is still alive when
//! the inputs are played is ended by [`COVERAGE_SIGNAL`].

mod counters;
mod gcov;

use libc::c_int;
use sockfuzz_protocol::{COVERAGE_SIGNAL, specs};

use crate::sys::{real, report};

/// Finds the instrumentation of this process, and makes the files for it in `directory`. To be called before the sandbox
/// closes, and before any thread starts.
pub(crate) fn prepare(directory: &str) {
    if let Err(error) = counters::prepare(directory) {
        let variable = specs::WRITE_COVERAGE.variable;
        report::emit(format_args!(
            "no source coverage is written: {variable}={directory} cannot be used: {error}"
        ));
    }
    gcov::find();
    if is_on() {
        end_by_signal();
    }
}

/// Whether this process is instrumented, and its coverage is wanted.
pub(crate) fn is_on() -> bool {
    counters::is_on() || gcov::is_on()
}

/// Saves what can be saved at any time, even in a handler of a crash.
pub(crate) fn save() {
    counters::save();
}

/// Saves everything, because this process is about to end. The calling thread must not be inside of the server's heap.
pub(crate) fn save_at_end() {
    counters::save();
    gcov::dump();
}

/// Forgets what the parent of this forked process has counted, and will save itself.
pub(crate) fn reset_after_fork() {
    counters::skip_unsaved();
}

/// Makes [`COVERAGE_SIGNAL`] save everything and end this process, and those that it forks.
fn end_by_signal() {
    extern "C" fn end(_: c_int) {
        save_at_end();
        report::exit(0);
    }
    // SAFETY: all zeroes is a valid action, which lives on this stack, and `end` is a valid handler.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = end as extern "C" fn(c_int) as usize;
        action.sa_flags = libc::SA_ONSTACK;
        real::sigaction(COVERAGE_SIGNAL, &action, std::ptr::null_mut());
    }
}
