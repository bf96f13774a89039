//! Wait queue for virtual sockets. Each waiting thread has an event of its own, so that an arrival wakes only the
//! threads that wait for it.

use std::os::fd::{BorrowedFd, RawFd};

use sockfuzz_handover::{Place, WaitQueue};

use super::epoll::Source;
use super::epoll_instances::EpollId;
use super::is_active;
use super::state::with;
use crate::sys::event::Event;
use crate::sys::fd_table::Slot;
use crate::sys::fd_table::{self, FdKind};

/// Maximum number of threads that wait at a time; with more, the transport falls back.
const MAX_WAITERS: usize = 64;

static QUEUE: WaitQueue<Event, MAX_WAITERS> =
    WaitQueue::new([const { Place::new(Event::new()) }; MAX_WAITERS]);

/// Set of sources that a thread waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Interest(u32);

impl Interest {
    const LISTENER: Self = Self(1 << Slot::COUNT);
    const REGISTRATIONS: Self = Self(1 << (Slot::COUNT + 1));
    const ALL: Self = Self(u32::MAX);

    pub(super) fn is_empty(self) -> bool {
        self == Self(0)
    }

    /// Returns the sources that are registered with an epoll instance, and changes of its registrations.
    pub(crate) fn in_epoll(epoll: RawFd) -> Self {
        let add = |Self(all), source| Self(all | Self::of(source).0);
        let registered = EpollId::of(epoll).filter(|_| is_active()).map(|instance| {
            with(|state| state.registrations.sources(instance).fold(Self::REGISTRATIONS, add))
        });
        registered.unwrap_or(Self::REGISTRATIONS)
    }

    /// Returns the virtual sockets among these descriptors.
    pub(crate) fn in_any(fds: impl IntoIterator<Item = RawFd>) -> Self {
        let bits = |fd| match fd_table::kind(fd) {
            FdKind::Virtual(slot) => Self::of(Source::Connection(slot)).0,
            FdKind::Listener => Self::LISTENER.0,
            _ => 0,
        };
        Self(if is_active() { fds.into_iter().fold(0, |all, fd| all | bits(fd)) } else { 0 })
    }

    fn of(source: Source) -> Self {
        match source {
            Source::Listener => Self::LISTENER,
            Source::Connection(slot) => Self(1 << slot.index()),
        }
    }
}

/// Waiting thread.
#[derive(Clone, Copy)]
pub(super) struct Waiter(&'static Place<Event>);

impl Waiter {
    pub(super) fn claim(interest: Interest) -> Option<Self> {
        QUEUE.claim(interest.0).map(Self)
    }

    /// Returns the descriptor that becomes readable with an arrival.
    pub(super) fn descriptor(self) -> BorrowedFd<'static> {
        self.0.event().descriptor()
    }

    /// Leaves the queue. `slept`: the thread has waited for the descriptor.
    pub(super) fn release(self, slept: bool) {
        QUEUE.release(self.0, slept);
    }
}

/// Wakes the threads that wait for this source.
pub(super) fn wake(source: Source) {
    wake_any(Interest::of(source));
}

/// Wakes the threads that wait for an epoll instance, because a registration has changed.
pub(super) fn wake_registrations() {
    wake_any(Interest::REGISTRATIONS);
}

/// Wakes all waiting threads, because no socket is virtual any more.
pub(super) fn wake_all() {
    wake_any(Interest::ALL);
}

fn wake_any(arrived: Interest) {
    QUEUE.wake(arrived.0);
}

/// Resets the queue in a forked child, where no other thread waits and the parent's events are not its own.
pub(super) fn reset_after_fork() {
    QUEUE.reset_after_fork();
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use rustix::event::{PollFd, PollFlags, Timespec, poll};

    use super::*;

    fn is_woken(waiter: Waiter) -> bool {
        let at_once = Timespec::try_from(Duration::ZERO).expect("short");
        let event = waiter.descriptor();
        poll(&mut [PollFd::from_borrowed_fd(event, PollFlags::IN)], Some(&at_once)).expect("polls") == 1
    }

    #[test]
    fn an_arrival_wakes_its_waiters_and_no_later_ones() {
        let connection = Source::Connection(Slot::new(3));
        let [one, other] = [connection, Source::Listener]
            .map(|source| Waiter::claim(Interest::of(source)).expect("there is room"));
        wake(connection);
        assert_eq!([one, other].map(is_woken), [true, false]);
        wake_all();
        assert_eq!([one, other].map(is_woken), [true, true]);
        [one, other].into_iter().for_each(|waiter| waiter.release(false));
        assert_eq!([one, other].map(is_woken), [false, false]);
        wake(connection);
        assert!(!is_woken(one), "nobody waits");
    }
}
