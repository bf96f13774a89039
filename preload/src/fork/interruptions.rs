//! Timers and signals of the server's, suspended while its process is the forkserver: a timer would
//! interrupt the forkserver, AFL++ ends it by SIGTERM, and its children must not vanish unseen. A fork loses
//! timers, which the children need.

use std::mem::MaybeUninit;
use std::ptr;

use libc::{c_int, itimerval, sigaction, sigset_t};

use crate::sys::real;

const INTERVAL_TIMERS: [c_int; 3] = [libc::ITIMER_REAL, libc::ITIMER_VIRTUAL, libc::ITIMER_PROF];

/// Signals that the forkserver lives by.
const FORKSERVER_SIGNALS: [c_int; 2] = [libc::SIGTERM, libc::SIGCHLD];

/// What was put aside.
pub(super) struct Interruptions {
    timers: [itimerval; INTERVAL_TIMERS.len()],
    actions: [sigaction; FORKSERVER_SIGNALS.len()],
    blocked: sigset_t,
}

impl Interruptions {
    /// Stops the timers, and gives the forkserver its signals.
    pub(super) fn suspend() -> Self {
        Self {
            timers: INTERVAL_TIMERS.map(stop),
            actions: FORKSERVER_SIGNALS.map(set_default),
            blocked: block_servers_signals(),
        }
    }

    /// Puts everything back, in a child of the forkserver.
    pub(super) fn resume(&self) {
        // SAFETY: these are what `suspend` was given.
        unsafe {
            for (signal, action) in FORKSERVER_SIGNALS.into_iter().zip(&self.actions) {
                real::sigaction(signal, action, ptr::null_mut());
            }
            real::pthread_sigmask(libc::SIG_SETMASK, &self.blocked, ptr::null_mut());
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

/// Blocks the signals that the forkserver does not live by: their handlers are the server's. Returns which were
/// blocked before.
fn block_servers_signals() -> sigset_t {
    // SAFETY: both sets are initialised by libc.
    unsafe {
        let mut blocked = MaybeUninit::uninit();
        libc::sigfillset(blocked.as_mut_ptr());
        FORKSERVER_SIGNALS.into_iter().for_each(|signal| {
            libc::sigdelset(blocked.as_mut_ptr(), signal);
        });
        let mut before = MaybeUninit::uninit();
        real::pthread_sigmask(libc::SIG_SETMASK, blocked.as_ptr(), before.as_mut_ptr());
        before.assume_init()
    }
}
