//! AFL++ and the server: the runtime in the server's executable, or what stands in for it, found and
//! prepared before the server's constructors run, and started as a forkserver as late as possible.

mod answers;
mod coverage;
mod direct;
mod gate;
mod input_memory;
mod instrumentation;
mod interruptions;
mod own_map;
mod private_objects;
mod renewal;
mod runtime;
mod segment;
mod shared_memory;
mod symbols;

use std::env;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::sync::OnceLock;
use std::sync::atomic::{
    AtomicBool,
    Ordering::{Relaxed, SeqCst},
};

use rustix::process::{DumpableBehavior, set_dumpable_behavior};
use sockfuzz_protocol::{Counter, Loop, Options, Switch, specs};

use crate::setup::{self, Pace};
use crate::{clock, descriptors, identity, idle, report};

use direct::Direct;
use interruptions::Interruptions;

pub(crate) use answers::Answers;
pub(crate) use coverage::Seen;
pub(crate) use input_memory::address as input_memory;
pub(crate) use instrumentation::Instrumentation;
pub(crate) use renewal::epoll_numbers;

static INSTRUMENTATION: OnceLock<Instrumentation> = OnceLock::new();
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
    let instrumentation = Instrumentation::find(pace);
    if pace == Pace::Loop {
        // SAFETY: the process has one thread: its `main` has not begun.
        unsafe {
            env::set_var("__AFL_PERSISTENT", "1");
            env::set_var("__AFL_DEFER_FORKSRV", "1");
            // A panic's backtrace costs milliseconds, and afl-fuzz shows none.
            env::set_var("RUST_BACKTRACE", "0");
        }
        input_memory::attach();
        let _ = ENVIRONMENT.set(env::vars_os().filter(|(name, _)| belongs_to_afl(name)).collect());
    }
    if let Some(instrumentation) = instrumentation {
        let _ = INSTRUMENTATION.set(instrumentation);
    }
}

/// Whether the server's answers stand in for its coverage.
pub(crate) fn learns_from_answers() -> bool {
    matches!(INSTRUMENTATION.get(), Some(Instrumentation::Answers(_)))
}

fn belongs_to_afl(name: &OsStr) -> bool {
    let name = name.as_bytes();
    name.starts_with(b"AFL_") || name.starts_with(b"__AFL_")
}

/// Starts the forkserver at its first call. Returns in a child of it, which runs iterations.
pub(crate) fn start_forkserver() -> &'static Instrumentation {
    let Some(instrumentation) = INSTRUMENTATION.get() else {
        report::fatal(format_args!(
            "no AFL++ runtime in this server, and no coverage map to do without: build it with `cargo afl build`, \
             or afl-cc, to instrument it"
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
        clock::note_fork();
        share_trust();
        let options = &setup::get().expect("the loop belongs to a server").options;
        if options.rerun == Switch::On {
            coverage::share(instrumentation);
        }
        if options.gate == Switch::On {
            instrumentation.build_gate();
            gate::close();
        }
        serve(|| fork_children(instrumentation, options));
    }
    instrumentation
}

/// What a process knows of the kernel, those that come after it know.
fn share_trust() {
    if let Ok(trust) = shared_memory::of_all_children(size_of::<idle::Trust>()) {
        // SAFETY: zeroes are no trust, and the mapping is never removed.
        idle::share_trust(unsafe { &*trust.cast::<idle::Trust>() });
    }
}

/// Is the forkserver, in `fork_children`, and returns in every child, which shares nothing with others.
fn serve<R>(fork_children: impl FnOnce() -> R) {
    READY.store(false, SeqCst);
    let interruptions = Interruptions::put_aside();
    identity::remember();
    fork_children();
    identity::keep();
    let apart = renewal::renew();
    interruptions.bring_back();
    if let Some(direct) = DIRECT.get().filter(|_| !apart) {
        direct.refuse_spares();
    }
    READY.store(true, SeqCst);
}

/// A server with one thread, once it is warm, can fork children that are. Where its warm-up has made
/// something that they would share, each of them warms up for itself.
fn serve_warm(direct: &Direct) {
    if direct.may_take_over()
        && idle::server_has_one_thread()
        && descriptors::recount_connections() == 0
        && private_objects::are_as_renewed()
    {
        serve(|| direct.take_over());
    }
}

/// Returns in every child.
fn fork_children(instrumentation: &Instrumentation, options: &Options) {
    let wanted = options.r#loop;
    // A process that starts while another runs an iteration must not be seen.
    let spares = options.spare == Switch::On && gate::exists();
    let direct = (wanted != Loop::Afl).then(|| Direct::start(instrumentation, spares)).flatten();
    match (direct, instrumentation) {
        (Some(direct), _) => {
            let _ = DIRECT.set(direct);
        }
        (None, Instrumentation::Answers(_)) => report::fatal(format_args!(
            "a server that is not instrumented runs in loop direct only: leave {} alone",
            specs::LOOP.variable
        )),
        (None, Instrumentation::Runtime(_)) if wanted == Loop::Direct => report::fatal(format_args!(
            "{}=direct needs a server built with AFL++ 4.20 or later, without IJON and AFL_OLD_FORKSERVER",
            specs::LOOP.variable
        )),
        (None, Instrumentation::Runtime(runtime)) => runtime.start_forkserver(),
    }
}

/// Ends the current iteration and waits for the next; `false` when this process has run `count`.
pub(crate) fn next_iteration(instrumentation: &Instrumentation, count: u32) -> bool {
    gate::close();
    let goes_on = match (DIRECT.get(), instrumentation) {
        (Some(direct), _) => {
            serve_warm(direct);
            direct.next_iteration(count)
        }
        (None, Instrumentation::Runtime(runtime)) => runtime.next_iteration(count),
        (None, Instrumentation::Answers(_)) => unreachable!("it runs in loop direct only"),
    };
    if goes_on {
        gate::open();
        if is_first_iteration() {
            report::status().add(Counter::Processes, 1);
            if !gate::exists() {
                instrumentation.clear_coverage();
            }
        }
        instrumentation.mark_coverage();
    }
    goes_on
}

fn is_first_iteration() -> bool {
    static FIRST: AtomicBool = AtomicBool::new(true);
    FIRST.load(Relaxed) && FIRST.swap(false, Relaxed)
}

/// The server is about to listen where nothing else can: a second process of it would be in its way.
pub(crate) fn note_real_listener() {
    DIRECT.get().iter().for_each(|direct| direct.refuse_spares());
}

/// The server has forked, and this is the child. Its iteration is its parent's, and it may outlive
/// it; but what a spare process forks must not be seen either.
pub(crate) fn after_fork() {
    if !DIRECT.get().is_some_and(Direct::is_waiting) {
        gate::open();
    }
}
