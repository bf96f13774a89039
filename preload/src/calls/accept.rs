//! accept(2): of the threads that accept, exactly one is let through for every connection made.

use std::os::fd::RawFd;
use std::ptr;
use std::time::Duration;

use libc::{c_int, sockaddr, socklen_t};
use rustix::event::{PollFd, PollFlags};
use rustix::io::Errno;
use sockfuzz_protocol::{Counter, Phase};

use crate::address::{self, Address};
use crate::descriptors::{self, Kind};
use crate::exports::real;
use crate::idle::{self, Call, Waited};
use crate::{backlog, errno, listener, memory, report, setup, transport};

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

/// A client over a UNIX-domain socket that is going to reset needs something to leave unread.
fn accept_and_greet(listener: RawFd, flags: c_int) -> RawFd {
    // SAFETY: all zeroes is an address, and there is room for any.
    let (accepted, client) = unsafe {
        let mut client: libc::sockaddr_storage = std::mem::zeroed();
        let mut len = size_of_val(&client) as socklen_t;
        let accepted = real::accept4(listener, (&raw mut client).cast(), &mut len, flags);
        (accepted, address::read((&raw const client).cast(), len))
    };
    if accepted >= 0
        && let Some(Address::Unix(client)) = client
        && transport::is_announced(&client)
    {
        transport::greet(descriptors::lend(accepted));
    }
    accepted
}

struct Accept {
    fd: RawFd,
    flags: c_int,
}

impl Call for Accept {
    type Output = c_int;

    fn attempt(&mut self) -> Option<c_int> {
        if !backlog::claim() {
            return None;
        }
        let accepted = if memory::is_on() {
            memory::accept(self.flags).unwrap_or_else(|error| Some(errno::fail(error)))?
        } else {
            let accepted = if setup::plays_sessions() {
                accept_and_greet(self.fd, self.flags)
            } else {
                // SAFETY: null pointers mean that no address is wanted; a connection is there.
                unsafe { real::accept4(self.fd, ptr::null_mut(), ptr::null_mut(), self.flags) }
            };
            if accepted >= 0 {
                descriptors::set(accepted, Kind::Connection);
            }
            accepted
        };
        if accepted < 0 {
            // Out of descriptors, say: the connection is still there to be accepted.
            backlog::offer();
            backlog::announce();
            return Some(accepted);
        }
        let status = report::status();
        status.add(Counter::Accepted, 1);
        status.reach(Phase::Accepted);
        Some(accepted)
    }

    fn sleep(&self, others: &[PollFd<'_>], limit: Option<Duration>) -> Result<(), Errno> {
        backlog::wait_at_door(|door| super::sleep_on(door, PollFlags::IN, others, limit))
    }
}
