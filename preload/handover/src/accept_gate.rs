//! Accept gate: each pending connection lets one of the accepting threads through.

use crate::signal::Signal;
use crate::sync::{AtomicBool, AtomicU32, SeqCst, constructor, take_one};

/// Pending connections, and the event at which threads wait for one. The event is readable while the gate is shut, and,
/// after [`AcceptGate::wake_waiters`], while a connection is pending. It does not show the number of connections: after
/// a thread has taken its signal, it checks whether the signal is still needed.
#[derive(Debug)]
pub struct AcceptGate<S> {
    /// Number of connections that are made and not accepted.
    pending: AtomicU32,
    /// Whether waiting threads may still have to be woken for a pending connection.
    unnotified: AtomicBool,
    /// Whether the event may be signalled; saves a system call if it is not.
    signalled: AtomicBool,
    /// Number of threads that wait at the event.
    waiters: AtomicU32,
    /// Whether the gate is shut, so that no thread may wait.
    shut: AtomicBool,
    event: S,
}

impl<S: Signal> AcceptGate<S> {
    constructor! {
        /// Returns a gate without pending connections.
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
        // The event must exist before it may have to be signalled.
        self.event.prepare();
        self.waiters.fetch_add(1, SeqCst);
        // `wake_waiters` and `shut` access connections and waiters in the opposite order.
        let slept = self.is_quiet().then(|| sleep(&self.event));
        self.waiters.fetch_sub(1, SeqCst);
        if slept.is_some() && self.is_quiet() {
            // A remaining signal, recorded or not, was for a connection that was accepted meanwhile.
            self.clear();
        }
        slept
    }

    fn signal(&self) {
        // In this order: if the last claim came between the two, it would leave a signal that is not recorded.
        self.event.signal();
        self.signalled.store(true, SeqCst);
    }

    /// Takes the signal. Signals again if a connection has arrived meanwhile: the signal may have been for that one.
    fn clear(&self) {
        self.signalled.store(false, SeqCst);
        self.event.take();
        if !self.is_quiet() {
            self.signal();
        }
    }

    /// Shuts the gate until [`AcceptGate::reopen`]: no thread may wait, and waiting threads wake up.
    pub fn shut(&self) {
        self.shut.store(true, SeqCst);
        if self.waiters.load(SeqCst) > 0 {
            self.signal();
        }
    }

    /// Opens the gate after [`AcceptGate::shut`].
    pub fn reopen(&self) {
        if self.shut.swap(false, SeqCst) && self.is_quiet() {
            self.clear();
        }
    }

    /// Whether the gate is shut.
    pub fn is_shut(&self) -> bool {
        self.shut.load(SeqCst)
    }

    /// Whether no thread needs to be woken.
    fn is_quiet(&self) -> bool {
        self.all_accepted() && !self.is_shut()
    }

    /// Whether every connection that was made is accepted.
    pub fn all_accepted(&self) -> bool {
        self.pending() == 0
    }

    /// Returns the number of connections that are not accepted.
    pub fn pending(&self) -> u32 {
        self.pending.load(SeqCst)
    }

    /// Returns the event. A direct signal to it is not recorded.
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
