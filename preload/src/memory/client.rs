//! The client's side of a connection: what the driver does.

use sockfuzz_protocol::session::Connection;

use super::channel::{Channel, Client};
use super::epoll::Source;
use super::server::forsake;
use super::slot::Slot;
use super::{waiters, with, with_news};
use crate::backlog;
use crate::descriptors::{self, Kind};

/// A connection is made, and waits to be accepted: it is [`backlog::offer`]ed.
pub(crate) fn connect(connection: Connection, will_reset: bool) -> Slot {
    let slot = with(|state| state.find(Channel::is_free)).unwrap_or_else(make_room);
    with(|state| {
        state.channel(slot).open(connection, will_reset);
        state.waiting.push(slot);
        state.table.arrival(Source::Listener);
    });
    // Not before it is there to be accepted.
    backlog::offer();
    waiters::wake(Source::Listener);
    slot
}

/// Gives up a connection that the client has left, and the server has not.
fn make_room() -> Slot {
    let left = with(|state| state.find(|channel| channel.client() == Client::Gone));
    let left = left.expect("a client has fewer connections than there are slots");
    for fd in descriptors::of_slot(left) {
        forsake(fd);
        descriptors::set(fd, Kind::Connection);
    }
    left
}

/// Sends what there is room for: the number of bytes. `None` when the server wants no more.
pub(crate) fn send(slot: Slot, bytes: &[u8]) -> Option<usize> {
    with_news(slot, |channel| channel.send(bytes))
}

/// The client sends no more.
pub(crate) fn half_close(slot: Slot) {
    with_news(slot, Channel::half_close);
}

/// Whether the server has answered since the last time, and whether it may answer more.
pub(crate) fn take_answered(slot: Slot) -> (bool, bool) {
    with(|state| state.channel(slot).take_answered())
}

/// The client is gone. A connection that nobody has accepted goes with it.
pub(crate) fn hang_up(slot: Slot) {
    end(slot, Channel::hang_up);
}

/// The same, and the server is told by an error.
pub(crate) fn reset(slot: Slot) {
    end(slot, Channel::reset);
}

fn end(slot: Slot, how: impl FnOnce(&mut Channel) -> bool) {
    with(|state| state.waiting.remove(slot));
    if with_news(slot, how) {
        backlog::claim();
    }
}

/// The client of a connection that has become real is gone: what it had still to send is not for the
/// next one.
pub(crate) fn drop_unread(slot: Slot) {
    with(|state| {
        let channel = state.channel(slot);
        channel.consume(channel.unread().len());
    });
}
