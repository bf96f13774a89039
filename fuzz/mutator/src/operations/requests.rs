//! Operations on whole requests and on their request lines.

use arbitrary::{Arbitrary, Unstructured};
use sockfuzz_model::vocabulary::{LINE_ENDS, METHODS, VERSIONS};
use sockfuzz_model::{Kind, Request, Visit};

use super::Mutation;
use crate::edits::Region;

/// Number of requests from which on a pipeline seldom grows: shorter pipelines reach the same code.
const LONG_PIPELINE_REQUESTS: usize = 3;
/// Number of random bytes from which a request is generated.
const REQUEST_SEED_BYTES: usize = 384;

pub(super) fn double_request(mutation: &mut Mutation<'_>) -> bool {
    if !may_grow(mutation) {
        return false;
    }
    let Some(request) = mutation.random_span(Kind::Request) else { return false };
    let boundary = mutation.request_boundary();
    mutation.edits.copy_from_parent(boundary..boundary, request, Region::Elsewhere)
}

/// Whether to add a request: always to short pipelines, seldom to long ones.
pub(super) fn may_grow(mutation: &mut Mutation<'_>) -> bool {
    mutation.parent.outline.of(Kind::Request).len() < LONG_PIPELINE_REQUESTS || mutation.random.one_in(8)
}

pub(super) fn drop_request(mutation: &mut Mutation<'_>) -> bool {
    if mutation.parent.outline.of(Kind::Request).len() < 2 {
        return false;
    }
    let Some(request) = mutation.random_span(Kind::Request) else { return false };
    mutation.edits.replace(request, b"", Region::Elsewhere)
}

pub(super) fn move_request(mutation: &mut Mutation<'_>) -> bool {
    if mutation.parent.outline.of(Kind::Request).len() < 2 {
        return false;
    }
    let Some(request) = mutation.random_span(Kind::Request) else { return false };
    let boundary = mutation.request_boundary();
    mutation.edits.replace(request.clone(), b"", Region::Elsewhere)
        && mutation.edits.copy_from_parent(boundary..boundary, request, Region::Elsewhere)
}

/// Inserts a generated request, or replaces a request by it.
pub(super) fn new_request(mutation: &mut Mutation<'_>) -> bool {
    let mut seed = [0; REQUEST_SEED_BYTES];
    mutation.random.fill(&mut seed);
    let Ok(request) = Request::arbitrary(&mut Unstructured::new(&seed)) else { return false };
    let range = match mutation.random_span(Kind::Request) {
        Some(request) if mutation.random.one_in(3) || !may_grow(mutation) => request,
        _ => {
            let boundary = mutation.request_boundary();
            boundary..boundary
        }
    };
    mutation.edits.replace_with(range, Region::Elsewhere, |scratch| request.serialise_into(scratch))
}

pub(super) fn method(mutation: &mut Mutation<'_>) -> bool {
    let Some(method) = mutation.random_span(Kind::Method) else { return false };
    let mut word = mutation.random_word(METHODS, |dictionary| &dictionary.methods);
    let at = mutation.random.below(word.len());
    if mutation.random.one_in(4)
        && let Some(letter) = word.get_mut(at)
    {
        // A misspelled method.
        *letter ^= 1 << mutation.random.below(6);
    }
    mutation.edits.replace(method, &word, Region::Elsewhere)
}

pub(super) fn version(mutation: &mut Mutation<'_>) -> bool {
    let Some(version) = mutation.random_span(Kind::Version) else { return false };
    let word = mutation.random.word(VERSIONS);
    mutation.edits.replace(version, word, Region::Elsewhere)
}

pub(super) fn gap(mutation: &mut Mutation<'_>) -> bool {
    let Some(gap) = mutation.random_span(Kind::Gap) else { return false };
    let word = mutation.random.word(&["", "  ", "\t", " \t ", "\r", "\n", "\r\n", "\0", "\x0b", "+"]);
    mutation.edits.replace(gap, word, Region::Elsewhere)
}

/// Inserts empty lines before a request.
pub(super) fn blank(mutation: &mut Mutation<'_>) -> bool {
    let boundary = mutation.request_boundary();
    let word = mutation.random.word(LINE_ENDS);
    mutation.edits.replace(boundary..boundary, word, Region::Elsewhere)
}
