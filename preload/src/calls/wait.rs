//! wait(2) and its variants: how the server's children ended; and an idle point, for a server that
//! waits for the child that serves.

use std::ptr;
use std::time::Duration;

use libc::{c_int, pid_t, rusage};
use rustix::event::PollFd;
use rustix::io::Errno;

use crate::exports::real;
use crate::idle::{self, Call, Waited};
use crate::{afl, children, errno};

/// How often a thread looks after a child that it waits for, besides the driver.
const LOOK: Duration = Duration::from_millis(2);

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
    let is_server = !afl::is_starting() && idle::concerns_this_process();
    let ended = if options & libc::WNOHANG == 0 && children::exist() && is_server {
        match idle::wait(&mut Wait { child, status, options, usage }, None) {
            Waited::Done(ended) => ended,
            Waited::TimedOut | Waited::Interrupted => errno::fail(Errno::INTR),
        }
    } else {
        // SAFETY: the server's own call; where it does not want the status, we do.
        unsafe { real::wait4(child, status, options, usage) }
    };
    if ended > 0 {
        // SAFETY: written by the call.
        children::reaped(ended, unsafe { *status });
    }
    ended
}

struct Wait {
    child: pid_t,
    status: *mut c_int,
    options: c_int,
    usage: *mut rusage,
}

impl Call for Wait {
    type Output = pid_t;

    fn attempt(&mut self) -> Option<pid_t> {
        // SAFETY: the server's own call, without the waiting.
        let ended = unsafe { real::wait4(self.child, self.status, self.options | libc::WNOHANG, self.usage) };
        (ended != 0).then_some(ended)
    }

    fn sleep(&self, others: &[PollFd<'_>], limit: Option<Duration>) -> Result<(), Errno> {
        super::sleep(&mut others.to_vec(), Some(limit.map_or(LOOK, |limit| limit.min(LOOK))))
    }
}
