//! Loop under an AFL++ tool: starts the forkserver as late as possible, ends an iteration and begins the next one.

use std::sync::atomic::{
    AtomicBool,
    Ordering::{Relaxed, SeqCst},
};
use std::time::Duration;

use rustix::process::{DumpableBehavior, set_dumpable_behavior};
use sockfuzz_protocol::{Counter, Loop, Options, Switch, specs};

use crate::afl::coverage::{counters, gate, virgin_map};
use crate::afl::forkserver::{self, Forkserver, runtime_loop};
use crate::afl::{self, Instrumentation};
use crate::blocking::yield_probe;
use crate::determinism::clock;
use crate::fork;
use crate::memory_socket;
use crate::process::driver_process;
use crate::sys::{config, fd_table, report, shared_pages, threads};
use crate::transport_trial;

static STARTED: AtomicBool = AtomicBool::new(false);
static READY: AtomicBool = AtomicBool::new(false);

/// Whether the forkserver is starting: a fork is then AFL++'s, not the server's.
pub(crate) fn is_starting() -> bool {
    STARTED.load(SeqCst) && !READY.load(SeqCst)
}

/// Starts the forkserver at the first call. Returns in a child of it, which runs iterations.
pub(crate) fn start() -> &'static Instrumentation {
    let Some(instrumentation) = afl::instrumentation() else {
        report::fatal(format_args!(
            "the server has no AFL++ runtime, and AFL++ provides no coverage map for its answers: instrument the \
             server by building it with `cargo afl build` or afl-cc"
        ))
    };
    if !STARTED.swap(true, SeqCst) {
        // SAFETY: no other thread uses the environment: the server has created none yet, or all others sleep.
        unsafe { afl::restore_environment() };
        driver_process::claim();
        // A server that has changed its user may no longer read its own files in /proc (proc(5)).
        let _ = set_dumpable_behavior(DumpableBehavior::Dumpable);
        clock::record_fork_time();
        if let Ok(confidence) = shared_pages::map() {
            yield_probe::share_confidence(confidence);
        }
        let options = &config::get().expect("the loop only runs in a configured process").options;
        if options.rerun == Switch::On {
            virgin_map::share(instrumentation.map_len());
        }
        if options.gate == Switch::On {
            instrumentation.build_gate();
            gate::close();
        }
        run_forkserver(|| {
            let is_wanted = transport_trial::is_wanted(options) && memory_socket::is_active();
            if !is_wanted || !transport_trial::run() {
                fork_children(instrumentation, options);
            }
        });
    }
    instrumentation
}

/// Runs the forkserver in `fork_children`, and returns in every child.
fn run_forkserver<R>(fork_children: impl FnOnce() -> R) {
    READY.store(false, SeqCst);
    let is_isolated = fork::as_forkserver(fork_children);
    if let Some(forkserver) = forkserver::current().filter(|_| !is_isolated) {
        forkserver.refuse_spares();
    }
    READY.store(true, SeqCst);
}

/// Becomes the forkserver in place of the first process: a server with one thread can fork children that need no
/// warm-up after its own. If its warm-up has created objects that the children would share, each child warms up for
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

/// Forks the children; returns in each of them.
fn fork_children(instrumentation: &Instrumentation, options: &Options) {
    let wanted = options.r#loop;
    // Coverage of a process that starts while another one runs an iteration must not be visible.
    let spares = options.spare == Switch::On && counters::exist();
    let started = wanted != Loop::Afl && forkserver::start(instrumentation, spares);
    match instrumentation {
        _ if started => {}
        Instrumentation::Responses(_) => report::fatal(format_args!(
            "a server without instrumentation only runs in loop direct: do not set {}",
            specs::LOOP.variable
        )),
        Instrumentation::Runtime(_) if wanted == Loop::Direct => report::fatal(format_args!(
            "{}=direct needs a server built with AFL++ 4.20 or later, without IJON and AFL_OLD_FORKSERVER",
            specs::LOOP.variable
        )),
        Instrumentation::Runtime(runtime) => runtime_loop::start(runtime),
    }
}

/// Ends the current iteration and waits for the next one. Returns `false` if this process has run `count` iterations.
pub(crate) fn next_iteration(instrumentation: &Instrumentation, count: u32) -> bool {
    gate::close();
    let goes_on = match (forkserver::current(), instrumentation) {
        (Some(forkserver), _) => {
            take_over_when_warm(forkserver);
            forkserver.next_iteration(count)
        }
        (None, Instrumentation::Runtime(runtime)) => runtime_loop::next_iteration(runtime, count),
        (None, Instrumentation::Responses(_)) => unreachable!("it only runs in loop direct"),
    };
    if goes_on {
        gate::open();
        if is_first_iteration() {
            report::status().add(Counter::Processes, 1);
            // The map may have coverage if there is no gate.
            instrumentation.clear_coverage();
            instrumentation.discard_coverage();
        } else if !threads::is_single() {
            instrumentation.discard_coverage();
        }
        instrumentation.mark_coverage();
    }
    goes_on
}

/// Returns the time since AFL++ has sent the current input.
pub(crate) fn iteration_time() -> Duration {
    match forkserver::current() {
        Some(forkserver) => forkserver.iteration_time(),
        None => runtime_loop::iteration_time(),
    }
}

fn is_first_iteration() -> bool {
    static FIRST: AtomicBool = AtomicBool::new(true);
    FIRST.load(Relaxed) && FIRST.swap(false, Relaxed)
}

/// Forbids spare processes: the server is about to listen at an address that only one process can use.
pub(crate) fn refuse_spares() {
    forkserver::current().iter().for_each(|forkserver| forkserver.refuse_spares());
}
