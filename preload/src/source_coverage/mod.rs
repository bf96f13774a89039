//! Source coverage: what the compiler's own instrumentation has counted is saved without the server's help, because
//! servers do not exit. The counters of clang and rustc are added to a file that all processes of the server share
//! ([`counters`]); gcc's runtime writes its own files ([`gcov`]).
//!
//! Adding counters only reads and writes memory, so it happens after every input, and even where a process crashes.
//! gcc's runtime needs the heap, so it is called only where a process ends otherwise. A process that is still alive when
//! the inputs are played is ended by [`SAVE_SIGNAL`].

mod counters;
mod gcov;

use std::sync::atomic::{AtomicBool, AtomicI32, Ordering::SeqCst};

use libc::c_int;
use sockfuzz_protocol::source_coverage::SAVE_SIGNAL;
use sockfuzz_protocol::specs;

use crate::sys::signal_guard::SignalGuard;
use crate::sys::{real, report};

/// Thread that saves everything; 0 until then.
static SAVING_THREAD: AtomicI32 = AtomicI32::new(0);

/// Whether everything is saved.
static IS_SAVED: AtomicBool = AtomicBool::new(false);

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
    if is_on() {
        // A handler of the server that left by siglongjmp(3) would make other threads wait for ever.
        let _signals = SignalGuard::enter();
        save_once();
    }
}

/// Saves everything, or waits until another thread has done so. Returns `false` in a handler of a signal that has
/// interrupted this.
fn save_once() -> bool {
    let thread = rustix::thread::gettid().as_raw_pid();
    match SAVING_THREAD.compare_exchange(0, thread, SeqCst, SeqCst) {
        Ok(_) => {
            counters::save();
            gcov::dump();
            IS_SAVED.store(true, SeqCst);
        }
        Err(saving) if saving != thread => {
            while !IS_SAVED.load(SeqCst) {
                rustix::thread::sched_yield();
            }
        }
        Err(_) => {}
    }
    IS_SAVED.load(SeqCst)
}

/// Forgets what the parent of this forked process has counted, and will save itself.
pub(crate) fn reset_after_fork() {
    SAVING_THREAD.store(0, SeqCst);
    IS_SAVED.store(false, SeqCst);
    counters::skip_unsaved();
}

/// Makes [`SAVE_SIGNAL`] save everything and end this process, and those that it forks.
fn end_by_signal() {
    extern "C" fn end(_: c_int) {
        if save_once() {
            report::exit(0);
        }
    }
    // SAFETY: all zeroes is a valid action, which lives on this stack, and `end` is a valid handler.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = end as extern "C" fn(c_int) as usize;
        action.sa_flags = libc::SA_ONSTACK;
        real::sigaction(SAVE_SIGNAL, &action, std::ptr::null_mut());
    }
}
