//! What other inputs have, at the boundaries that both understand.

use std::ops::Range;

use sockfuzz_model::Kind;

use super::Draft;
use super::requests::may_grow;
use crate::edits::Place;

/// A request of the other, before, behind, between or instead of ours.
pub(super) fn take_request(draft: &mut Draft<'_>) -> bool {
    let Some(taken) = draft.other_span(Kind::Request) else { return false };
    let range = match draft.span(Kind::Request) {
        Some(request) if draft.random.one_in(4) || !may_grow(draft) => request,
        _ => {
            let seam = draft.seam();
            seam..seam
        }
    };
    draft.edits.borrow(range, taken, Place::Elsewhere)
}

/// Fields of the other: one, or several in a row.
pub(super) fn take_field(draft: &mut Draft<'_>) -> bool {
    let (Some(line), Some(taken)) = (draft.line(), draft.other_span(Kind::Field)) else { return false };
    let fields = draft.other.outline.of(Kind::Field);
    let next = fields.iter().map(|index| draft.other.outline.spans()[*index as usize].range());
    let following = next.skip_while(|field| field.start <= taken.start);
    let count = if draft.random.one_in(2) { 0 } else { draft.random.below(4) };
    let adjoins = |end: usize, field: Range<usize>| if field.start == end { Ok(field.end) } else { Err(end) };
    let end = following.take(count).try_fold(taken.end, adjoins).unwrap_or_else(|end| end);
    draft.edits.borrow(line..line, taken.start..end, Place::Elsewhere)
}

/// The value that the other's field of the same name has, or any.
pub(super) fn take_value(draft: &mut Draft<'_>) -> bool {
    let (Some(value), Some(taken)) = (draft.span(Kind::Value), draft.other_span(Kind::Value)) else {
        return false;
    };
    draft.edits.borrow(value, taken, Place::Elsewhere)
}

/// What the other asks for: the same method, or ours.
pub(super) fn take_target(draft: &mut Draft<'_>) -> bool {
    let kind =
        draft.random.pick(&[Kind::Target, Kind::Target, Kind::Path, Kind::Query]).unwrap_or(Kind::Path);
    let (Some(target), Some(taken)) = (draft.span(kind), draft.other_span(kind)) else { return false };
    if draft.random.one_in(3)
        && let (Some(method), Some(taken)) = (draft.span(Kind::Method), draft.other_span(Kind::Method))
    {
        draft.edits.borrow(method, taken, Place::Elsewhere);
    }
    draft.edits.borrow(target, taken, Place::Elsewhere)
}

/// The fields of the other behind our first line, or the other way round.
pub(super) fn take_head(draft: &mut Draft<'_>) -> bool {
    let (Some(line), Some(taken)) = (draft.span(Kind::RequestLine), draft.other_span(Kind::RequestLine))
    else {
        return false;
    };
    draft.edits.borrow(line, taken, Place::Elsewhere)
}

/// What the other's body says, in ours.
pub(super) fn take_body(draft: &mut Draft<'_>) -> bool {
    let kinds = [Kind::Chunk, Kind::Part, Kind::Data, Kind::Content, Kind::Body];
    let (Some(ours), Some(theirs)) = (draft.random.pick(&kinds), draft.random.pick(&kinds)) else {
        return false;
    };
    let (Some(range), Some(taken)) = (draft.span(ours), draft.other_span(theirs)) else { return false };
    let range = if draft.random.one_in(2) { range } else { range.start..range.start };
    draft.edits.borrow(range, taken, Place::Body)
}

/// Ours up to a boundary, and the other from one of the same kind on.
pub(super) fn splice(draft: &mut Draft<'_>) -> bool {
    let kinds = [Kind::Request, Kind::RequestLine, Kind::Field, Kind::Field, Kind::Chunk, Kind::SectionEnd];
    let Some(kind) = draft.random.pick(&kinds) else { return false };
    let (Some(ours), Some(theirs)) = (draft.span(kind), draft.other_span(kind)) else { return false };
    let end = draft.other.bytes.len();
    draft.edits.borrow(ours.start..draft.parent.bytes.len(), theirs.start..end, Place::Elsewhere)
}
