//! Operations on request targets.

use std::io::Write;

use sockfuzz_model::Kind;
use sockfuzz_model::vocabulary::{HOSTS, PATH_SEGMENTS, QUERIES, SCHEMES};

use super::Mutation;
use crate::edits::Region;

/// Inserts a path segment, or replaces the path by one.
pub(super) fn segment(mutation: &mut Mutation<'_>) -> bool {
    let Some(path) = mutation.random_span(Kind::Path) else { return false };
    let word = mutation.random_word(PATH_SEGMENTS, |dictionary| &dictionary.paths);
    let range = match mutation.random.below(4) {
        0 => path,
        1 => path.end..path.end,
        2 => path.start..path.start,
        _ => {
            let at = mutation.random.within(path.start..path.end + 1);
            at..at
        }
    };
    mutation.edits.replace(range, &word, Region::Elsewhere)
}

pub(super) fn query(mutation: &mut Mutation<'_>) -> bool {
    let word = mutation.random.word(QUERIES);
    let range = match (mutation.random_span(Kind::Query), mutation.random_span(Kind::Path)) {
        (Some(query), _) if mutation.random.one_in(2) => query,
        (Some(query), _) => {
            let at = mutation.random.within(query.start..query.end + 1);
            at..at
        }
        (None, Some(path)) => path.end..path.end,
        (None, None) => return false,
    };
    mutation.edits.replace(range, word, Region::Elsewhere)
}

/// Replaces a byte of a path or a query by a percent escape.
pub(super) fn escape(mutation: &mut Mutation<'_>) -> bool {
    let kind = if mutation.random.one_in(3) { Kind::Query } else { Kind::Path };
    let Some(range) = mutation.random_span(kind) else { return false };
    let at = mutation.random.within(range);
    let Some(&byte) = mutation.parent.bytes.get(at) else { return false };
    let odd = mutation.random.one_in(4);
    let byte = if odd { mutation.random.byte() } else { byte };
    mutation.edits.replace_with(at..at + 1, Region::Elsewhere, |scratch| {
        let _ = if odd { write!(scratch, "%{byte:02x}") } else { write!(scratch, "%{byte:02X}") };
    })
}

/// Replaces the authority of a target, or makes the target absolute.
pub(super) fn absolute(mutation: &mut Mutation<'_>) -> bool {
    if let Some(authority) = mutation.random_span(Kind::Authority) {
        let word = mutation.random.word(HOSTS);
        return mutation.edits.replace(authority, word, Region::Elsewhere);
    }
    let Some(path) = mutation.random_span(Kind::Path) else { return false };
    let (scheme, host) = (mutation.random.word(SCHEMES), mutation.random.word(HOSTS));
    mutation.edits.replace_with(path.start..path.start, Region::Elsewhere, |scratch| {
        scratch.extend_from_slice(scheme);
        scratch.extend_from_slice(host);
    })
}

/// Drops a piece of a target, up to the next delimiter.
pub(super) fn drop_piece(mutation: &mut Mutation<'_>) -> bool {
    let kind = if mutation.random.one_in(3) { Kind::Query } else { Kind::Path };
    let Some(range) = mutation.random_span(kind) else { return false };
    let from = mutation.random.within(range.clone());
    let divides = |byte: &u8| b"/?&=;.%".contains(byte);
    let rest = &mutation.parent.bytes[from..range.end];
    let count = rest.iter().skip(1).position(divides).map_or(rest.len(), |at| at + 1);
    mutation.edits.replace(from..from + count, b"", Region::Elsewhere)
}
