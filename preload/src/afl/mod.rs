//! Interface to AFL++: the runtime in the server's executable or its replacement, the coverage map, and sockfuzz's own
//! forkserver. All are found and prepared before the server's constructors run.

pub(crate) mod coverage;
pub(crate) mod forkserver;
pub(crate) mod inline_counters;
mod instrumentation;
mod response_feedback;
mod response_map;
mod runtime;
pub(crate) mod shm_segments;

use std::env;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::sync::OnceLock;

use sockfuzz_protocol::Switch;

use crate::sys::config::RunMode;
use crate::sys::environment;

pub(crate) use coverage::blocks::TouchedBlocks;
pub(crate) use coverage::virgin_map::VirginMap;
pub(crate) use instrumentation::Instrumentation;
pub(crate) use response_feedback::ResponseParser;

static INSTRUMENTATION: OnceLock<Instrumentation> = OnceLock::new();
/// AFL++'s environment variables, kept because servers may clear the environment.
static ENVIRONMENT: OnceLock<Vec<(OsString, OsString)>> = OnceLock::new();

/// Finds the instrumentation, and sets the variables that the runtime's constructor reads. To be called before the
/// server's constructors.
pub(crate) fn prepare(run_mode: RunMode, inline_counters: Switch) {
    let instrumentation = Instrumentation::find(run_mode);
    if run_mode == RunMode::Loop {
        // SAFETY: no other thread uses the environment: the process has one thread before `main`.
        unsafe {
            env::set_var("__AFL_PERSISTENT", "1");
            env::set_var("__AFL_DEFER_FORKSRV", "1");
            // A panic's backtrace costs milliseconds, and afl-fuzz shows none.
            env::set_var("RUST_BACKTRACE", "0");
        }
        let _ = ENVIRONMENT.set(env::vars_os().filter(|(name, _)| belongs_to_afl(name)).collect());
    }
    if let Some(instrumentation) = instrumentation {
        if run_mode == RunMode::Loop
            && inline_counters == Switch::On
            && let Instrumentation::Runtime(runtime) = &instrumentation
        {
            inline_counters::find(runtime);
        }
        let _ = INSTRUMENTATION.set(instrumentation);
    }
}

/// Returns the instrumentation; `None` if there is neither a runtime nor a coverage map.
pub(crate) fn instrumentation() -> Option<&'static Instrumentation> {
    INSTRUMENTATION.get()
}

/// Whether the server's answers replace its coverage.
pub(crate) fn uses_response_feedback() -> bool {
    matches!(instrumentation(), Some(Instrumentation::Responses(_)))
}

/// Restores AFL++'s variables, which the server may have cleared.
///
/// # Safety
/// No other thread may read or change the environment.
pub(crate) unsafe fn restore_environment() {
    if let Some(kept) = ENVIRONMENT.get() {
        // SAFETY: the caller guarantees that no other thread uses the environment.
        unsafe { environment::set(kept) };
    }
}

fn belongs_to_afl(name: &OsStr) -> bool {
    let name = name.as_bytes();
    name.starts_with(b"AFL_") || name.starts_with(b"__AFL_")
}
