//! The AFL++ runtime in the server's executable: found, prepared before the server's constructors
//! run, and started as a forkserver as late as possible.

mod coverage;
mod direct;
mod input_memory;
mod interruptions;
mod renewal;
mod runtime;
mod shared_memory;
mod symbols;

use std::env;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

use rustix::process::{DumpableBehavior, set_dumpable_behavior};
use sockfuzz_contract::{Counter, Loop, specs};

use crate::setup::{self, Pace};
use crate::{idle, report};

use direct::Direct;
use interruptions::Interruptions;

pub(crate) use coverage::Seen;
pub(crate) use input_memory::address as input_memory;
pub(crate) use runtime::Runtime;

static RUNTIME: OnceLock<Runtime> = OnceLock::new();
/// AFL++'s environment, kept because servers wipe theirs.
static ENVIRONMENT: OnceLock<Vec<(OsString, OsString)>> = OnceLock::new();
/// The loop, if it is ours; the runtime's otherwise. Set when the forkserver starts.
static DIRECT: OnceLock<Direct> = OnceLock::new();
static STARTED: AtomicBool = AtomicBool::new(false);
static READY: AtomicBool = AtomicBool::new(false);

/// Whether the runtime is about to fork: that fork is AFL++'s, not the server's.
pub(crate) fn is_starting() -> bool {
    STARTED.load(SeqCst) && !READY.load(SeqCst)
}

/// Before the server's constructors: the runtime's will read what is set here.
pub(crate) fn prepare(pace: Pace) {
    let Some((runtime, found)) = Runtime::find() else { return };
    report::status().set_runtime(found);
    if pace == Pace::Loop {
        // SAFETY: the process has one thread: its `main` has not begun.
        unsafe {
            env::set_var("__AFL_PERSISTENT", "1");
            env::set_var("__AFL_DEFER_FORKSRV", "1");
            // A panic's backtrace costs milliseconds, and afl-fuzz shows none.
            env::set_var("RUST_BACKTRACE", "0");
        }
        runtime.ask_for_shared_memory_inputs();
        input_memory::attach();
        let _ = ENVIRONMENT.set(env::vars_os().filter(|(name, _)| belongs_to_afl(name)).collect());
    }
    let _ = RUNTIME.set(runtime);
}

fn belongs_to_afl(name: &OsStr) -> bool {
    let name = name.as_bytes();
    name.starts_with(b"AFL_") || name.starts_with(b"__AFL_")
}

/// Starts the forkserver at its first call. Returns in a child of it, which runs iterations.
pub(crate) fn start_forkserver() -> &'static Runtime {
    let Some(runtime) = RUNTIME.get() else {
        report::fatal(format_args!(
            "no AFL++ runtime in this server: build it with `cargo afl build`, or afl-cc, to instrument it"
        ))
    };
    if !STARTED.swap(true, SeqCst) {
        for (name, value) in ENVIRONMENT.get().into_iter().flatten() {
            // SAFETY: called before the server creates a thread, or while all others sleep.
            unsafe { env::set_var(name, value) };
        }
        idle::claim_for_this_process();
        // A server that has changed its user may no longer look into its own /proc.
        let _ = set_dumpable_behavior(DumpableBehavior::Dumpable);
        let interruptions = Interruptions::put_aside();
        fork_children(runtime);
        renewal::renew();
        interruptions.bring_back();
        report::status().add(Counter::Processes, 1);
        READY.store(true, SeqCst);
    }
    runtime
}

/// Returns in every child.
fn fork_children(runtime: &Runtime) {
    let wanted = setup::get().map_or(Loop::Auto, |setup| setup.options.r#loop);
    match (wanted != Loop::Afl).then(|| Direct::start(runtime)).flatten() {
        Some(direct) => {
            let _ = DIRECT.set(direct);
        }
        None if wanted == Loop::Direct => report::fatal(format_args!(
            "{}=direct needs a server built with AFL++ 4.20 or later, without IJON and AFL_OLD_FORKSERVER",
            specs::LOOP.variable
        )),
        None => runtime.start_forkserver(),
    }
}

/// Ends the current iteration and waits for the next; `false` when this process has run `count`.
pub(crate) fn next_iteration(runtime: &Runtime, count: u32) -> bool {
    match DIRECT.get() {
        Some(direct) => direct.next_iteration(runtime, count),
        None => runtime.next_iteration(count),
    }
}
