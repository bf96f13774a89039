//! Mutations of a stream: its records, and the elements that these carry.

mod elements;
mod records;

use super::element::Element;
use super::stream::{RecordStream, parse_content};
use crate::random::Random;

/// Applies one mutation to a stream. Lengths are right afterwards, but sometimes one is made wrong.
pub fn mutate(stream: &mut RecordStream<'_>, random: &mut impl Random) {
    let changed = match random.below(16) {
        0..=2 => records::mutate(stream, random),
        3 => records::change_header(stream, random),
        _ => change_content(stream, random, |content, random| elements::mutate(content, random)),
    };
    // Inserting a record is possible up to the maximum number of records.
    if !changed {
        records::insert(stream, random);
    }
}

/// Puts an element of `other` into a list of the same name: an extension among extensions, a message among messages, a cipher
/// suite among cipher suites. Returns false if no list of the stream has the same name as one of `other`.
pub fn take_element(
    stream: &mut RecordStream<'_>,
    other: &RecordStream<'_>,
    random: &mut impl Random,
) -> bool {
    let Some(first) = random_content(other, random) else { return false };
    let bytes = other.content(first);
    let source = parse_content(other.records[first].header, &bytes);
    change_content(stream, random, |content, random| elements::take(content, &source, random))
}

/// Returns the position of a random content: mostly of one that has a structure.
fn random_content(stream: &RecordStream<'_>, random: &mut impl Random) -> Option<usize> {
    let contents = stream.contents();
    let structured: Vec<usize> =
        contents.iter().copied().filter(|first| is_structured(stream, *first)).collect();
    let choice = if structured.is_empty() || random.one_in(8) { contents } else { structured };
    (!choice.is_empty()).then(|| *random.pick(&choice))
}

fn is_structured(stream: &RecordStream<'_>, first: usize) -> bool {
    use super::record::content_type::{ALERT, HANDSHAKE, HEARTBEAT};
    matches!(stream.records[first].header.content_type(), None | Some(ALERT | HANDSHAKE | HEARTBEAT))
}

/// Changes a random content by `change`, which returns whether there was anything to change.
fn change_content<R: Random>(
    stream: &mut RecordStream<'_>,
    random: &mut R,
    change: impl FnOnce(&mut Element<'_>, &mut R) -> bool,
) -> bool {
    let Some(first) = random_content(stream, random) else { return false };
    let bytes = stream.content(first).into_owned();
    let mut content = parse_content(stream.records[first].header, &bytes);
    let changed = change(&mut content, random);
    if changed {
        stream.set_content(first, &content.serialise());
    }
    changed
}
