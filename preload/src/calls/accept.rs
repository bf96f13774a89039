//! accept(2): of the threads that accept, exactly one is let through for every connection made.

use std::os::fd::RawFd;
use std::time::Duration;

use libc::{c_int, sockaddr, socklen_t};
use rustix::event::{PollFd, PollFlags};
use rustix::io::Errno;
use sockfuzz_contract::{Counter, Phase};

use crate::descriptors::{self, Kind};
use crate::exports::real;
use crate::idle::{self, Call, Waited};
use crate::{address, errno, listener, memory, report};

pub(crate) unsafe fn accept(fd: c_int, address: *mut sockaddr, len: *mut socklen_t) -> c_int {
    if !listener::is_fuzzed(fd) {
        // SAFETY: the server's own call.
        return unsafe { real::accept(fd, address, len) };
    }
    // SAFETY: as above.
    unsafe { accept4(fd, address, len, 0) }
}

pub(crate) unsafe fn accept4(fd: c_int, address: *mut sockaddr, len: *mut socklen_t, flags: c_int) -> c_int {
    if !listener::is_fuzzed(fd) {
        // SAFETY: the server's own call.
        return unsafe { real::accept4(fd, address, len, flags) };
    }
    idle::note_accepting();
    let mut call = Accept { fd, flags };
    let accepted = match call.attempt() {
        Some(accepted) => accepted,
        None if is_nonblocking(fd) => return errno::fail(Errno::AGAIN),
        // Even where another process drives: in the kernel, this one would take its connections.
        None => match idle::wait(&mut call, None) {
            Waited::Done(accepted) => accepted,
            Waited::TimedOut => return errno::fail(Errno::AGAIN),
            Waited::Interrupted => return errno::fail(Errno::INTR),
        },
    };
    if accepted >= 0
        && let Some(client) = listener::client_address()
    {
        // SAFETY: the server's own pointers.
        unsafe { address::write(&client, address, len) };
    }
    accepted
}

fn is_nonblocking(listener: RawFd) -> bool {
    if memory::is_on() {
        memory::listener_is_nonblocking(listener)
    } else {
        descriptors::is_nonblocking(listener)
    }
}

struct Accept {
    fd: RawFd,
    flags: c_int,
}

impl Call for Accept {
    type Output = c_int;

    fn attempt(&mut self) -> Option<c_int> {
        if !listener::claim() {
            return None;
        }
        let accepted = if memory::is_on() {
            memory::accept(self.flags).unwrap_or_else(errno::fail)
        } else {
            // SAFETY: null pointers mean that no address is wanted; a connection is there.
            let accepted =
                unsafe { real::accept4(self.fd, std::ptr::null_mut(), std::ptr::null_mut(), self.flags) };
            if accepted >= 0 {
                descriptors::set(accepted, Kind::Connection);
            }
            accepted
        };
        if accepted < 0 {
            // Out of descriptors, say: the connection is still there to be accepted.
            listener::offer();
            return Some(accepted);
        }
        let status = report::status();
        status.add(Counter::Accepted, 1);
        status.reach(Phase::Accepted);
        Some(accepted)
    }

    fn sleep(&self, others: &[PollFd<'_>], limit: Option<Duration>) -> Result<(), Errno> {
        match listener::door() {
            Some(door) => super::sleep_on(door, PollFlags::IN, others, limit),
            None => Ok(()),
        }
    }
}
