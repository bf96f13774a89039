//! The loop under an AFL++ tool: starts the forkserver as late as possible, ends an iteration and begins the
//! next one.

use std::sync::atomic::{
    AtomicBool,
    Ordering::{Relaxed, SeqCst},
};

use rustix::process::{DumpableBehavior, set_dumpable_behavior};
use sockfuzz_protocol::{Counter, Loop, Options, Switch, specs};

use crate::afl::coverage::{gate, virgin_map};
use crate::afl::forkserver::{self, Forkserver, runtime_loop};
use crate::afl::{self, Instrumentation};
use crate::blocking::yield_probe;
use crate::determinism::clock;
use crate::fork;
use crate::memory_socket;
use crate::process::driver_process;
use crate::sys::config::{self, RunMode};
use crate::sys::{fd_table, report, shared_pages, threads};
use crate::transport_trial;

static STARTED: AtomicBool = AtomicBool::new(false);
static READY: AtomicBool = AtomicBool::new(false);

/// Whether the runtime is about to fork: that fork is AFL++'s, not the server's.
pub(crate) fn is_starting() -> bool {
    STARTED.load(SeqCst) && !READY.load(SeqCst)
}

/// Starts the forkserver at its first call. Returns in a child of it, which runs iterations.
pub(crate) fn start() -> &'static Instrumentation {
    let Some(instrumentation) = afl::instrumentation() else {
        report::fatal(format_args!(
            "no AFL++ runtime in this server, and no coverage map to do without: build it with `cargo afl build`, \
             or afl-cc, to instrument it"
        ))
    };
    if !STARTED.swap(true, SeqCst) {
        // SAFETY: called before the server creates a thread, or while all others sleep.
        unsafe { afl::restore_environment() };
        driver_process::claim();
        // A server that has changed its user may no longer look into its own /proc.
        let _ = set_dumpable_behavior(DumpableBehavior::Dumpable);
        clock::record_fork_time();
        if let Ok(confidence) = shared_pages::map() {
            yield_probe::share_confidence(confidence);
        }
        let options = &config::get().expect("the loop belongs to a server").options;
        if options.rerun == Switch::On {
            virgin_map::share(instrumentation.map_len());
        }
        if options.gate == Switch::On {
            instrumentation.build_gate();
            gate::close();
        }
        run_forkserver(|| {
            let is_wanted = transport_trial::is_wanted(options, RunMode::Loop) && memory_socket::is_active();
            if !is_wanted || !transport_trial::run() {
                fork_children(instrumentation, options);
            }
        });
    }
    instrumentation
}

/// Is the forkserver, in `fork_children`, and returns in every child.
fn run_forkserver<R>(fork_children: impl FnOnce() -> R) {
    READY.store(false, SeqCst);
    let is_isolated = fork::as_forkserver(fork_children);
    if let Some(forkserver) = forkserver::current().filter(|_| !is_isolated) {
        forkserver.refuse_spares();
    }
    READY.store(true, SeqCst);
}

/// Becomes the forkserver in the place of the first process: a server with one thread, once it is warm, can fork
/// children that are. Where its warm-up has made something that they would share, each of them warms up for
/// itself.
fn take_over_when_warm(forkserver: &Forkserver) {
    if forkserver.may_take_over()
        && threads::is_single()
        && fd_table::recount_connections() == 0
        && fork::isolation::has_no_new_objects()
    {
        run_forkserver(|| forkserver.take_over());
    }
}

/// Forks the children; returns in each.
fn fork_children(instrumentation: &Instrumentation, options: &Options) {
    let wanted = options.r#loop;
    // A process that starts while another runs an iteration must not be seen.
    let spares = options.spare == Switch::On && gate::exists();
    let started = wanted != Loop::Afl && forkserver::start(instrumentation, spares);
    match instrumentation {
        _ if started => {}
        Instrumentation::Responses(_) => report::fatal(format_args!(
            "a server that is not instrumented runs in loop direct only: leave {} alone",
            specs::LOOP.variable
        )),
        Instrumentation::Runtime(_) if wanted == Loop::Direct => report::fatal(format_args!(
            "{}=direct needs a server built with AFL++ 4.20 or later, without IJON and AFL_OLD_FORKSERVER",
            specs::LOOP.variable
        )),
        Instrumentation::Runtime(runtime) => runtime_loop::start(runtime),
    }
}

/// Ends the current iteration and waits for the next; `false` when this process has run `count`.
pub(crate) fn next_iteration(instrumentation: &Instrumentation, count: u32) -> bool {
    gate::close();
    let goes_on = match (forkserver::current(), instrumentation) {
        (Some(forkserver), _) => {
            take_over_when_warm(forkserver);
            forkserver.next_iteration(count)
        }
        (None, Instrumentation::Runtime(runtime)) => runtime_loop::next_iteration(runtime, count),
        (None, Instrumentation::Responses(_)) => unreachable!("it runs in loop direct only"),
    };
    if goes_on {
        gate::open();
        if is_first_iteration() {
            report::status().add(Counter::Processes, 1);
            // There may be no gate, and none holds for the processes that the server has forked in its warm-up.
            instrumentation.clear_coverage();
        }
        instrumentation.mark_coverage();
    }
    goes_on
}

fn is_first_iteration() -> bool {
    static FIRST: AtomicBool = AtomicBool::new(true);
    FIRST.load(Relaxed) && FIRST.swap(false, Relaxed)
}

/// Keeps no spare process: the server is about to listen where nothing else can.
pub(crate) fn refuse_spares() {
    forkserver::current().iter().for_each(|forkserver| forkserver.refuse_spares());
}
