//! Driver guard: held by one thread at a time, it protects the state that only the driver thread uses.

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

    /// Notifies the client that the server exits with `status`.
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
    /// Takes the guard if it is free. The guard is not a mutex: a forked child could inherit one that is held by a
    /// thread which the child does not have.
    pub(super) fn try_acquire() -> Option<Self> {
        // `then` creates the guard lazily: dropping a superfluous one would free the lock of another thread.
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
    // SAFETY: this is the only access: the process has one thread, and no guard exists before `main`.
    unsafe { (*STATE.0.get()).client = Some(client) };
}

/// Frees the guard in a forked child: the thread that held it may not exist there, nor the threads that it watched.
pub(crate) fn reset_after_fork() {
    // SAFETY: this is the only reference: a forked child has one thread, which is not in the middle of a step.
    let state = unsafe { &mut *STATE.0.get() };
    state.quiescence = Quiescence::new();
    state.client.iter_mut().for_each(|client| client.after_fork());
    LOCK.reset_after_fork();
}
