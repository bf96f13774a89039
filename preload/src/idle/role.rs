//! The driver's role: held by one thread at a time, and with it all that only the driver touches.

use std::cell::UnsafeCell;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

use super::doorbell;
use super::threads::Watch;
use crate::driver::Driver;

static HELD: AtomicBool = AtomicBool::new(false);
static STATE: Guarded = Guarded(UnsafeCell::new(State { driver: Driver::new(), watch: Watch::new() }));

/// What belongs to the role.
pub(super) struct State {
    pub(super) driver: Driver,
    pub(super) watch: Watch,
}

struct Guarded(UnsafeCell<State>);

// SAFETY: the content is reached only through a `Role`, of which there is one at a time.
unsafe impl Sync for Guarded {}

/// Proof that this thread is the driver.
pub(super) struct Role(());

impl Role {
    /// Takes the role if it is free. No lock, so that a fork never inherits one that is held by a
    /// thread which it does not have.
    pub(super) fn take() -> Option<Self> {
        HELD.compare_exchange(false, true, SeqCst, SeqCst).ok()?;
        doorbell::silence();
        Some(Self(()))
    }

    pub(super) fn is_free() -> bool {
        !HELD.load(SeqCst)
    }

    pub(super) fn state(&mut self) -> &mut State {
        // SAFETY: `HELD` makes this the only `Role`, and `self` is borrowed mutably.
        unsafe { &mut *STATE.0.get() }
    }
}

impl Drop for Role {
    fn drop(&mut self) {
        HELD.store(false, SeqCst);
        doorbell::ring();
    }
}

/// In a forked child the thread that held the role may not exist, nor those that it watched.
pub(super) fn forget() {
    // SAFETY: a forked child has one thread, and it is not in the middle of a step.
    let state = unsafe { &mut *STATE.0.get() };
    state.watch = Watch::new();
    state.driver.after_fork();
    HELD.store(false, SeqCst);
}
