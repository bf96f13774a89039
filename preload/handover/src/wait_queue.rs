//! Wait queue. Each waiting thread has a place with an event of its own, so that an arrival wakes only the threads
//! that wait for it.

use crate::signal::Signal;
use crate::sync::{AtomicBool, AtomicU32, SeqCst, constructor};

/// Place of a waiting thread.
#[derive(Debug)]
pub struct Place<S> {
    /// Set of bits for the sources that the thread waits for; 0 in a free place.
    interest: AtomicU32,
    event: S,
    /// Whether the event may have been signalled; saves a system call if it was not.
    woken: AtomicBool,
}

/// Wait queue with places for `N` threads.
#[derive(Debug)]
pub struct WaitQueue<S, const N: usize> {
    places: [Place<S>; N],
    /// Number of waiting threads, mostly 0.
    waiting: AtomicU32,
}

impl<S: Signal> Place<S> {
    constructor! {
        /// Returns a free place.
        pub fn new(event: S) -> Self {
            Self { interest: AtomicU32::new(0), event, woken: AtomicBool::new(false) }
        }
    }

    /// Returns the event that an arrival signals.
    pub fn event(&self) -> &S {
        &self.event
    }

    fn wake(&self) {
        // Stored before the signal, because the woken thread may preempt this one; and again after it, because
        // another thread may wait at this place by then, and would never clear the signal.
        self.woken.store(true, SeqCst);
        self.event.signal();
        self.woken.store(true, SeqCst);
    }
}

impl<S: Signal, const N: usize> WaitQueue<S, N> {
    constructor! {
        /// Returns a queue in which no thread waits.
        pub fn new(places: [Place<S>; N]) -> Self {
            Self { places, waiting: AtomicU32::new(0) }
        }
    }

    /// Claims a place for a thread; returns `None` if all are taken. Afterwards, the thread must check once more
    /// whether its source has an arrival.
    pub fn claim(&self, interest: u32) -> Option<&Place<S>> {
        let free = |place: &&Place<S>| place.interest.compare_exchange(0, interest, SeqCst, SeqCst).is_ok();
        let place = self.places.iter().find(free)?;
        // The event must exist before it may have to be signalled.
        place.event.prepare();
        self.waiting.fetch_add(1, SeqCst);
        Some(place)
    }

    /// Frees a claimed place. `slept` means that the thread has waited at the event. Then the event is cleared even if
    /// no wake-up is recorded: a late wake-up of the place's previous thread, which is not recorded yet, would keep
    /// this thread awake until it is.
    pub fn release(&self, place: &Place<S>, slept: bool) {
        self.waiting.fetch_sub(1, SeqCst);
        if place.woken.swap(false, SeqCst) || slept {
            place.event.take();
        }
        place.interest.store(0, SeqCst);
    }

    /// Wakes the threads that wait for any source in the set `arrived`.
    pub fn wake(&self, arrived: u32) {
        if self.waiting.load(SeqCst) > 0 {
            let waits = |place: &&Place<S>| place.interest.load(SeqCst) & arrived != 0;
            self.places.iter().filter(waits).for_each(Place::wake);
        }
    }

    /// Resets the queue in a forked child, where no other thread waits and the parent's events are not its own.
    pub fn reset_after_fork(&self) {
        for place in &self.places {
            place.event.forget();
            place.interest.store(0, SeqCst);
            place.woken.store(false, SeqCst);
        }
        self.waiting.store(0, SeqCst);
    }
}
