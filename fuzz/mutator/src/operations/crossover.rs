//! Crossover operations: insert elements of the other input at the boundaries of elements of the parent.

use std::ops::Range;

use sockfuzz_model::Kind;

use super::Mutation;
use super::requests::may_grow;
use crate::edits::Region;

/// Inserts a request of the other input, or replaces a request of the parent by it.
pub(super) fn take_request(mutation: &mut Mutation<'_>) -> bool {
    let Some(taken) = mutation.random_other_span(Kind::Request) else { return false };
    let range = match mutation.random_span(Kind::Request) {
        Some(request) if mutation.random.one_in(4) || !may_grow(mutation) => request,
        _ => {
            let boundary = mutation.request_boundary();
            boundary..boundary
        }
    };
    mutation.edits.copy_from_other(range, taken, Region::Elsewhere)
}

/// Inserts one or several adjacent fields of the other input.
pub(super) fn take_field(mutation: &mut Mutation<'_>) -> bool {
    let (Some(line), Some(taken)) = (mutation.field_position(), mutation.random_other_span(Kind::Field))
    else {
        return false;
    };
    let fields = mutation.other.outline.of(Kind::Field);
    let next = fields.iter().map(|index| mutation.other.outline.spans()[*index as usize].range());
    let following = next.skip_while(|field| field.start <= taken.start);
    let count = if mutation.random.one_in(2) { 0 } else { mutation.random.below(4) };
    let adjoins = |end: usize, field: Range<usize>| if field.start == end { Ok(field.end) } else { Err(end) };
    let end = following.take(count).try_fold(taken.end, adjoins).unwrap_or_else(|end| end);
    mutation.edits.copy_from_other(line..line, taken.start..end, Region::Elsewhere)
}

/// Replaces a field value by a value of the other input.
pub(super) fn take_value(mutation: &mut Mutation<'_>) -> bool {
    let (Some(value), Some(taken)) =
        (mutation.random_span(Kind::Value), mutation.random_other_span(Kind::Value))
    else {
        return false;
    };
    mutation.edits.copy_from_other(value, taken, Region::Elsewhere)
}

/// Replaces a target or a part of it by one of the other input, and sometimes a method, too.
pub(super) fn take_target(mutation: &mut Mutation<'_>) -> bool {
    let kind =
        mutation.random.pick(&[Kind::Target, Kind::Target, Kind::Path, Kind::Query]).unwrap_or(Kind::Path);
    let (Some(target), Some(taken)) = (mutation.random_span(kind), mutation.random_other_span(kind)) else {
        return false;
    };
    if mutation.random.one_in(3)
        && let (Some(method), Some(taken)) =
            (mutation.random_span(Kind::Method), mutation.random_other_span(Kind::Method))
    {
        mutation.edits.copy_from_other(method, taken, Region::Elsewhere);
    }
    mutation.edits.copy_from_other(target, taken, Region::Elsewhere)
}

/// Replaces a request line by one of the other input.
pub(super) fn take_head(mutation: &mut Mutation<'_>) -> bool {
    let (Some(line), Some(taken)) =
        (mutation.random_span(Kind::RequestLine), mutation.random_other_span(Kind::RequestLine))
    else {
        return false;
    };
    mutation.edits.copy_from_other(line, taken, Region::Elsewhere)
}

/// Inserts content of a body of the other input, or replaces content by it.
pub(super) fn take_body(mutation: &mut Mutation<'_>) -> bool {
    let kinds = [Kind::Chunk, Kind::Part, Kind::Data, Kind::Content, Kind::Body];
    let (Some(ours), Some(theirs)) = (mutation.random.pick(&kinds), mutation.random.pick(&kinds)) else {
        return false;
    };
    let (Some(range), Some(taken)) = (mutation.random_span(ours), mutation.random_other_span(theirs)) else {
        return false;
    };
    let range = if mutation.random.one_in(2) { range } else { range.start..range.start };
    mutation.edits.copy_from_other(range, taken, Region::Body)
}

/// Joins the parent up to an element with the rest of the other input from an element of the same kind.
pub(super) fn splice(mutation: &mut Mutation<'_>) -> bool {
    let kinds = [Kind::Request, Kind::RequestLine, Kind::Field, Kind::Field, Kind::Chunk, Kind::SectionEnd];
    let Some(kind) = mutation.random.pick(&kinds) else { return false };
    let (Some(ours), Some(theirs)) = (mutation.random_span(kind), mutation.random_other_span(kind)) else {
        return false;
    };
    let end = mutation.other.bytes.len();
    mutation.edits.copy_from_other(
        ours.start..mutation.parent.bytes.len(),
        theirs.start..end,
        Region::Elsewhere,
    )
}
