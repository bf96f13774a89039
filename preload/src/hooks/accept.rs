//! accept(2): the accept gate lets exactly one accepting thread through for every connection.

use std::os::fd::RawFd;
use std::ptr;
use std::time::Duration;

use libc::{c_int, sockaddr, socklen_t};
use rustix::event::{PollFd, PollFlags};
use rustix::io::Errno;
use sockfuzz_protocol::{Counter, Phase};

use super::{arguments, descriptor, socket_options};
use crate::blocking::{self, BlockingCall, WaitOutcome};
use crate::memory_socket;
use crate::net::address::{self, Address};
use crate::net::{accept_gate, listener, transport};
use crate::process::helper;
use crate::recording;
use crate::sys::fd_table::{self, FdKind};
use crate::sys::{config, errno, fd, real, report};

pub(crate) unsafe fn accept(fd: c_int, address: *mut sockaddr, len: *mut socklen_t) -> c_int {
    if !listener::is_fuzzed(fd) {
        helper::record_accept(false);
        // SAFETY: the caller upholds the contract of accept(2); the arguments are unchanged.
        return recording::accepted(unsafe { real::accept(fd, address, len) });
    }
    // SAFETY: the caller upholds the contract of accept(2), which is that of accept4(2) without flags.
    unsafe { accept4(fd, address, len, 0) }
}

pub(crate) unsafe fn accept4(fd: c_int, address: *mut sockaddr, len: *mut socklen_t, flags: c_int) -> c_int {
    if !listener::is_fuzzed(fd) {
        helper::record_accept(false);
        // SAFETY: the caller upholds the contract of accept4(2); the arguments are unchanged.
        return recording::accepted(unsafe { real::accept4(fd, address, len, flags) });
    }
    if flags & !(libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC) != 0 {
        return errno::fail(Errno::INVAL);
    }
    helper::record_accept(true);
    blocking::mark_accepting();
    let mut call = Accept { fd, flags };
    let accepted = match blocking::attempt(&mut call) {
        Some(accepted) => accepted,
        None if is_nonblocking(fd) => return errno::fail(Errno::AGAIN),
        // Waits here even if another process drives: a wait in the kernel would take that process's connections.
        None => match blocking::wait(&mut call, socket_options::accept_limit(fd)) {
            WaitOutcome::Done(accepted) => accepted,
            WaitOutcome::TimedOut => return errno::fail(Errno::AGAIN),
            WaitOutcome::Interrupted => return errno::fail(Errno::INTR),
        },
    };
    if accepted >= 0 {
        socket_options::accepted(accepted);
    }
    if accepted >= 0
        && !address.is_null()
        && let Some(client) = listener::client_address()
        // SAFETY: `address` and `len` are the server's: no Rust reference points there.
        && let Err(error) = unsafe { arguments::write_address(&client, address, len) }
    {
        // Like the kernel, closes the connection that was accepted.
        // SAFETY: the descriptor is new, and nothing else uses it yet.
        unsafe { descriptor::close(accepted) };
        return errno::fail(error);
    }
    accepted
}

fn is_nonblocking(listener: RawFd) -> bool {
    if memory_socket::is_active() {
        memory_socket::listener_is_nonblocking(listener)
    } else {
        memory_socket::fd_is_nonblocking(listener)
    }
}

/// Accepts a connection, and sends the greeting to a client that will reset it. Over a UNIX-domain socket, such a
/// client needs a byte to leave unread.
fn accept_and_greet(listener: RawFd, flags: c_int) -> RawFd {
    // SAFETY: all zeroes are a valid `sockaddr_storage`, which has room for any address; `len` is its size.
    let (accepted, client) = unsafe {
        let mut client: libc::sockaddr_storage = std::mem::zeroed();
        let mut len = size_of_val(&client) as socklen_t;
        let accepted = real::accept4(listener, (&raw mut client).cast(), &mut len, flags);
        (accepted, address::read((&raw const client).cast(), len))
    };
    if accepted >= 0
        && let Some(Address::Unix(client)) = client
        && transport::is_marked_for_reset(&client)
    {
        transport::send_greeting(fd::borrow(accepted));
    }
    accepted
}

struct Accept {
    fd: RawFd,
    flags: c_int,
}

impl BlockingCall for Accept {
    type Output = c_int;

    fn attempt(&mut self) -> Option<c_int> {
        if accept_gate::is_shut() {
            return Some(errno::fail(Errno::INVAL));
        }
        if !accept_gate::try_claim() {
            return None;
        }
        let accepted = if memory_socket::is_active() {
            memory_socket::accept(self.flags).unwrap_or_else(|error| Some(errno::fail(error)))?
        } else {
            let accepted = if config::inputs_are_sessions() {
                accept_and_greet(self.fd, self.flags)
            } else {
                // SAFETY: accept4(2) takes null pointers if no address is wanted. (It does not wait: a connection is
                // pending.)
                unsafe { real::accept4(self.fd, ptr::null_mut(), ptr::null_mut(), self.flags) }
            };
            if accepted >= 0 {
                fd_table::set(accepted, FdKind::Connection);
            }
            accepted
        };
        if accepted < 0 {
            // The call failed, for lack of descriptors for example: the connection is still pending.
            accept_gate::add_pending();
            accept_gate::wake_waiters();
            return Some(accepted);
        }
        let status = report::status();
        status.add(Counter::Accepted, 1);
        status.reach(Phase::Accepted);
        Some(accepted)
    }

    fn sleep(&self, others: &[PollFd<'_>], limit: Option<Duration>) -> Result<(), Errno> {
        accept_gate::wait(|door| super::sleep_on(door, PollFlags::IN, others, limit))
    }
}
