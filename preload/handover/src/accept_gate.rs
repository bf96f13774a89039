//! Accept gate: each pending connection lets one of the accepting threads through.

use crate::signal::Signal;
use crate::sync::{AtomicBool, AtomicU32, SeqCst, constructor, take_one};

/// Pending connections, and the event at which threads wait for one. The event is readable while any is pending, from
/// [`AcceptGate::wake_waiters`] on, and while the gate is shut. It says nothing of how many: whoever takes its signal
/// looks again whether it is still needed.
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
    /// Whether nobody is to wait any more.
    shut: AtomicBool,
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
                shut: AtomicBool::new(false),
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
        if claimed && self.is_quiet() && self.signalled.load(SeqCst) {
            self.clear();
        }
        claimed
    }

    /// Waits for a pending connection by `sleep`, unless there is one, or the gate is shut.
    pub fn wait<R>(&self, sleep: impl FnOnce(&S) -> R) -> Option<R> {
        // Made before it may have to be signalled.
        self.event.prepare();
        self.waiters.fetch_add(1, SeqCst);
        // Who offers, or shuts, looks at the two in the other order.
        let slept = self.is_quiet().then(|| sleep(&self.event));
        self.waiters.fetch_sub(1, SeqCst);
        if slept.is_some() && self.is_quiet() {
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
        if !self.is_quiet() {
            self.signal();
        }
    }

    /// Lets nobody wait, from now on until [`AcceptGate::reopen`]: wakes the threads that do.
    pub fn shut(&self) {
        self.shut.store(true, SeqCst);
        if self.waiters.load(SeqCst) > 0 {
            self.signal();
        }
    }

    /// Ends what [`AcceptGate::shut`] has begun.
    pub fn reopen(&self) {
        if self.shut.swap(false, SeqCst) && self.is_quiet() {
            self.clear();
        }
    }

    /// Whether the gate is shut.
    pub fn is_shut(&self) -> bool {
        self.shut.load(SeqCst)
    }

    /// Whether there is nothing to wake a thread for.
    fn is_quiet(&self) -> bool {
        self.all_accepted() && !self.is_shut()
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
