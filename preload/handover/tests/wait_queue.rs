//! Models of the wait queue: two or three threads, one or two places, two sources.

#![cfg(loom)]

mod kernel;

use kernel::{Event, Kernel, explore};
use loom::sync::Arc;
use loom::sync::atomic::{AtomicBool, Ordering::SeqCst};
use loom::thread;
use sockfuzz_handover::{Place, WaitQueue};

/// Preemptions in one interleaving.
const PREEMPTIONS: usize = 3;

/// Two sources, and the queue of threads that wait for them.
struct Sources<const PLACES: usize> {
    queue: WaitQueue<Event, PLACES>,
    arrived: [AtomicBool; 2],
}

impl<const PLACES: usize> Sources<PLACES> {
    fn new() -> Arc<Self> {
        let kernel = Kernel::new();
        let places = [(); PLACES].map(|()| Place::new(kernel.event()));
        Arc::new(Self { queue: WaitQueue::new(places), arrived: [(); 2].map(|()| AtomicBool::new(false)) })
    }

    fn arrive(&self, source: usize) {
        self.arrived[source].swap(true, SeqCst);
        self.queue.wake(1 << source);
    }

    fn has_arrived(&self, source: usize) -> bool {
        self.arrived[source].fetch_or(false, SeqCst)
    }

    /// Waits for a source; returns how often the thread slept.
    fn wait(&self, source: usize) -> usize {
        let mut sleeps = 0;
        while !self.has_arrived(source) {
            let place = self.queue.claim(1 << source).expect("a free place");
            let sleep = !self.has_arrived(source);
            if sleep {
                place.event().poll();
                sleeps += 1;
            }
            self.queue.release(place, sleep);
        }
        sleeps
    }
}

/// An arrival wakes only the thread that waits for it, at any point of its wait.
#[test]
fn an_arrival_reaches_its_waiter_alone() {
    explore(PREEMPTIONS, || {
        let sources = Sources::<2>::new();
        let waiters = [0, 1].map(|source| {
            let sources = sources.clone();
            thread::spawn(move || sources.wait(source))
        });
        sources.arrive(0);
        let [first, second] = waiters;
        assert!(first.join().unwrap() <= 1);
        sources.arrive(1);
        assert!(second.join().unwrap() <= 2, "a place that was used before may hold one late wake-up");
    });
}

/// Two threads that wait for the same source are both woken.
#[test]
fn an_arrival_reaches_all_its_waiters() {
    explore(PREEMPTIONS, || {
        let sources = Sources::<2>::new();
        let waiters = [(); 2].map(|()| {
            let sources = sources.clone();
            thread::spawn(move || sources.wait(0))
        });
        sources.arrive(0);
        waiters.into_iter().for_each(|waiter| assert!(waiter.join().unwrap() <= 1));
    });
}

/// A late wake-up, whose thread has left and whose place is used by another wait, ends one sleep of that wait at most.
#[test]
fn a_late_wake_up_keeps_no_later_waiter_awake() {
    explore(PREEMPTIONS, || {
        let sources = Sources::<1>::new();
        let waker = thread::spawn({
            let sources = sources.clone();
            move || sources.arrive(0)
        });
        let waiter = thread::spawn({
            let sources = sources.clone();
            move || {
                sources.wait(0);
                sources.wait(1)
            }
        });
        waker.join().unwrap();
        sources.arrive(1);
        assert!(waiter.join().unwrap() <= 3);
    });
}

/// When every thread has left and no wake-up is on its way, a place holds at most one wake-up, which the next wait
/// takes.
#[test]
fn a_released_place_is_silent_from_the_second_wait_on() {
    explore(PREEMPTIONS, || {
        let sources = Sources::<1>::new();
        let waker = thread::spawn({
            let sources = sources.clone();
            move || sources.arrive(0)
        });
        sources.wait(0);
        waker.join().unwrap();
        let place = sources.queue.claim(2).expect("a free place");
        sources.queue.release(place, false);
        assert!(!place.event().is_readable());
        sources.queue.wake(3);
        assert!(!place.event().is_readable(), "nobody waits");
    });
}
