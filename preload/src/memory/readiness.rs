//! What is ready of the listener and of the connections, for poll(2), select(2) and epoll(7).

use std::os::fd::RawFd;

use libc::{c_int, epoll_event};
use rustix::io::Errno;

use super::epoll::Source;
use super::{State, instances, is_on, leave, placeholder, with};
use crate::descriptors::{self, Kind};
use crate::{afl, backlog};

/// What poll(2) would say of `fd` if it were asked for everything; `None` for a real descriptor.
pub(crate) fn readiness(fd: RawFd) -> Option<u32> {
    if !is_on() {
        return None;
    }
    match descriptors::kind(fd) {
        Kind::Virtual(slot) => Some(with(|state| state.channel(slot).readiness())),
        Kind::Listener => Some(listener_readiness()),
        _ => None,
    }
}

fn listener_readiness() -> u32 {
    if backlog::all_accepted() { 0 } else { (libc::EPOLLIN | libc::EPOLLRDNORM) as u32 }
}

/// epoll_ctl(2) on a virtual descriptor; `None` when `fd` is none, or the kernel has to do it after
/// all.
pub(crate) fn epoll_ctl(
    epoll: RawFd,
    operation: c_int,
    fd: RawFd,
    event: Option<epoll_event>,
) -> Option<Result<(), Errno>> {
    if !is_on() {
        return None;
    }
    let source = match descriptors::kind(fd) {
        Kind::Virtual(slot) => Source::Connection(slot),
        Kind::Listener => Source::Listener,
        _ => {
            if operation == libc::EPOLL_CTL_ADD && placeholder::is_epoll(fd) == Ok(()) {
                leave("it registers one epoll instance with another");
            }
            return None;
        }
    };
    if !instances::is(instances::PLAIN, epoll) {
        if let Err(error) = placeholder::is_epoll(epoll) {
            return Some(Err(error));
        }
        if afl::is_entangled(epoll) {
            leave("its epoll instances are nested, or have several descriptors");
            return None;
        }
        instances::mark(instances::PLAIN, epoll);
    }
    match with(|state| state.table.control(epoll, operation, fd, source, event)) {
        Err(Errno::NOSPC) => {
            leave("it registers too many descriptors with epoll");
            None
        }
        result => Some(result),
    }
}

/// Whether anything virtual is registered with this epoll instance.
pub(crate) fn concerns_epoll(epoll: RawFd) -> bool {
    is_on() && with(|state| state.table.knows(epoll))
}

/// Writes the events that are ready here: how many.
pub(crate) fn epoll_collect(epoll: RawFd, events: &mut [epoll_event]) -> usize {
    let listener = listener_readiness();
    with(|State { channels, table, .. }| {
        table.collect(epoll, events, |source| match source {
            Source::Listener => listener,
            Source::Connection(slot) => channels[slot.index()].readiness(),
        })
    })
}

/// Whether the kernel is to be asked too, when `ready` events were found here.
pub(crate) fn epoll_asks_kernel(epoll: RawFd, ready: usize) -> bool {
    with(|state| state.table.asks_kernel(epoll, ready))
}

/// The kernel has something registered with this instance from now on.
pub(crate) fn note_real_registration(epoll: RawFd) {
    instances::mark(instances::REAL, epoll);
}

/// `copy` stands for what `fd` is; that may be an epoll instance.
pub(crate) fn duplicate_epoll(fd: RawFd, copy: RawFd) {
    if concerns_epoll(fd) {
        leave("it duplicates the descriptor of an epoll instance");
    }
    let is_real = fd >= 0 && instances::is(instances::REAL, fd);
    forget_epoll(copy, copy);
    if is_real {
        note_real_registration(copy);
    }
}

/// The server waits for `fd` in a call that is not epoll's.
pub(crate) fn note_polled(fd: RawFd) {
    if concerns_epoll(fd) {
        leave("it waits for an epoll instance in another call");
    }
}

/// Numbers are closed, or given to something else; they may have been epoll instances.
pub(crate) fn forget_epoll(first: RawFd, last: RawFd) {
    instances::forget(first, last);
    if is_on() {
        with(|state| state.table.remove_epoll(first, last));
    }
}
