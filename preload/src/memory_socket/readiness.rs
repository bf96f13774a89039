//! Readiness of the listener and of virtual connections, for poll(2), select(2) and epoll(7).

use std::os::fd::RawFd;

use libc::{c_int, epoll_event};
use rustix::io::Errno;

use super::epoll::{RegistrationTable, Source};
use super::epoll_instances::{self, EpollId};
use super::fallback::fall_back;
use super::state::{State, with};
use super::{is_active, placeholder, wait_queue};
use crate::net::accept_gate;
use crate::sys::epoll_fds;
use crate::sys::fd_table::{self, FdKind};
use crate::sys::signal_guard::SignalGuard;
use crate::sys::user_memory::Unaligned;

const EXCLUSIVE: u32 = libc::EPOLLEXCLUSIVE as u32;
/// Events that may be combined with EPOLLEXCLUSIVE (linux/fs/eventpoll.c: EPOLLEXCLUSIVE_OK_BITS).
const EXCLUSIVE_EVENTS: u32 = EXCLUSIVE
    | (libc::EPOLLIN | libc::EPOLLOUT | libc::EPOLLERR | libc::EPOLLHUP | libc::EPOLLWAKEUP | libc::EPOLLET)
        as u32;

/// Returns all events of poll(2) that are present on `fd`; `None` for a real descriptor.
pub(crate) fn readiness(fd: RawFd) -> Option<u32> {
    if !is_active() {
        return None;
    }
    match fd_table::kind(fd) {
        FdKind::Virtual(slot) => Some(with(|state| state.stream(slot).readiness())),
        FdKind::Listener => Some(listener_readiness()),
        _ => None,
    }
}

/// Whether any of these events of poll(2) is present on a virtual descriptor.
pub(crate) fn is_ready(fd: RawFd, events: u32) -> bool {
    readiness(fd).is_some_and(|ready| ready & events != 0)
}

fn listener_readiness() -> u32 {
    if accept_gate::all_accepted() { 0 } else { (libc::EPOLLIN | libc::EPOLLRDNORM) as u32 }
}

/// Performs epoll_ctl(2) on a virtual descriptor. Returns `None` if `fd` is not virtual, or if the
/// kernel has to perform the call.
pub(crate) fn epoll_ctl(
    epoll: RawFd,
    operation: c_int,
    fd: RawFd,
    event: Option<epoll_event>,
) -> Option<Result<(), Errno>> {
    if !is_active() {
        return None;
    }
    let source = match fd_table::kind(fd) {
        FdKind::Virtual(slot) => Source::Connection(slot),
        FdKind::Listener => Source::Listener,
        _ => {
            if operation == libc::EPOLL_CTL_ADD && placeholder::is_epoll(fd) == Ok(()) {
                fall_back("it registers one epoll instance with another");
            }
            return None;
        }
    };
    let instance = match instance(epoll) {
        Ok(Some(instance)) => instance,
        Ok(None) => return None,
        Err(error) => return Some(Err(error)),
    };
    if operation == libc::EPOLL_CTL_ADD
        && event.is_some_and(|event| event.events & EXCLUSIVE != 0 && event.events & !EXCLUSIVE_EVENTS != 0)
    {
        return Some(Err(Errno::INVAL));
    }
    match with(|state| state.registrations.control(instance, operation, fd, source, event)) {
        Err(Errno::NOSPC) => {
            fall_back("it registers too many descriptors with epoll");
            None
        }
        result => {
            // Another thread may wait for this instance.
            wait_queue::wake_registrations();
            Some(result)
        }
    }
}

/// Returns the id of an epoll instance, which gets one if it has none. `None` if virtual sockets cannot be
/// registered with it.
fn instance(epoll: RawFd) -> Result<Option<EpollId>, Errno> {
    if let known @ Some(_) = EpollId::of(epoll) {
        return Ok(known);
    }
    placeholder::is_epoll(epoll)?;
    // Otherwise, a signal handler could make or close a descriptor of the instance.
    let _signals = SignalGuard::enter();
    let Some(numbers) = epoll_fds::fds_of(epoll) else {
        fall_back("its epoll instances are nested");
        return Ok(None);
    };
    // Another thread may have adopted it first.
    let adopted = with(|_| EpollId::of(epoll).or_else(|| EpollId::adopt(&numbers)));
    if adopted.is_none() {
        fall_back("it has too many epoll instances");
    }
    Ok(adopted)
}

/// Whether any virtual socket is registered with this epoll instance.
pub(crate) fn epoll_has_registrations(epoll: RawFd) -> bool {
    is_active()
        && EpollId::of(epoll).is_some_and(|instance| with(|state| state.registrations.knows(instance)))
}

/// Maximum number of events that [`collect_events`] can find.
pub(crate) const MAX_COLLECTED: usize = super::epoll::MAX_REGISTRATIONS;

/// Writes the events of virtual sockets that are ready, and returns their number.
pub(crate) fn collect_events(epoll: RawFd, events: &mut [Unaligned<epoll_event>]) -> usize {
    let Some(instance) = EpollId::of(epoll) else { return 0 };
    with_readiness(|table, readiness| table.collect(instance, events, readiness))
}

/// Whether [`collect_events`] would write any.
pub(crate) fn epoll_is_ready(epoll: RawFd) -> bool {
    let Some(instance) = EpollId::of(epoll) else { return false };
    with_readiness(|table, readiness| table.is_ready(instance, readiness))
}

fn with_readiness<R>(action: impl FnOnce(&mut RegistrationTable, &dyn Fn(Source) -> u32) -> R) -> R {
    let listener = listener_readiness();
    with(|State { streams, registrations, .. }| {
        action(registrations, &|source| match source {
            Source::Listener => listener,
            Source::Connection(slot) => streams[slot.index()].readiness(),
        })
    })
}

/// Whether to ask the kernel, too, after `ready` events were found here.
pub(crate) fn epoll_polls_kernel(epoll: RawFd, ready: usize) -> bool {
    EpollId::of(epoll).is_none_or(|instance| with(|state| state.registrations.polls_kernel(instance, ready)))
}

/// Records that the kernel has a registration with this instance from now on.
pub(crate) fn record_kernel_registration(epoll: RawFd) {
    epoll_instances::record_kernel_use(epoll);
}

/// Records that `copy` is a duplicate of `fd`, which may be an epoll instance.
pub(crate) fn duplicate_epoll(fd: RawFd, copy: RawFd) {
    forget_epoll(copy, copy);
    epoll_instances::duplicate(fd, copy);
}

/// Falls back if `fd`, for which the server waits in a call other than epoll's, has virtual registrations.
pub(crate) fn reject_polled_epoll(fd: RawFd) {
    if epoll_has_registrations(fd) {
        fall_back("it waits for an epoll instance in another call");
    }
}

/// Removes the epoll instances whose descriptors, from `first` to `last`, are closed or replaced.
pub(crate) fn forget_epoll(first: RawFd, last: RawFd) {
    epoll_instances::forget(first, last, |instance| with(|state| state.registrations.remove_epoll(instance)));
}
