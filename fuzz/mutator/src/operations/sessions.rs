//! Packets and connections.

use sockfuzz_model::Kind;
use sockfuzz_protocol::session::Connection;

use super::Draft;
use crate::edits::Place;
use crate::text::Operation;

/// A packet ends here: mostly where something begins or ends, or a byte away from that.
pub(super) fn split(draft: &mut Draft<'_>) -> bool {
    let place = place(draft);
    let operation = Operation::new(Operation::SEND, draft.parent.connection_at(place));
    draft.edits.mark(place, operation)
}

fn place(draft: &mut Draft<'_>) -> usize {
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

/// The client half-closes, closes or aborts: at the end, or before the server has it all.
pub(super) fn act(draft: &mut Draft<'_>) -> bool {
    let place = if draft.random.one_in(3) { draft.parent.bytes.len() } else { place(draft) };
    let action = draft.random.within(1..Operation::ACTIONS.into()) as u8;
    let own = draft.parent.connection_at(place);
    let connection = if draft.random.one_in(4) { draft.random.below(Connection::COUNT) } else { own };
    draft.edits.mark(place, Operation::new(action, connection))
}

/// Goes on over another connection: from here to the end, or for one request.
pub(super) fn divert(draft: &mut Draft<'_>) -> bool {
    let connection = draft.random.below(Connection::COUNT);
    let operation = Operation::new(Operation::SEND, connection);
    let Some(request) = draft.span(Kind::Request) else { return false };
    if draft.random.one_in(2) {
        let place = place(draft);
        return draft.edits.mark(place, operation);
    }
    let back = Operation::new(Operation::SEND, draft.parent.connection_at(request.start));
    draft.edits.mark(request.start, operation) && draft.edits.mark(request.end, back)
}

/// A packet does not end here, or a connection.
pub(super) fn drop_cut(draft: &mut Draft<'_>) -> bool {
    let count = draft.parent.cuts.len();
    count > 0 && draft.edits.drop_cut(draft.random.below(count))
}

/// The same request over another connection while ours is under way.
pub(super) fn double_on_another(draft: &mut Draft<'_>) -> bool {
    let Some(request) = draft.span(Kind::Request) else { return false };
    let place = if draft.random.one_in(2) { draft.parent.bytes.len() } else { place(draft) };
    let own = draft.parent.connection_at(place);
    let another = (own + 1 + draft.random.below(Connection::COUNT - 1)) % Connection::COUNT;
    draft.edits.mark(place, Operation::new(Operation::SEND, another))
        && draft.edits.copy(place..place, request, Place::Elsewhere)
        && draft.edits.mark(place, Operation::new(Operation::SEND, own))
}
