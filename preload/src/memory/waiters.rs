//! Threads that wait for what the kernel knows nothing of. Each has a descriptor of its own to wait on, so that
//! nobody is woken for somebody else's news.

use std::os::fd::{BorrowedFd, RawFd};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::SeqCst};

use rustix::io::Errno;

use super::epoll::Source;
use super::instances::Id;
use super::slot::Slot;
use super::{is_on, leave, with};
use crate::descriptors::{self, Kind};
use crate::event::Event;

/// So many may wait at a time; with more, the server leaves.
const ROOM: usize = 64;

static WAITERS: [Waiter; ROOM] = [const { Waiter::new() }; ROOM];
/// How many wait; mostly none.
static WAITING: AtomicU32 = AtomicU32::new(0);

/// What a thread waits for: a set of sources.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Interest(u32);

impl Interest {
    const LISTENER: Self = Self(1 << Slot::COUNT);
    const REGISTRATIONS: Self = Self(1 << (Slot::COUNT + 1));
    const ALL: Self = Self(u32::MAX);

    /// What is registered with an epoll instance, and what will be.
    pub(crate) fn in_epoll(epoll: RawFd) -> Self {
        let add = |Self(all), source| Self(all | Self::of(source).0);
        let registered = Id::of(epoll)
            .filter(|_| is_on())
            .map(|instance| with(|state| state.table.sources(instance).fold(Self::REGISTRATIONS, add)));
        registered.unwrap_or(Self::REGISTRATIONS)
    }

    /// All that is virtual of these descriptors.
    pub(crate) fn in_any(fds: impl IntoIterator<Item = RawFd>) -> Self {
        let bits = |fd| match descriptors::kind(fd) {
            Kind::Virtual(slot) => Self::of(Source::Connection(slot)).0,
            Kind::Listener => Self::LISTENER.0,
            _ => 0,
        };
        Self(if is_on() { fds.into_iter().fold(0, |all, fd| all | bits(fd)) } else { 0 })
    }

    fn of(source: Source) -> Self {
        match source {
            Source::Listener => Self::LISTENER,
            Source::Connection(slot) => Self(1 << slot.index()),
        }
    }
}

/// A place for a thread that waits.
struct Waiter {
    /// Nothing in a free place.
    interest: AtomicU32,
    event: Event,
    /// Whether the event may have been signalled; spares a system call when it was not.
    woken: AtomicBool,
}

impl Waiter {
    const fn new() -> Self {
        Self { interest: AtomicU32::new(0), event: Event::new(), woken: AtomicBool::new(false) }
    }

    fn claim(interest: Interest) -> Option<&'static Self> {
        let free = |waiter: &&Self| waiter.interest.compare_exchange(0, interest.0, SeqCst, SeqCst).is_ok();
        let place = WAITERS.iter().find(free)?;
        // Made before it may have to be signalled.
        let _ = place.event.descriptor();
        WAITING.fetch_add(1, SeqCst);
        Some(place)
    }

    fn release(&self) {
        WAITING.fetch_sub(1, SeqCst);
        if self.woken.swap(false, SeqCst) {
            self.event.take();
        }
        self.interest.store(0, SeqCst);
    }

    fn wake(&self) {
        // Before, because whoever wakes up may push this thread aside; and after, because it may be somebody else
        // who waits here by then, and would be awake for ever.
        self.woken.store(true, SeqCst);
        self.event.signal();
        self.woken.store(true, SeqCst);
    }
}

/// Waits by `sleep`, which is given a descriptor that news comes to; not at all when `ready` says that some has
/// come before.
///
/// # Errors
/// Those of `sleep`.
pub(crate) fn wait_for_news(
    interest: Interest,
    ready: impl FnOnce() -> bool,
    sleep: impl FnOnce(Option<BorrowedFd<'static>>) -> Result<(), Errno>,
) -> Result<(), Errno> {
    if !is_on() || interest == Interest(0) {
        return sleep(None);
    }
    let Some(waiter) = Waiter::claim(interest) else {
        leave("too many of its threads wait at a time");
        return sleep(None);
    };
    let slept = if ready() { Ok(()) } else { sleep(Some(waiter.event.descriptor())) };
    waiter.release();
    slept
}

/// Something has happened that whoever waits for this may want to know.
pub(super) fn wake(source: Source) {
    wake_any(Interest::of(source));
}

/// Something is registered with an epoll instance, or otherwise than before.
pub(super) fn wake_epoll() {
    wake_any(Interest::REGISTRATIONS);
}

/// Nothing is virtual any more.
pub(super) fn wake_all() {
    wake_any(Interest::ALL);
}

fn wake_any(news: Interest) {
    if WAITING.load(SeqCst) > 0 {
        WAITERS.iter().filter(|waiter| waiter.interest.load(SeqCst) & news.0 != 0).for_each(Waiter::wake);
    }
}

/// In a forked child no other thread waits, and its parent's events are not its own.
pub(super) fn forget() {
    for waiter in &WAITERS {
        waiter.event.forget();
        waiter.interest.store(0, SeqCst);
        waiter.woken.store(false, SeqCst);
    }
    WAITING.store(0, SeqCst);
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use rustix::event::{PollFd, PollFlags, Timespec, poll};

    use super::*;

    fn is_woken(waiter: &Waiter) -> bool {
        let at_once = Timespec::try_from(Duration::ZERO).expect("short");
        let event = waiter.event.descriptor();
        poll(&mut [PollFd::from_borrowed_fd(event, PollFlags::IN)], Some(&at_once)).expect("polls") == 1
    }

    #[test]
    fn news_reaches_those_that_wait_for_it_and_nobody_after_them() {
        let connection = Source::Connection(Slot::new(3));
        let [one, other] = [connection, Source::Listener]
            .map(|source| Waiter::claim(Interest::of(source)).expect("there is room"));
        wake(connection);
        assert_eq!([one, other].map(is_woken), [true, false]);
        wake_all();
        assert_eq!([one, other].map(is_woken), [true, true]);
        [one, other].into_iter().for_each(Waiter::release);
        assert_eq!([one, other].map(is_woken), [false, false]);
        wake(connection);
        assert!(!is_woken(one), "nobody waits");
    }
}
