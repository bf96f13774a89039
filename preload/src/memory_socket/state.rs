//! State of all virtual sockets of this process.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use super::accept_queue::AcceptQueue;
use super::epoll::RegistrationTable;
use super::stream::MemoryStream;
use crate::net::listener;
use crate::sys::fd_table::Slot;
use crate::sys::spin_lock::SpinLock;

/// Whether the transport is selected and possible; false again after a fallback.
static ENABLED: AtomicBool = AtomicBool::new(false);

static STATE: SpinLock<State> = SpinLock::new(State {
    streams: [const { MemoryStream::new() }; Slot::COUNT],
    unaccepted: AcceptQueue::new(),
    registrations: RegistrationTable::new(),
});

pub(super) struct State {
    /// Large, but untouched pages take no memory.
    pub(super) streams: [MemoryStream; Slot::COUNT],
    /// Connections that the server has not accepted.
    pub(super) unaccepted: AcceptQueue,
    pub(super) registrations: RegistrationTable,
}

impl State {
    pub(super) fn stream(&mut self, slot: Slot) -> &mut MemoryStream {
        &mut self.streams[slot.index()]
    }

    pub(super) fn find(&self, mut wanted: impl FnMut(&MemoryStream) -> bool) -> Option<Slot> {
        Slot::all().find(|slot| wanted(&self.streams[slot.index()]))
    }
}

/// Makes the listener virtual as soon as there is one.
pub(super) fn enable() {
    ENABLED.store(true, Relaxed);
}

/// Ends the use of virtual sockets; returns whether there may have been any.
pub(super) fn disable() -> bool {
    is_active() && ENABLED.swap(false, Relaxed)
}

/// Whether the listener and its connections are virtual now.
pub(crate) fn is_active() -> bool {
    ENABLED.load(Relaxed) && listener::current().is_some()
}

/// Runs `action` with exclusive access to the state. Calls must not nest.
pub(super) fn with<R>(action: impl FnOnce(&mut State) -> R) -> R {
    STATE.with(action)
}

/// Whether any connection is in use.
pub(super) fn has_connections() -> bool {
    with(|state| state.find(|stream| !stream.is_free()).is_some())
}

/// Releases the lock in a forked child: the thread that held it may not exist there.
pub(super) fn reset_after_fork() {
    STATE.reset_after_fork();
}
