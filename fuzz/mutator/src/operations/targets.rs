//! What requests are for.

use std::io::Write;

use sockfuzz_model::Kind;
use sockfuzz_model::vocabulary::{HOSTS, QUERIES, SCHEMES, SEGMENTS};

use super::Draft;
use crate::edits::Place;

/// A segment, somewhere in a path or instead of it.
pub(super) fn segment(draft: &mut Draft<'_>) -> bool {
    let Some(path) = draft.span(Kind::Path) else { return false };
    let word = draft.word(SEGMENTS, |dictionary| &dictionary.paths);
    let range = match draft.random.below(4) {
        0 => path,
        1 => path.end..path.end,
        2 => path.start..path.start,
        _ => {
            let at = draft.random.within(path.start..path.end + 1);
            at..at
        }
    };
    draft.edits.put(range, &word, Place::Elsewhere)
}

pub(super) fn query(draft: &mut Draft<'_>) -> bool {
    let word = draft.random.word(QUERIES);
    let range = match (draft.span(Kind::Query), draft.span(Kind::Path)) {
        (Some(query), _) if draft.random.one_in(2) => query,
        (Some(query), _) => {
            let at = draft.random.within(query.start..query.end + 1);
            at..at
        }
        (None, Some(path)) => path.end..path.end,
        (None, None) => return false,
    };
    draft.edits.put(range, word, Place::Elsewhere)
}

/// A byte of a path or a query as a percent escape.
pub(super) fn escape(draft: &mut Draft<'_>) -> bool {
    let kind = if draft.random.one_in(3) { Kind::Query } else { Kind::Path };
    let Some(range) = draft.span(kind) else { return false };
    let at = draft.random.within(range);
    let Some(&byte) = draft.parent.bytes.get(at) else { return false };
    let odd = draft.random.one_in(4);
    let byte = if odd { draft.random.byte() } else { byte };
    draft.edits.write(at..at + 1, Place::Elsewhere, |scratch| {
        let _ = if odd { write!(scratch, "%{byte:02x}") } else { write!(scratch, "%{byte:02X}") };
    })
}

/// Scheme and host before a path, or none.
pub(super) fn absolute(draft: &mut Draft<'_>) -> bool {
    if let Some(authority) = draft.span(Kind::Authority) {
        let word = draft.random.word(HOSTS);
        return draft.edits.put(authority, word, Place::Elsewhere);
    }
    let Some(path) = draft.span(Kind::Path) else { return false };
    let (scheme, host) = (draft.random.word(SCHEMES), draft.random.word(HOSTS));
    draft.edits.write(path.start..path.start, Place::Elsewhere, |scratch| {
        scratch.extend_from_slice(scheme);
        scratch.extend_from_slice(host);
    })
}

/// From one slash, or what else divides a target, to the next.
pub(super) fn drop_piece(draft: &mut Draft<'_>) -> bool {
    let kind = if draft.random.one_in(3) { Kind::Query } else { Kind::Path };
    let Some(range) = draft.span(kind) else { return false };
    let from = draft.random.within(range.clone());
    let divides = |byte: &u8| b"/?&=;.%".contains(byte);
    let rest = &draft.parent.bytes[from..range.end];
    let count = rest.iter().skip(1).position(divides).map_or(rest.len(), |at| at + 1);
    draft.edits.put(from..from + count, b"", Place::Elsewhere)
}
