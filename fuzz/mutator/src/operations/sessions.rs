//! Operations on packets and connections.

use sockfuzz_model::Kind;
use sockfuzz_protocol::session::{Action, Connection, Marker};

use super::Draft;
use crate::edits::Place;

/// Ends a packet: mostly where an element begins or ends, or a byte away from that.
pub(super) fn split(draft: &mut Draft<'_>) -> bool {
    let position = position(draft);
    draft.edits.insert_marker(position, Marker::send(draft.parent.connection_at(position)))
}

fn position(draft: &mut Draft<'_>) -> usize {
    let (spans, length) = (draft.parent.outline.spans(), draft.parent.bytes.len());
    let Some(span) = spans.get(draft.random.below(spans.len())).filter(|_| !draft.random.one_in(4)) else {
        return draft.random.below(length + 1);
    };
    let range = span.range();
    match draft.random.below(4) {
        0 => range.start,
        1 => (range.start + 1).min(length),
        2 => range.end.saturating_sub(1),
        _ => range.end,
    }
}

/// Opens, half-closes, closes or resets a connection: at the end, or before the server has read everything.
pub(super) fn act(draft: &mut Draft<'_>) -> bool {
    let position = if draft.random.one_in(3) { draft.parent.bytes.len() } else { position(draft) };
    let action = Action::<()>::ALL[draft.random.within(1..Action::<()>::ALL.len())];
    let own = draft.parent.connection_at(position);
    let connection = if draft.random.one_in(4) { any_connection(draft) } else { own };
    draft.edits.insert_marker(position, Marker { action, connection })
}

fn any_connection(draft: &mut Draft<'_>) -> Connection {
    Connection::ALL[draft.random.below(Connection::COUNT)]
}

/// Continues on another connection: from here to the end, or for one request.
pub(super) fn divert(draft: &mut Draft<'_>) -> bool {
    let there = Marker::send(any_connection(draft));
    let Some(request) = draft.span(Kind::Request) else { return false };
    if draft.random.one_in(2) {
        let position = position(draft);
        return draft.edits.insert_marker(position, there);
    }
    let back = Marker::send(draft.parent.connection_at(request.start));
    draft.edits.insert_marker(request.start, there) && draft.edits.insert_marker(request.end, back)
}

/// Joins two packets, or omits an action.
pub(super) fn remove_marker(draft: &mut Draft<'_>) -> bool {
    let count = draft.parent.markers.len();
    count > 0 && draft.edits.remove_marker(draft.random.below(count))
}

/// Sends a request on another connection, too, while this one is in progress.
pub(super) fn double_on_another(draft: &mut Draft<'_>) -> bool {
    let Some(request) = draft.span(Kind::Request) else { return false };
    let position = if draft.random.one_in(2) { draft.parent.bytes.len() } else { position(draft) };
    let own = draft.parent.connection_at(position);
    let other = (own.index() + 1 + draft.random.below(Connection::COUNT - 1)) % Connection::COUNT;
    draft.edits.insert_marker(position, Marker::send(Connection::ALL[other]))
        && draft.edits.copy(position..position, request, Place::Elsewhere)
        && draft.edits.insert_marker(position, Marker::send(own))
}
