//! wait(2) and its variants: how the server's children ended; and an idle point, for a server that
//! waits for the child that serves.

use std::ptr;
use std::time::Duration;

use libc::{c_int, pid_t, rusage};
use rustix::event::PollFd;
use rustix::io::Errno;

use crate::afl_loop;
use crate::blocking::{self, BlockingCall, WaitOutcome};
use crate::process::children;
use crate::sys::poll_set::PollSet;
use crate::sys::{errno, real};

/// How often a thread looks after a child that it waits for, besides the driver.
const CHILD_POLL_INTERVAL: Duration = Duration::from_millis(2);

pub(crate) unsafe fn wait(status: *mut c_int) -> pid_t {
    // SAFETY: the server's own pointer.
    unsafe { waitpid(-1, status, 0) }
}

pub(crate) unsafe fn waitpid(child: pid_t, status: *mut c_int, options: c_int) -> pid_t {
    // SAFETY: the server's own pointer.
    unsafe { wait4(child, status, options, ptr::null_mut()) }
}

pub(crate) unsafe fn wait4(child: pid_t, status: *mut c_int, options: c_int, usage: *mut rusage) -> pid_t {
    let mut own = 0;
    let status = if status.is_null() { &raw mut own } else { status };
    // The forkserver waits by this call, too, and for its own child.
    let is_server = !afl_loop::is_starting() && blocking::intercepts_calls();
    let ended = if options & libc::WNOHANG == 0 && children::any() && is_server {
        match blocking::wait(&mut Wait { child, status, options, usage }, None) {
            WaitOutcome::Done(ended) => ended,
            WaitOutcome::TimedOut | WaitOutcome::Interrupted => errno::fail(Errno::INTR),
        }
    } else {
        // SAFETY: the server's own call; where it does not want the status, we do.
        unsafe { real::wait4(child, status, options, usage) }
    };
    if ended > 0 {
        // SAFETY: written by the call.
        children::record_end(ended, unsafe { *status });
    }
    ended
}

struct Wait {
    child: pid_t,
    status: *mut c_int,
    options: c_int,
    usage: *mut rusage,
}

impl BlockingCall for Wait {
    type Output = pid_t;

    fn attempt(&mut self) -> Option<pid_t> {
        // SAFETY: the server's own call, without the waiting.
        let ended = unsafe { real::wait4(self.child, self.status, self.options | libc::WNOHANG, self.usage) };
        (ended != 0).then_some(ended)
    }

    fn sleep(&self, others: &[PollFd<'_>], limit: Option<Duration>) -> Result<(), Errno> {
        let mut entries = PollSet::with_room(others.len())?;
        entries.extend(super::to_entries(others.iter().cloned()));
        let limit = limit.map_or(CHILD_POLL_INTERVAL, |limit| limit.min(CHILD_POLL_INTERVAL));
        super::sleep_in(&mut entries, Some(limit), ptr::null())
    }
}
