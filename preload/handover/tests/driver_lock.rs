//! Models of the driver lock and its notifier: two or three threads, each with one blocking call.

#![cfg(loom)]

mod kernel;

use kernel::{Event, Kernel, explore};
use loom::sync::Arc;
use loom::thread;
use sockfuzz_handover::{DriverLock, Notifier, Signal};

/// Preemptions in one interleaving.
const PREEMPTIONS: usize = 3;

struct Server {
    lock: DriverLock,
    notifier: Notifier<Event>,
    kernel: Kernel,
    /// Events, one for each call: readable when the call would succeed.
    calls: Vec<Event>,
}

impl Server {
    fn new(calls: usize) -> Arc<Self> {
        let kernel = Kernel::new();
        let calls: Vec<_> = (0..calls).map(|_| kernel.event()).collect();
        calls.iter().for_each(Signal::prepare);
        Arc::new(Self { lock: DriverLock::new(), notifier: Notifier::new(kernel.event()), kernel, calls })
    }

    /// Waits once, in a thread that does not drive, until its call is ready or it is notified.
    fn wait_for_lock(&self, own: usize) -> bool {
        let mut call = &self.calls[own];
        let sleep = |call: &&Event, notification: &Event| self.kernel.poll(&[notification, call]);
        let attempt = |call: &mut &Event, ()| call.is_readable().then_some(());
        self.notifier.wait(&mut call, || self.lock.is_free(), sleep, attempt).is_some()
    }

    /// Makes a blocking call. If this thread drives, it makes the call with number `makes_ready` ready. Returns whether
    /// it drove.
    fn call(&self, own: usize, makes_ready: usize) -> bool {
        loop {
            if self.lock.try_acquire(&self.notifier) {
                // The client makes progress: both calls would succeed.
                self.calls[makes_ready].signal();
                self.calls[own].signal();
                self.lock.release(&self.notifier);
                return true;
            }
            if self.wait_for_lock(own) {
                return false;
            }
        }
    }
}

fn spawn<T: 'static>(
    server: &Arc<Server>,
    body: impl FnOnce(&Server) -> T + 'static,
) -> thread::JoinHandle<T> {
    let server = server.clone();
    thread::spawn(move || body(&server))
}

/// Three threads, none of which is ready before it has driven: each gets the lock.
#[test]
fn the_lock_is_handed_on_to_every_thread() {
    explore(PREEMPTIONS, || {
        let server = Server::new(3);
        let others = [1, 2].map(|own| spawn(&server, move |server| server.call(own, own)));
        assert!(server.call(0, 0));
        others.into_iter().for_each(|other| assert!(other.join().unwrap()));
        assert!(server.lock.is_free());
    });
}

/// The driver makes a waiting call ready and frees the lock. The thread that returns from that call passes the
/// notification on to the one that waits for the lock.
#[test]
fn a_thread_that_returns_passes_the_notification_on() {
    explore(PREEMPTIONS, || {
        let server = Server::new(3);
        let ready = spawn(&server, |server| server.call(1, 1));
        let waits = spawn(&server, |server| server.call(2, 2));
        server.call(0, 1);
        ready.join().unwrap();
        assert!(waits.join().unwrap());
    });
}

/// A thread that is interrupted in its wait leaves; the other one still gets the lock.
#[test]
fn an_interrupted_thread_passes_the_notification_on() {
    explore(PREEMPTIONS, || {
        let server = Server::new(2);
        let interrupted = spawn(&server, |server| {
            server.notifier.wait(&mut (), || server.lock.is_free(), |(), _| (), |(), ()| Some(()));
        });
        let waits = spawn(&server, |server| server.call(1, 1));
        server.call(0, 0);
        interrupted.join().unwrap();
        assert!(waits.join().unwrap());
    });
}

/// The lock is held, and notifications arrive late. Each of them ends at most one sleep of the waiting thread, which
/// then stays asleep.
#[test]
fn late_notifications_keep_no_thread_awake() {
    explore(PREEMPTIONS, || {
        let server = Server::new(1);
        assert!(server.lock.try_acquire(&server.notifier));
        let waiter = spawn(&server, |server| {
            let mut sleeps = 1;
            while !server.wait_for_lock(0) {
                sleeps += 1;
            }
            sleeps
        });
        let late = spawn(&server, |server| server.notifier.notify());
        server.notifier.notify();
        late.join().unwrap();
        server.calls[0].signal();
        assert!(waiter.join().unwrap() <= 3);
    });
}

/// A late notification may wake each of two waiting threads once.
#[test]
fn a_late_notification_wakes_two_threads_once_each() {
    explore(PREEMPTIONS, || {
        let server = Server::new(2);
        assert!(server.lock.try_acquire(&server.notifier));
        let waiters = [0, 1].map(|own| {
            spawn(&server, move |server| {
                let mut sleeps = 1;
                while !server.wait_for_lock(own) {
                    sleeps += 1;
                }
                sleeps
            })
        });
        server.notifier.notify();
        server.calls.iter().for_each(Signal::signal);
        let sleeps: usize = waiters.map(|waiter| waiter.join().unwrap()).into_iter().sum();
        assert!(sleeps <= 4);
    });
}
