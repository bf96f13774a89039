//! Bytes, wherever they are: for what is not understood, and for what is understood too well.

use std::ops::Range;

use sockfuzz_model::Kind;

use super::Draft;
use crate::edits::Place;

/// Bytes that parsers treat in a way of their own.
const SPECIAL: &[u8] = b"\0\t\n\x0b\r \"#%&'()*+,-./:;<=>?@[\\]^_`{|}~\x7f\x80\xff0aA";

/// A place with bytes: mostly one thing, sometimes anything. In bodies, lengths go along.
fn somewhere(draft: &mut Draft<'_>, most: usize) -> Option<(Range<usize>, Place)> {
    let spans = draft.parent.outline.spans();
    let span = spans.get(draft.random.below(spans.len()))?;
    let whole = if draft.random.one_in(4) { 0..draft.parent.bytes.len() } else { span.range() };
    let place = match span.kind {
        Kind::Content | Kind::Data if whole == span.range() => Place::Body,
        _ => Place::Elsewhere,
    };
    let start = draft.random.within(whole.clone());
    let count = 1 + draft.random.below(most.min(whole.end - start));
    Some((start..(start + count).min(whole.end), place))
}

pub(super) fn flip(draft: &mut Draft<'_>) -> bool {
    let Some((range, _)) = somewhere(draft, 1) else { return false };
    let Some(&byte) = draft.parent.bytes.get(range.start) else { return false };
    let flipped = byte ^ (1 << draft.random.below(8));
    draft.edits.put(range, &[flipped], Place::Elsewhere)
}

pub(super) fn overwrite(draft: &mut Draft<'_>) -> bool {
    let Some((range, _)) = somewhere(draft, 1) else { return false };
    let byte = any(draft);
    draft.edits.put(range, &[byte], Place::Elsewhere)
}

pub(super) fn insert(draft: &mut Draft<'_>) -> bool {
    let Some((range, place)) = somewhere(draft, 1) else { return false };
    let byte = any(draft);
    let count = if draft.random.one_in(8) { 1 << draft.random.below(10) } else { 1 };
    draft
        .edits
        .write(range.start..range.start, place, |scratch| scratch.extend(std::iter::repeat_n(byte, count)))
}

pub(super) fn drop_some(draft: &mut Draft<'_>) -> bool {
    let Some((range, place)) = somewhere(draft, 32) else { return false };
    draft.edits.put(range, b"", place)
}

pub(super) fn double_some(draft: &mut Draft<'_>) -> bool {
    let Some((range, place)) = somewhere(draft, 32) else { return false };
    let Some((to, _)) = somewhere(draft, 1) else { return false };
    let to = if draft.random.one_in(2) { range.end } else { to.start };
    let place = if to == range.end { place } else { Place::Elsewhere };
    draft.edits.copy(to..to, range, place)
}

/// A word of the dictionary: the places for words are for those who look for them.
pub(super) fn insert_word(draft: &mut Draft<'_>) -> bool {
    let Some((range, place)) = somewhere(draft, 8) else { return false };
    let words = &draft.dictionary.all;
    let Some(word) = words.get(draft.random.below(words.len())) else { return false };
    let range = if draft.random.one_in(3) { range } else { range.start..range.start };
    draft.edits.put(range, word, place)
}

fn any(draft: &mut Draft<'_>) -> u8 {
    if draft.random.one_in(3) { draft.random.byte() } else { draft.random.pick(SPECIAL).unwrap_or(0) }
}
