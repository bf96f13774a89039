//! Client's side of a virtual connection: actions of the driver.

use sockfuzz_protocol::session::Connection;

use super::arrival::with_arrival;
use super::epoll::Source;
use super::server::abandon;
use super::state::with;
use super::stream::{ClientState, MemoryStream};
use super::{wait_queue, written_bytes};
use crate::net::accept_gate;
use crate::sys::fd_table::Slot;
use crate::sys::fd_table::{self, FdKind};

/// Makes a connection that waits to be accepted, and counts it by [`accept_gate::add_pending`]. A client that `reads` gets what
/// the server writes by [`super::take_written`].
pub(crate) fn connect(connection: Connection, will_reset: bool, reads: bool) -> Slot {
    let slot = with(|state| state.find(MemoryStream::is_free)).unwrap_or_else(make_room);
    written_bytes::begin(slot, reads);
    with(|state| {
        state.stream(slot).open(connection, will_reset);
        state.unaccepted.push(slot);
        state.registrations.record_arrival(Source::Listener);
    });
    // Must come after the push, because the server may accept at once.
    accept_gate::add_pending();
    wait_queue::wake(Source::Listener);
    slot
}

/// Gives up a connection that the client has closed and the server has not. Returns its slot.
fn make_room() -> Slot {
    let left = with(|state| state.find(|stream| stream.client() == ClientState::Gone));
    let left = left.expect("a client has fewer connections than there are slots");
    for fd in fd_table::fds_of(left) {
        abandon(fd);
        fd_table::set(fd, FdKind::Connection);
    }
    left
}

/// Sends as many bytes as fit, and returns their number. `None` if the server reads no more.
pub(crate) fn send(slot: Slot, bytes: &[u8]) -> Option<usize> {
    with_arrival(slot, |stream| stream.send(bytes))
}

/// Ends the client's sending direction.
pub(crate) fn half_close(slot: Slot) {
    with_arrival(slot, MemoryStream::half_close);
}

/// Returns whether the server has answered since the last call, and whether it may answer more.
pub(crate) fn take_answered(slot: Slot) -> (bool, bool) {
    with(|state| state.stream(slot).take_answered())
}

/// Closes the client's end. This also ends a connection that was not accepted.
pub(crate) fn hang_up(slot: Slot) {
    end(slot, MemoryStream::hang_up);
}

/// Closes the client's end by a reset, which the server gets as an error.
pub(crate) fn reset(slot: Slot) {
    end(slot, MemoryStream::reset);
}

fn end(slot: Slot, how: impl FnOnce(&mut MemoryStream) -> bool) {
    with(|state| state.unaccepted.remove(slot));
    if with_arrival(slot, how) {
        accept_gate::try_claim();
    }
}

/// Drops the unread bytes of a connection that has become real and that the client has closed. The next
/// connection in this slot must not get them.
pub(crate) fn drop_unread(slot: Slot) {
    with(|state| {
        let stream = state.stream(slot);
        stream.consume(stream.unread().len());
    });
}
