//! Panics of the preload itself, which must not look like a crash of the server.

use std::backtrace::Backtrace;
use std::panic::PanicHookInfo;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

use sockfuzz_protocol::Counter;

use super::planned_end::{self, PlannedEnd};
use super::{config, report, seccomp};

/// Exit status of a single run (sysexits.h: EX_SOFTWARE).
const EXIT_SOFTWARE: i32 = 70;

/// Exit status in the loop: AFL++ goes on with the next input.
const EXIT_IN_LOOP: i32 = 0;

/// Whether a panic is being reported. A second panic during the report prints nothing.
static REPORTING: AtomicBool = AtomicBool::new(false);

/// Reports a panic and ends the process, because a panic must not unwind into the server's frames.
pub(crate) fn report(panic: &PanicHookInfo<'_>) {
    let status = if config::is_loop() { EXIT_IN_LOOP } else { EXIT_SOFTWARE };
    if !REPORTING.swap(true, SeqCst) {
        if seccomp::is_added() {
            // The filter is the cause, not the call that failed.
            report::emit(format_args!("{}", seccomp::REMEDY));
            report::exit(report::EXIT_UNAVAILABLE);
        }
        planned_end::announce(PlannedEnd::InternalError);
        report::status().add(Counter::InternalErrors, 1);
        report::emit(format_args!("internal error, please report it: {panic}"));
        for line in Backtrace::force_capture().to_string().lines() {
            report::emit(format_args!("{line}"));
        }
    }
    report::exit(status);
}

/// Panics if a test asks for it: `SOCKFUZZ_TEST_PANIC` has the name of this `place`.
#[cfg(debug_assertions)]
pub(crate) fn panic_if_asked(place: &str) {
    assert!(
        std::env::var_os("SOCKFUZZ_TEST_PANIC").is_none_or(|asked| asked != place),
        "as asked, in {place}"
    );
}

/// Does nothing in builds for users.
#[cfg(not(debug_assertions))]
pub(crate) fn panic_if_asked(_place: &str) {}
