//! Whole requests, and the words of their first lines.

use arbitrary::{Arbitrary, Unstructured};
use sockfuzz_model::vocabulary::{LINE_ENDS, METHODS, VERSIONS};
use sockfuzz_model::{Kind, Request, Visit};

use super::Draft;
use crate::edits::Place;

/// A pipeline that has so many is seldom made longer: what it reaches is reached by shorter ones, too.
const LONG: usize = 3;
/// Randomness that a made-up request is made of.
const SEED: usize = 384;

pub(super) fn double_request(draft: &mut Draft<'_>) -> bool {
    if !may_grow(draft) {
        return false;
    }
    let Some(request) = draft.span(Kind::Request) else { return false };
    let seam = draft.seam();
    draft.edits.copy(seam..seam, request, Place::Elsewhere)
}

/// Whether one more request is welcome.
pub(super) fn may_grow(draft: &mut Draft<'_>) -> bool {
    draft.parent.outline.of(Kind::Request).len() < LONG || draft.random.one_in(8)
}

pub(super) fn drop_request(draft: &mut Draft<'_>) -> bool {
    if draft.parent.outline.of(Kind::Request).len() < 2 {
        return false;
    }
    let Some(request) = draft.span(Kind::Request) else { return false };
    draft.edits.put(request, b"", Place::Elsewhere)
}

pub(super) fn move_request(draft: &mut Draft<'_>) -> bool {
    if draft.parent.outline.of(Kind::Request).len() < 2 {
        return false;
    }
    let Some(request) = draft.span(Kind::Request) else { return false };
    let seam = draft.seam();
    draft.edits.put(request.clone(), b"", Place::Elsewhere)
        && draft.edits.copy(seam..seam, request, Place::Elsewhere)
}

/// One that is made up.
pub(super) fn new_request(draft: &mut Draft<'_>) -> bool {
    let mut seed = [0; SEED];
    draft.random.fill(&mut seed);
    let Ok(request) = Request::arbitrary(&mut Unstructured::new(&seed)) else { return false };
    let range = match draft.span(Kind::Request) {
        Some(request) if draft.random.one_in(3) || !may_grow(draft) => request,
        _ => {
            let seam = draft.seam();
            seam..seam
        }
    };
    draft.edits.write(range, Place::Elsewhere, |scratch| request.serialise_into(scratch))
}

pub(super) fn method(draft: &mut Draft<'_>) -> bool {
    let Some(method) = draft.span(Kind::Method) else { return false };
    let mut word = draft.word(METHODS, |dictionary| &dictionary.methods);
    let at = draft.random.below(word.len());
    if draft.random.one_in(4)
        && let Some(letter) = word.get_mut(at)
    {
        // Almost a known one.
        *letter ^= 1 << draft.random.below(6);
    }
    draft.edits.put(method, &word, Place::Elsewhere)
}

pub(super) fn version(draft: &mut Draft<'_>) -> bool {
    let Some(version) = draft.span(Kind::Version) else { return false };
    let word = draft.random.word(VERSIONS);
    draft.edits.put(version, word, Place::Elsewhere)
}

pub(super) fn gap(draft: &mut Draft<'_>) -> bool {
    let Some(gap) = draft.span(Kind::Gap) else { return false };
    let word = draft.random.word(&["", "  ", "\t", " \t ", "\r", "\n", "\r\n", "\0", "\x0b", "+"]);
    draft.edits.put(gap, word, Place::Elsewhere)
}

/// Empty lines before a request.
pub(super) fn blank(draft: &mut Draft<'_>) -> bool {
    let seam = draft.seam();
    let word = draft.random.word(LINE_ENDS);
    draft.edits.put(seam..seam, word, Place::Elsewhere)
}
