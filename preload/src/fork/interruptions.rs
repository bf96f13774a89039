//! Suspends the server's timers and signals while its process is the forkserver. A timer would interrupt the
//! forkserver, AFL++ ends it by SIGTERM, and it must see the ends of its children (SIGCHLD). The children need the
//! timers and the pending signals, which a fork loses.

use std::mem::MaybeUninit;
use std::ptr;

use libc::{c_int, itimerval, sigaction, siginfo_t, sigset_t};

use crate::sys::{real, signal_guard};

const INTERVAL_TIMERS: [c_int; 3] = [libc::ITIMER_REAL, libc::ITIMER_VIRTUAL, libc::ITIMER_PROF];

/// Signals that the forkserver needs with their default actions.
const FORKSERVER_SIGNALS: [c_int; 2] = [libc::SIGTERM, libc::SIGCHLD];

/// Suspended timers and signals.
pub(super) struct Interruptions {
    timers: [itimerval; INTERVAL_TIMERS.len()],
    /// Signals that were pending.
    pending: Vec<siginfo_t>,
    actions: [sigaction; FORKSERVER_SIGNALS.len()],
    blocked: sigset_t,
}

impl Interruptions {
    /// Stops the timers, takes the pending signals, and sets the actions that the forkserver needs.
    pub(super) fn suspend() -> Self {
        let timers = INTERVAL_TIMERS.map(stop);
        let blocked = set_mask(&all_signals());
        let pending = signal_guard::take_pending(&blocked);
        let actions = FORKSERVER_SIGNALS.map(set_default);
        set_mask(&servers_signals());
        Self { timers, pending, actions, blocked }
    }

    /// Restores everything, in a child of the forkserver.
    pub(super) fn resume(&self) {
        set_mask(&all_signals());
        // SAFETY: the kernel has returned the actions, the mask and the timers to `suspend`, so they are valid.
        unsafe {
            for (signal, action) in FORKSERVER_SIGNALS.into_iter().zip(&self.actions) {
                real::sigaction(signal, action, ptr::null_mut());
            }
            signal_guard::put_back(&self.pending);
            set_mask(&self.blocked);
            for (timer, running) in INTERVAL_TIMERS.into_iter().zip(&self.timers) {
                libc::setitimer(timer, running, ptr::null_mut());
            }
        }
    }
}

/// Stops a timer, and returns its former setting.
fn stop(timer: c_int) -> itimerval {
    // SAFETY: all zeroes is a valid `itimerval` (a stopped timer), and both pointers are to values on this stack.
    unsafe {
        let stopped: itimerval = std::mem::zeroed();
        let mut running = stopped;
        libc::setitimer(timer, &stopped, &mut running);
        running
    }
}

/// Sets the default action of a signal, and returns the former one.
fn set_default(signal: c_int) -> sigaction {
    // SAFETY: all zeroes is a valid `sigaction` (SIG_DFL, no flags), and both pointers are to values on this stack.
    unsafe {
        let default: sigaction = std::mem::zeroed();
        let mut before = default;
        real::sigaction(signal, &default, &mut before);
        before
    }
}

fn all_signals() -> sigset_t {
    // SAFETY: sigfillset(3) initialises the whole set.
    unsafe {
        let mut all = MaybeUninit::uninit();
        libc::sigfillset(all.as_mut_ptr());
        all.assume_init()
    }
}

/// All signals but [`FORKSERVER_SIGNALS`]: their handlers are the server's.
fn servers_signals() -> sigset_t {
    let mut signals = all_signals();
    for signal in FORKSERVER_SIGNALS {
        // SAFETY: the set is initialised.
        unsafe { libc::sigdelset(&mut signals, signal) };
    }
    signals
}

/// Blocks these signals and no others; returns the former mask.
fn set_mask(mask: &sigset_t) -> sigset_t {
    // SAFETY: the first set is initialised, and pthread_sigmask(3) initialises the second one on this stack.
    unsafe {
        let mut before = MaybeUninit::uninit();
        real::pthread_sigmask(libc::SIG_SETMASK, mask, before.as_mut_ptr());
        before.assume_init()
    }
}
