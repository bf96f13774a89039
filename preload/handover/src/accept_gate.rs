//! Accept gate: each pending connection lets one of the accepting threads through.

use crate::signal::Signal;
use crate::sync::{AtomicBool, AtomicU32, SeqCst, constructor, take_one};

/// Pending connections, and the event at which threads wait for one. The event is readable while any is pending, from
/// [`AcceptGate::wake_waiters`] on. It says nothing of how many: whoever takes its signal looks again whether it is
/// still needed.
#[derive(Debug)]
pub struct AcceptGate<S> {
    /// Connections that are made and not accepted.
    pending: AtomicU32,
    /// Whether waiting threads may still have to be woken for a pending connection.
    unnotified: AtomicBool,
    /// Whether the event may be signalled; spares a system call when it is not.
    signalled: AtomicBool,
    /// Threads that wait at the event.
    waiters: AtomicU32,
    event: S,
}

impl<S: Signal> AcceptGate<S> {
    constructor! {
        /// A gate without pending connections.
        pub fn new(event: S) -> Self {
            Self {
                pending: AtomicU32::new(0),
                unnotified: AtomicBool::new(false),
                signalled: AtomicBool::new(false),
                waiters: AtomicU32::new(0),
                event,
            }
        }
    }

    /// Counts a connection that is about to be made. [`AcceptGate::wake_waiters`] follows, unless the same thread
    /// accepts it at once.
    pub fn add_pending(&self) {
        self.pending.fetch_add(1, SeqCst);
        self.unnotified.store(true, SeqCst);
    }

    /// Wakes threads that wait, if a connection that is new since the last call is still pending.
    pub fn wake_waiters(&self) {
        if self.unnotified.load(SeqCst)
            && self.unnotified.swap(false, SeqCst)
            && !self.all_accepted()
            && self.waiters.load(SeqCst) > 0
        {
            self.signal();
        }
    }

    /// Claims one pending connection; of several threads exactly one succeeds.
    pub fn try_claim(&self) -> bool {
        let claimed = take_one(&self.pending);
        if claimed && self.all_accepted() && self.signalled.load(SeqCst) {
            self.clear();
        }
        claimed
    }

    /// Waits for a pending connection by `sleep`, unless there is one.
    pub fn wait<R>(&self, sleep: impl FnOnce(&S) -> R) -> Option<R> {
        // Made before it may have to be signalled.
        self.event.prepare();
        self.waiters.fetch_add(1, SeqCst);
        // Who offers looks at the two in the other order.
        let slept = self.all_accepted().then(|| sleep(&self.event));
        self.waiters.fetch_sub(1, SeqCst);
        if slept.is_some() && self.all_accepted() {
            // A signal that is left, recorded or not, was for a connection that was accepted meanwhile.
            self.clear();
        }
        slept
    }

    fn signal(&self) {
        // In this order: a signal that nobody knows of would be left behind by the last claim.
        self.event.signal();
        self.signalled.store(true, SeqCst);
    }

    /// Takes the signal, unless a connection has come before that was done: then it may be that connection's.
    fn clear(&self) {
        self.signalled.store(false, SeqCst);
        self.event.take();
        if !self.all_accepted() {
            self.signal();
        }
    }

    /// Whether every connection that was made is accepted.
    pub fn all_accepted(&self) -> bool {
        self.pending() == 0
    }

    /// Number of connections that are not accepted.
    pub fn pending(&self) -> u32 {
        self.pending.load(SeqCst)
    }

    /// The event. Who signals it directly leaves a signal that is not recorded.
    pub fn event(&self) -> &S {
        &self.event
    }

    /// Resets the gate in a forked child, where no other thread waits and the parent's event is not its own.
    pub fn reset_after_fork(&self) {
        self.event.forget();
        self.waiters.store(0, SeqCst);
        self.signalled.store(false, SeqCst);
    }
}
