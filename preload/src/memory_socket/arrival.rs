//! Arrivals: changes of a stream that threads of the server may wait for.

use super::epoll::Source;
use super::state::with;
use super::stream::MemoryStream;
use super::wait_queue;
use crate::sys::fd_table::Slot;

/// Changes a stream in a way that the server may wait for.
pub(super) fn with_arrival<R>(slot: Slot, action: impl FnOnce(&mut MemoryStream) -> R) -> R {
    let result = with(|state| {
        state.registrations.record_arrival(Source::Connection(slot));
        action(state.stream(slot))
    });
    wait_queue::wake(Source::Connection(slot));
    result
}
