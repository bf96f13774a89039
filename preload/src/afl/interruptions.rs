//! Signals that the server has arranged for itself, around the start of the forkserver. A timer's
//! would interrupt the forkserver, which takes that for the end of afl-fuzz; and a fork loses
//! timers, which its children need. The runtime puts SIGCHLD's handler aside, but not its flags.

use std::mem::MaybeUninit;
use std::ptr;

use libc::{c_int, itimerval, sigaction};

const TIMERS: [c_int; 3] = [libc::ITIMER_REAL, libc::ITIMER_VIRTUAL, libc::ITIMER_PROF];

/// What was put aside.
pub(super) struct Interruptions {
    timers: [itimerval; 3],
    child_ended: Option<sigaction>,
}

impl Interruptions {
    /// Stops the timers.
    pub(super) fn put_aside() -> Self {
        let stopped = itimerval { it_interval: ZERO, it_value: ZERO };
        let timers = TIMERS.map(|timer| {
            let mut running = stopped;
            // SAFETY: both pointers are to values of ours.
            unsafe { libc::setitimer(timer, &stopped, &mut running) };
            running
        });
        let mut action = MaybeUninit::uninit();
        // SAFETY: only asks; written when the answer is 0.
        let child_ended = unsafe {
            let known = libc::sigaction(libc::SIGCHLD, ptr::null(), action.as_mut_ptr()) == 0;
            known.then(|| action.assume_init())
        };
        Self { timers, child_ended }
    }

    /// Puts everything back, in a child of the forkserver.
    pub(super) fn bring_back(&self) {
        for (timer, running) in TIMERS.into_iter().zip(&self.timers) {
            // SAFETY: what the server has set itself.
            unsafe { libc::setitimer(timer, running, ptr::null_mut()) };
        }
        if let Some(action) = &self.child_ended {
            // SAFETY: as above.
            unsafe { libc::sigaction(libc::SIGCHLD, action, ptr::null_mut()) };
        }
    }
}

const ZERO: libc::timeval = libc::timeval { tv_sec: 0, tv_usec: 0 };
