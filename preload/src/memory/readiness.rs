//! What is ready of the listener and of the connections, for poll(2), select(2) and epoll(7).

use std::os::fd::RawFd;

use libc::{c_int, epoll_event};
use rustix::io::Errno;

use super::epoll::{Source, Table};
use super::instances::Id;
use super::{State, instances, is_on, leave, placeholder, waiters, with};
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

/// Whether any of these events of poll(2) holds of a virtual descriptor.
pub(crate) fn is_ready(fd: RawFd, events: u32) -> bool {
    readiness(fd).is_some_and(|ready| ready & events != 0)
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
    let instance = match instance(epoll) {
        Ok(Some(instance)) => instance,
        Ok(None) => return None,
        Err(error) => return Some(Err(error)),
    };
    match with(|state| state.table.control(instance, operation, fd, source, event)) {
        Err(Errno::NOSPC) => {
            leave("it registers too many descriptors with epoll");
            None
        }
        result => {
            // Another thread may wait at this instance.
            waiters::wake_epoll();
            Some(result)
        }
    }
}

/// The epoll instance, which is known from now on; `None` if nothing virtual can be registered with it.
fn instance(epoll: RawFd) -> Result<Option<Id>, Errno> {
    if let known @ Some(_) = Id::of(epoll) {
        return Ok(known);
    }
    placeholder::is_epoll(epoll)?;
    let Some(numbers) = afl::epoll_numbers(epoll) else {
        leave("its epoll instances are nested");
        return Ok(None);
    };
    // Another thread may have been first.
    let adopted = with(|_| Id::of(epoll).or_else(|| Id::adopt(&numbers)));
    if adopted.is_none() {
        leave("it has too many epoll instances");
    }
    Ok(adopted)
}

/// Whether anything virtual is registered with this epoll instance.
pub(crate) fn concerns_epoll(epoll: RawFd) -> bool {
    is_on() && Id::of(epoll).is_some_and(|instance| with(|state| state.table.knows(instance)))
}

/// Writes the events that are ready here: how many.
pub(crate) fn epoll_collect(epoll: RawFd, events: &mut [epoll_event]) -> usize {
    let Some(instance) = Id::of(epoll) else { return 0 };
    with_readiness(|table, readiness| table.collect(instance, events, readiness))
}

/// Whether there would be any to write.
pub(crate) fn epoll_has_news(epoll: RawFd) -> bool {
    let Some(instance) = Id::of(epoll) else { return false };
    with_readiness(|table, readiness| table.has_news(instance, readiness))
}

fn with_readiness<R>(action: impl FnOnce(&mut Table, &dyn Fn(Source) -> u32) -> R) -> R {
    let listener = listener_readiness();
    with(|State { channels, table, .. }| {
        action(table, &|source| match source {
            Source::Listener => listener,
            Source::Connection(slot) => channels[slot.index()].readiness(),
        })
    })
}

/// Whether the kernel is to be asked too, when `ready` events were found here.
pub(crate) fn epoll_asks_kernel(epoll: RawFd, ready: usize) -> bool {
    Id::of(epoll).is_none_or(|instance| with(|state| state.table.asks_kernel(instance, ready)))
}

/// The kernel has something registered with this instance from now on.
pub(crate) fn note_real_registration(epoll: RawFd) {
    instances::note_real(epoll);
}

/// `copy` stands for what `fd` is; that may be an epoll instance.
pub(crate) fn duplicate_epoll(fd: RawFd, copy: RawFd) {
    forget_epoll(copy, copy);
    instances::duplicate(fd, copy);
}

/// The server waits for `fd` in a call that is not epoll's.
pub(crate) fn note_polled(fd: RawFd) {
    if concerns_epoll(fd) {
        leave("it waits for an epoll instance in another call");
    }
}

/// Numbers are closed, or given to something else; they may have been epoll instances.
pub(crate) fn forget_epoll(first: RawFd, last: RawFd) {
    instances::forget(first, last, |instance| with(|state| state.table.remove_epoll(instance)));
}
