//! Operations on bytes of any element. They reach text that the model cannot parse, and put errors into elements.

use std::ops::Range;

use sockfuzz_model::Kind;

use super::Mutation;
use crate::edits::Region;

/// Bytes that parsers handle specially.
const SPECIAL_BYTES: &[u8] = b"\0\t\n\x0b\r \"#%&'()*+,-./:;<=>?@[\\]^_`{|}~\x7f\x80\xff0aA";

/// Chooses a range of at most `max_length` bytes: mostly within one element, sometimes anywhere.
fn random_range(mutation: &mut Mutation<'_>, max_length: usize) -> Option<(Range<usize>, Region)> {
    let spans = mutation.parent.outline.spans();
    let span = spans.get(mutation.random.below(spans.len()))?;
    let whole = if mutation.random.one_in(4) { 0..mutation.parent.bytes.len() } else { span.range() };
    let region = match span.kind {
        Kind::Content | Kind::Data if whole == span.range() => Region::Body,
        _ => Region::Elsewhere,
    };
    let start = mutation.random.within(whole.clone());
    let count = 1 + mutation.random.below(max_length.min(whole.end - start));
    Some((start..(start + count).min(whole.end), region))
}

pub(super) fn flip(mutation: &mut Mutation<'_>) -> bool {
    let Some((range, _)) = random_range(mutation, 1) else { return false };
    let Some(&byte) = mutation.parent.bytes.get(range.start) else { return false };
    let flipped = byte ^ (1 << mutation.random.below(8));
    mutation.edits.replace(range, &[flipped], Region::Elsewhere)
}

pub(super) fn overwrite(mutation: &mut Mutation<'_>) -> bool {
    let Some((range, _)) = random_range(mutation, 1) else { return false };
    let byte = random_byte(mutation);
    mutation.edits.replace(range, &[byte], Region::Elsewhere)
}

pub(super) fn insert(mutation: &mut Mutation<'_>) -> bool {
    let Some((range, region)) = random_range(mutation, 1) else { return false };
    let byte = random_byte(mutation);
    let count = if mutation.random.one_in(8) { 1 << mutation.random.below(10) } else { 1 };
    mutation.edits.replace_with(range.start..range.start, region, |scratch| {
        scratch.extend(std::iter::repeat_n(byte, count))
    })
}

pub(super) fn drop_some(mutation: &mut Mutation<'_>) -> bool {
    let Some((range, region)) = random_range(mutation, 32) else { return false };
    mutation.edits.replace(range, b"", region)
}

pub(super) fn double_some(mutation: &mut Mutation<'_>) -> bool {
    let Some((range, region)) = random_range(mutation, 32) else { return false };
    let Some((to, _)) = random_range(mutation, 1) else { return false };
    let to = if mutation.random.one_in(2) { range.end } else { to.start };
    let region = if to == range.end { region } else { Region::Elsewhere };
    mutation.edits.copy_from_parent(to..to, range, region)
}

/// Inserts any word of the dictionary anywhere, or replaces bytes by it. Other operations choose fitting words.
pub(super) fn insert_word(mutation: &mut Mutation<'_>) -> bool {
    let Some((range, region)) = random_range(mutation, 8) else { return false };
    let words = &mutation.dictionary.all;
    let Some(word) = words.get(mutation.random.below(words.len())) else { return false };
    let range = if mutation.random.one_in(3) { range } else { range.start..range.start };
    mutation.edits.replace(range, word, region)
}

fn random_byte(mutation: &mut Mutation<'_>) -> u8 {
    if mutation.random.one_in(3) {
        mutation.random.byte()
    } else {
        mutation.random.pick(SPECIAL_BYTES).unwrap_or(0)
    }
}
