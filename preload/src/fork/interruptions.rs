//! Timers and signals of the server's, suspended while its process is the forkserver: a timer would
//! interrupt the forkserver, AFL++ ends it by SIGTERM, and its children must not vanish unseen. A fork loses
//! timers and pending signals, which the children need.

use std::mem::MaybeUninit;
use std::ptr;

use libc::{c_int, itimerval, sigaction, siginfo_t, sigset_t};

use crate::sys::{real, signal_guard};

const INTERVAL_TIMERS: [c_int; 3] = [libc::ITIMER_REAL, libc::ITIMER_VIRTUAL, libc::ITIMER_PROF];

/// Signals that the forkserver lives by.
const FORKSERVER_SIGNALS: [c_int; 2] = [libc::SIGTERM, libc::SIGCHLD];

/// What was put aside.
pub(super) struct Interruptions {
    timers: [itimerval; INTERVAL_TIMERS.len()],
    /// Those that were about to be handled.
    pending: Vec<siginfo_t>,
    actions: [sigaction; FORKSERVER_SIGNALS.len()],
    blocked: sigset_t,
}

impl Interruptions {
    /// Stops the timers, and gives the forkserver its signals.
    pub(super) fn suspend() -> Self {
        let timers = INTERVAL_TIMERS.map(stop);
        let blocked = set_mask(&all_signals());
        let pending = signal_guard::take_pending(&blocked);
        let actions = FORKSERVER_SIGNALS.map(set_default);
        set_mask(&servers_signals());
        Self { timers, pending, actions, blocked }
    }

    /// Puts everything back, in a child of the forkserver.
    pub(super) fn resume(&self) {
        set_mask(&all_signals());
        // SAFETY: these are what `suspend` was given.
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

/// What the timer was set to.
fn stop(timer: c_int) -> itimerval {
    // SAFETY: all zeroes is a stopped timer; both pointers are to values of ours.
    unsafe {
        let stopped: itimerval = std::mem::zeroed();
        let mut running = stopped;
        libc::setitimer(timer, &stopped, &mut running);
        running
    }
}

/// What the signal did before.
fn set_default(signal: c_int) -> sigaction {
    // SAFETY: all zeroes is the default action, without flags.
    unsafe {
        let default: sigaction = std::mem::zeroed();
        let mut before = default;
        real::sigaction(signal, &default, &mut before);
        before
    }
}

fn all_signals() -> sigset_t {
    // SAFETY: libc fills the whole set.
    unsafe {
        let mut all = MaybeUninit::uninit();
        libc::sigfillset(all.as_mut_ptr());
        all.assume_init()
    }
}

/// Signals that the forkserver does not live by: their handlers are the server's.
fn servers_signals() -> sigset_t {
    let mut signals = all_signals();
    for signal in FORKSERVER_SIGNALS {
        // SAFETY: a valid set.
        unsafe { libc::sigdelset(&mut signals, signal) };
    }
    signals
}

/// Blocks these signals and no others; returns which were blocked before.
fn set_mask(mask: &sigset_t) -> sigset_t {
    // SAFETY: both sets live on this stack; libc fills the second one.
    unsafe {
        let mut before = MaybeUninit::uninit();
        real::pthread_sigmask(libc::SIG_SETMASK, mask, before.as_mut_ptr());
        before.assume_init()
    }
}
