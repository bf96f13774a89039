//! The driver guard: held by one thread at a time, and with it all that only the driver touches.

use std::cell::UnsafeCell;

use sockfuzz_handover::DriverLock;

use super::idle_client::{IdleClient, IdleStep};
use super::notifier::NOTIFIER;
use super::quiescence::Quiescence;

static LOCK: DriverLock = DriverLock::new();
static STATE: GuardedState =
    GuardedState(UnsafeCell::new(DriverState { client: None, quiescence: Quiescence::new() }));

/// State that the guard protects.
pub(super) struct DriverState {
    client: Option<&'static mut dyn IdleClient>,
    pub(super) quiescence: Quiescence,
}

impl DriverState {
    /// Lets the client take its next step.
    pub(super) fn step(&mut self) -> IdleStep {
        match &mut self.client {
            Some(client) => client.step(),
            None => IdleStep::WaitForTimer,
        }
    }

    /// Tells the client that the server exits with `status`.
    pub(super) fn server_exits(&mut self, status: i32) {
        self.client.iter_mut().for_each(|client| client.server_exits(status));
    }
}

struct GuardedState(UnsafeCell<DriverState>);

// SAFETY: the content is reached only through a `DriverGuard`, of which there is one at a time, by `install`
// before a second thread exists, and by `reset_after_fork` while there is one thread.
unsafe impl Sync for GuardedState {}

/// Proof that this thread is the driver.
pub(super) struct DriverGuard(());

impl DriverGuard {
    /// Takes the guard if it is free. It is no mutex, so that a fork never inherits one that is held by a
    /// thread which the child does not have.
    pub(super) fn try_acquire() -> Option<Self> {
        // A value that is made in vain would free the lock of another thread when it is dropped.
        LOCK.try_acquire(&NOTIFIER).then(|| Self(()))
    }

    pub(super) fn is_free() -> bool {
        LOCK.is_free()
    }

    pub(super) fn state(&mut self) -> &mut DriverState {
        // SAFETY: `LOCK` makes this the only guard, and `self` is borrowed mutably.
        unsafe { &mut *STATE.0.get() }
    }
}

impl Drop for DriverGuard {
    fn drop(&mut self) {
        LOCK.release(&NOTIFIER);
    }
}

/// Installs the client. To be called before the server's `main`.
pub(crate) fn install(client: &'static mut dyn IdleClient) {
    // SAFETY: the process has one thread, and no guard exists before `main`.
    unsafe { (*STATE.0.get()).client = Some(client) };
}

/// Frees the guard in a forked child: the thread that held it may not exist there, nor those that it watched.
pub(crate) fn reset_after_fork() {
    // SAFETY: a forked child has one thread, and that is not in the middle of a step.
    let state = unsafe { &mut *STATE.0.get() };
    state.quiescence = Quiescence::new();
    state.client.iter_mut().for_each(|client| client.after_fork());
    LOCK.reset_after_fork();
}
