//! The client's side of a connection: what the driver does.

use sockfuzz_protocol::session::Connection;

use super::arrival::with_arrival;
use super::epoll::Source;
use super::server::abandon;
use super::state::with;
use super::stream::{ClientState, MemoryStream};
use super::wait_queue;
use crate::net::accept_gate;
use crate::sys::fd_table::Slot;
use crate::sys::fd_table::{self, FdKind};

/// A connection is made, and waits to be accepted: it is [`accept_gate::add_pending`]ed.
pub(crate) fn connect(connection: Connection, will_reset: bool) -> Slot {
    let slot = with(|state| state.find(MemoryStream::is_free)).unwrap_or_else(make_room);
    with(|state| {
        state.stream(slot).open(connection, will_reset);
        state.unaccepted.push(slot);
        state.registrations.record_arrival(Source::Listener);
    });
    // Not before there is something to accept.
    accept_gate::add_pending();
    wait_queue::wake(Source::Listener);
    slot
}

/// Gives up a connection that the client has left, and the server has not.
fn make_room() -> Slot {
    let left = with(|state| state.find(|stream| stream.client() == ClientState::Gone));
    let left = left.expect("a client has fewer connections than there are slots");
    for fd in fd_table::fds_of(left) {
        abandon(fd);
        fd_table::set(fd, FdKind::Connection);
    }
    left
}

/// Sends what there is room for: the number of bytes. `None` when the server wants no more.
pub(crate) fn send(slot: Slot, bytes: &[u8]) -> Option<usize> {
    with_arrival(slot, |stream| stream.send(bytes))
}

/// The client sends no more.
pub(crate) fn half_close(slot: Slot) {
    with_arrival(slot, MemoryStream::half_close);
}

/// Whether the server has answered since the last time, and whether it may answer more.
pub(crate) fn take_answered(slot: Slot) -> (bool, bool) {
    with(|state| state.stream(slot).take_answered())
}

/// The client is gone. A connection that nobody has accepted goes with it.
pub(crate) fn hang_up(slot: Slot) {
    end(slot, MemoryStream::hang_up);
}

/// The same, and the server is told by an error.
pub(crate) fn reset(slot: Slot) {
    end(slot, MemoryStream::reset);
}

fn end(slot: Slot, how: impl FnOnce(&mut MemoryStream) -> bool) {
    with(|state| state.unaccepted.remove(slot));
    if with_arrival(slot, how) {
        accept_gate::try_claim();
    }
}

/// The client of a connection that has become real is gone: what it had still to send is not for the
/// next one.
pub(crate) fn drop_unread(slot: Slot) {
    with(|state| {
        let stream = state.stream(slot);
        stream.consume(stream.unread().len());
    });
}
