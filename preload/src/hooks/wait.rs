//! wait(2) and its variants, which return how the server's child processes ended. They are idle points for
//! a server that waits for the child process that serves.

use std::ptr;
use std::time::Duration;

use libc::{c_int, id_t, idtype_t, pid_t, rusage, siginfo_t};
use rustix::event::PollFd;
use rustix::io::Errno;

use crate::afl::forkserver::runtime_loop;
use crate::afl_loop;
use crate::blocking::{self, BlockingCall, WaitOutcome};
use crate::process::children;
use crate::sys::poll_set::PollSet;
use crate::sys::{config, errno, real, user_memory};

/// Interval at which a waiting thread checks for the end of a child process, besides waiting for the driver.
const CHILD_POLL_INTERVAL: Duration = Duration::from_millis(2);

pub(crate) unsafe fn wait(status: *mut c_int) -> pid_t {
    // SAFETY: the caller upholds the contract of wait(2): `status` is null or writable.
    unsafe { waitpid(-1, status, 0) }
}

pub(crate) unsafe fn waitpid(child: pid_t, status: *mut c_int, options: c_int) -> pid_t {
    // SAFETY: the caller upholds the contract of waitpid(2): `status` is null or writable.
    unsafe { wait4(child, status, options, ptr::null_mut()) }
}

pub(crate) unsafe fn wait4(child: pid_t, status: *mut c_int, options: c_int, usage: *mut rusage) -> pid_t {
    let mut own = 0;
    let status = if status.is_null() { &raw mut own } else { status };
    let mut wait = Wait { child, status, options, usage };
    if afl_loop::is_starting() {
        // The forkserver of AFL++'s runtime waits for its own child by this call, too.
        // SAFETY: the caller upholds the contract of wait4(2), and `status` is not null.
        return unsafe {
            let ended = real::wait4(child, status, options, usage);
            if ended > 0 {
                *status = runtime_loop::follow_wait(*status);
            }
            ended
        };
    }
    wait_for(&mut wait, options)
}

pub(crate) unsafe fn waitid(kind: idtype_t, id: id_t, info: *mut siginfo_t, options: c_int) -> c_int {
    if afl_loop::is_starting() || config::get().is_none() {
        // SAFETY: the caller upholds the contract of waitid(2); the arguments are unchanged.
        return unsafe { real::waitid(kind, id, info, options) };
    }
    // SAFETY: all zeroes are a valid `siginfo_t`.
    let mut wait = WaitId { kind, id, info: unsafe { std::mem::zeroed() }, options };
    let result = wait_for(&mut wait, options);
    // Like the kernel, writes the information last, whatever the result of the call.
    // SAFETY: `info` is the server's: no Rust reference points there.
    match unsafe { info.is_null() || user_memory::write(info, wait.info).is_ok() } {
        true => result,
        false => errno::fail(Errno::FAULT),
    }
}

/// Performs the call: at an idle point if it waits, and otherwise at once.
fn wait_for<C: ChildWait>(wait: &mut C, options: c_int) -> c_int {
    let is_intercepted = children::any() && blocking::intercepts_calls();
    if options & libc::WNOHANG == 0 && is_intercepted {
        return match blocking::wait(wait, None) {
            WaitOutcome::Done(result) => result,
            WaitOutcome::TimedOut | WaitOutcome::Interrupted => errno::fail(Errno::INTR),
        };
    }
    wait.visible(options & libc::WNOHANG)
}

/// A call that waits for children.
trait ChildWait: BlockingCall<Output = c_int> {
    /// Performs the call with additional `flags`; returns its result, and the process that has ended, or 0.
    fn call(&mut self, flags: c_int) -> (c_int, pid_t);

    /// Reaps the process that has ended, if the call has not, and returns its status.
    fn status(&mut self, ended: pid_t) -> c_int;

    /// Whether the server asks for any child process, and so may get one that it did not create.
    fn is_for_any(&self) -> bool;

    /// Whether the process that has ended stays waitable (waitid(2), WNOWAIT).
    fn leaves_waitable(&self) -> bool {
        false
    }

    /// Performs the call until it returns a process that is not hidden from the server; 0 if there is none yet.
    fn visible(&mut self, flags: c_int) -> c_int {
        loop {
            let (result, ended) = self.call(flags);
            if ended <= 0 {
                if result == 0 && self.is_for_any() && children::has_only_orphans() {
                    return errno::fail(Errno::CHILD);
                }
                return result;
            }
            let is_hidden = children::is_hidden(ended);
            if is_hidden || !self.leaves_waitable() {
                let status = self.status(ended);
                children::record_end(ended, status);
            }
            if !is_hidden {
                return result;
            }
        }
    }
}

struct Wait {
    child: pid_t,
    status: *mut c_int,
    options: c_int,
    usage: *mut rusage,
}

impl ChildWait for Wait {
    fn call(&mut self, flags: c_int) -> (c_int, pid_t) {
        // SAFETY: the server upholds the contract of wait4(2); `status` is the server's, or on the stack of the hook.
        let ended = unsafe { real::wait4(self.child, self.status, self.options | flags, self.usage) };
        // SAFETY: `status` is never null. A process that has stopped or continued has not ended.
        let has_ended =
            ended > 0 && unsafe { !libc::WIFSTOPPED(*self.status) && !libc::WIFCONTINUED(*self.status) };
        (ended, if has_ended { ended } else { 0 })
    }

    fn status(&mut self, _: pid_t) -> c_int {
        // SAFETY: `status` is never null, and the call has written it.
        unsafe { *self.status }
    }

    fn is_for_any(&self) -> bool {
        self.child == -1
    }
}

impl BlockingCall for Wait {
    type Output = c_int;

    fn attempt(&mut self) -> Option<c_int> {
        Some(self.visible(libc::WNOHANG)).filter(|&result| result != 0)
    }

    fn sleep(&self, others: &[PollFd<'_>], limit: Option<Duration>) -> Result<(), Errno> {
        sleep(others, limit)
    }
}

struct WaitId {
    kind: idtype_t,
    id: id_t,
    info: siginfo_t,
    options: c_int,
}

impl ChildWait for WaitId {
    fn call(&mut self, flags: c_int) -> (c_int, pid_t) {
        // SAFETY: all zeroes are a valid `siginfo_t`; waitid(2) writes there, and leaves 0 if no process has ended.
        unsafe {
            self.info = std::mem::zeroed();
            let result = real::waitid(self.kind, self.id, &mut self.info, self.options | flags);
            let has_ended =
                matches!(self.info.si_code, libc::CLD_EXITED | libc::CLD_KILLED | libc::CLD_DUMPED);
            (result, if result == 0 && has_ended { self.info.si_pid() } else { 0 })
        }
    }

    fn status(&mut self, ended: pid_t) -> c_int {
        let mut status = 0;
        // SAFETY: `status` is on this stack; waitid(2) has filled `info` with the fields of SIGCHLD.
        unsafe {
            if self.leaves_waitable() {
                real::wait4(ended, &mut status, libc::WNOHANG, ptr::null_mut());
                return status;
            }
            let status = self.info.si_status();
            if self.info.si_code == libc::CLD_EXITED { (status & 0xff) << 8 } else { status }
        }
    }

    fn is_for_any(&self) -> bool {
        self.kind == libc::P_ALL
    }

    fn leaves_waitable(&self) -> bool {
        self.options & libc::WNOWAIT != 0
    }
}

impl BlockingCall for WaitId {
    type Output = c_int;

    fn attempt(&mut self) -> Option<c_int> {
        let result = self.visible(libc::WNOHANG);
        // SAFETY: waitid(2) has written the fields of SIGCHLD, or left 0 if no process has ended.
        (result != 0 || unsafe { self.info.si_pid() } != 0).then_some(result)
    }

    fn sleep(&self, others: &[PollFd<'_>], limit: Option<Duration>) -> Result<(), Errno> {
        sleep(others, limit)
    }
}

fn sleep(others: &[PollFd<'_>], limit: Option<Duration>) -> Result<(), Errno> {
    let mut entries = PollSet::with_room(others.len())?;
    entries.extend(super::to_entries(others.iter().cloned()));
    let limit = limit.map_or(CHILD_POLL_INTERVAL, |limit| limit.min(CHILD_POLL_INTERVAL));
    super::sleep_in(&mut entries, Some(limit), ptr::null())
}
