//! Operations on packets and connections.

use sockfuzz_model::Kind;
use sockfuzz_protocol::session::{Action, Connection, Marker};

use super::Mutation;
use super::requests::may_grow;
use crate::edits::Region;

/// Ends a packet, mostly at the start or the end of an element, or one byte inside of it.
pub(super) fn split(mutation: &mut Mutation<'_>) -> bool {
    let position = position(mutation);
    mutation.edits.insert_marker(position, Marker::send(mutation.parent.connection_at(position)))
}

fn position(mutation: &mut Mutation<'_>) -> usize {
    let (spans, length) = (mutation.parent.outline.spans(), mutation.parent.bytes.len());
    let Some(span) = spans.get(mutation.random.below(spans.len())).filter(|_| !mutation.random.one_in(4))
    else {
        return mutation.random.below(length + 1);
    };
    let range = span.range();
    match mutation.random.below(4) {
        0 => range.start,
        1 => (range.start + 1).min(length),
        2 => range.end.saturating_sub(1),
        _ => range.end,
    }
}

/// Opens, half-closes, closes or resets a connection: at the end, or before the server has read everything.
pub(super) fn act(mutation: &mut Mutation<'_>) -> bool {
    let position = if mutation.random.one_in(3) { mutation.parent.bytes.len() } else { position(mutation) };
    let action = Action::<()>::ALL[mutation.random.within(1..Action::<()>::ALL.len())];
    let own = mutation.parent.connection_at(position);
    let connection = if mutation.random.one_in(4) { any_connection(mutation) } else { own };
    mutation.edits.insert_marker(position, Marker { action, connection })
}

fn any_connection(mutation: &mut Mutation<'_>) -> Connection {
    Connection::ALL[mutation.random.below(Connection::COUNT)]
}

/// Sends bytes on another connection: from a position to the next marker, or one request.
pub(super) fn divert(mutation: &mut Mutation<'_>) -> bool {
    let there = Marker::send(any_connection(mutation));
    let Some(request) = mutation.random_span(Kind::Request) else { return false };
    if mutation.random.one_in(2) {
        let position = position(mutation);
        return mutation.edits.insert_marker(position, there);
    }
    let back = Marker::send(mutation.parent.connection_at(request.start));
    mutation.edits.insert_marker(request.start, there) && mutation.edits.insert_marker(request.end, back)
}

/// Joins two packets, or omits an action.
pub(super) fn remove_marker(mutation: &mut Mutation<'_>) -> bool {
    let count = mutation.parent.markers.len();
    count > 0 && mutation.edits.remove_marker(mutation.random.below(count))
}

/// Sends a copy of a request on another connection, between the bytes of the current connection.
pub(super) fn double_on_another(mutation: &mut Mutation<'_>) -> bool {
    if !may_grow(mutation) {
        return false;
    }
    let Some(request) = mutation.random_span(Kind::Request) else { return false };
    let position = if mutation.random.one_in(2) { mutation.parent.bytes.len() } else { position(mutation) };
    let own = mutation.parent.connection_at(position);
    let other = (own.index() + 1 + mutation.random.below(Connection::COUNT - 1)) % Connection::COUNT;
    mutation.edits.insert_marker(position, Marker::send(Connection::ALL[other]))
        && mutation.edits.copy_from_parent(position..position, request, Region::Elsewhere)
        && mutation.edits.insert_marker(position, Marker::send(own))
}
