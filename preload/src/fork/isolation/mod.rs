//! Isolation of a child of the forkserver from its parent and its siblings.
//!
//! `fork` copies descriptors, not the objects that they refer to. An epoll instance that the server made before the
//! forkserver started would collect the registrations of all children, one after the other, and a connection
//! that a killed child did not accept would wait in the listener for the next. So every child begins with a
//! listener, epoll instances, pipes, event counters, timers and shared memory of its own.

use crate::net::listener;

mod epoll;
mod memory;
mod objects;

pub(crate) use objects::has_no_new_objects;

/// Isolates a new child. Must be called by its only thread. Returns whether it shares nothing by which another
/// child that lives at the same time could disturb it.
pub(super) fn isolate() -> bool {
    let is_isolated = memory::isolate() & listener::isolate() & objects::isolate();
    epoll::isolate();
    is_isolated
}
