//! Models of the accept gate: two or three threads, one or two connections.

#![cfg(loom)]

mod kernel;

use kernel::{Event, Kernel, explore};
use loom::sync::Arc;
use loom::thread;
use sockfuzz_handover::AcceptGate;

/// Preemptions in one interleaving.
const PREEMPTIONS: usize = 3;

fn gate() -> Arc<AcceptGate<Event>> {
    Arc::new(AcceptGate::new(Kernel::new().event()))
}

/// accept(2) of a thread that has nothing else to do.
fn accept(gate: &AcceptGate<Event>) {
    while !gate.try_claim() {
        gate.wait(Event::poll);
    }
}

fn offer(gate: &AcceptGate<Event>) {
    gate.add_pending();
    gate.wake_waiters();
}

/// Of two threads, exactly one claims a connection.
#[test]
fn one_connection_lets_one_accept_through() {
    explore(PREEMPTIONS, || {
        let gate = gate();
        gate.add_pending();
        let other = thread::spawn({
            let gate = gate.clone();
            move || gate.try_claim()
        });
        let claimed = gate.try_claim();
        assert_ne!(claimed, other.join().unwrap());
        assert!(gate.all_accepted());
    });
}

/// Two threads wait, two connections come: each thread gets one.
#[test]
fn each_connection_reaches_a_waiting_thread() {
    explore(PREEMPTIONS, || {
        let gate = gate();
        let threads = [(); 2].map(|()| {
            let gate = gate.clone();
            thread::spawn(move || accept(&gate))
        });
        offer(&gate);
        offer(&gate);
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        assert!(gate.all_accepted());
    });
}

/// The driver accepts its own connections before it wakes other threads. A remaining one reaches the waiting thread.
#[test]
fn connections_that_the_driver_accepts_leave_no_stale_count() {
    explore(PREEMPTIONS, || {
        let gate = gate();
        let waiter = thread::spawn({
            let gate = gate.clone();
            move || accept(&gate)
        });
        gate.add_pending();
        let own = gate.try_claim();
        gate.wake_waiters();
        if own {
            offer(&gate);
        }
        waiter.join().unwrap();
        assert!(gate.all_accepted());
    });
}

/// A thread whose wait ends for another reason (a signal handler ran, its time is over) leaves without checking the
/// gate. A connection that arrives meanwhile reaches the other thread.
#[test]
fn a_thread_that_leaves_takes_no_wake_up_of_another() {
    explore(PREEMPTIONS, || {
        let gate = gate();
        let waiter = thread::spawn({
            let gate = gate.clone();
            move || accept(&gate)
        });
        let interrupted = thread::spawn({
            let gate = gate.clone();
            move || {
                gate.wait(|_| ());
            }
        });
        offer(&gate);
        waiter.join().unwrap();
        interrupted.join().unwrap();
    });
}

/// Signals for connections that were accepted meanwhile wake a thread no more than once each.
#[test]
fn stale_signals_keep_no_thread_awake() {
    explore(PREEMPTIONS, || {
        let gate = gate();
        let waiter = thread::spawn({
            let gate = gate.clone();
            move || {
                let mut waits = 0;
                while !gate.try_claim() {
                    waits += 1;
                    gate.wait(Event::poll);
                }
                waits
            }
        });
        gate.add_pending();
        // Either this thread accepts it, or the other one does.
        let own = gate.try_claim();
        gate.wake_waiters();
        if own {
            offer(&gate);
        }
        assert!(waiter.join().unwrap() <= 3);
    });
}

/// No thread waits at a shut gate: those that wait are woken.
#[test]
fn a_shut_gate_wakes_every_thread() {
    explore(PREEMPTIONS, || {
        let gate = gate();
        let threads = [(); 2].map(|()| {
            let gate = gate.clone();
            thread::spawn(move || {
                while !gate.is_shut() {
                    gate.wait(Event::poll);
                }
            })
        });
        gate.shut();
        threads.into_iter().for_each(|thread| thread.join().unwrap());
    });
}

/// A thread that waits, or is about to wait, when the gate is shut and reopened gets the next connection, and does not
/// busy-loop until then.
#[test]
fn a_reopened_gate_lets_a_connection_through() {
    explore(PREEMPTIONS, || {
        let gate = gate();
        let waiter = thread::spawn({
            let gate = gate.clone();
            move || {
                let mut waits = 0;
                while !gate.try_claim() {
                    if gate.is_shut() {
                        // accept(2) fails, and is called again.
                        thread::yield_now();
                    } else {
                        waits += 1;
                        gate.wait(Event::poll);
                    }
                }
                waits
            }
        });
        gate.shut();
        gate.reopen();
        offer(&gate);
        let waits = waiter.join().unwrap();
        assert!(waits <= 4, "{waits}");
        assert!(gate.all_accepted());
    });
}
