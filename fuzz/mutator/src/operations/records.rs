//! Operations on records of TLS, and on the messages and elements that they carry.

use std::ops::Range;

use sockfuzz_model::tls::{self, RecordStream};
use sockfuzz_protocol::session::{Connection, Marker};

use super::Mutation;
use super::requests::may_grow;
use super::units::{random_boundary, random_range, replace_changed, take_units, units};
use crate::edits::Region;
use crate::parsed_input::ParsedInput;

/// Maximum number of mutations that one operation applies. Lengths of records enclose nearly everything, so that a second
/// edit of the same stream would collide with the first.
const MAX_MUTATIONS: usize = 6;

/// Mutates the records of one connection.
pub(super) fn mutate_records(mutation: &mut Mutation<'_>) -> bool {
    let Some(range) = random_range(&mutation.parent.tls_ranges, mutation.random) else { return false };
    let mut stream = RecordStream::parse(&mutation.parent.bytes[range.clone()]);
    for _ in 0..MAX_MUTATIONS {
        tls::mutate(&mut stream, mutation.random);
        if mutation.random.one_in(2) {
            break;
        }
    }
    replace_changed(mutation, range, &stream.serialise())
}

/// Puts an element of the other input, such as an extension, into a list of the same kind.
pub(super) fn take_element(mutation: &mut Mutation<'_>) -> bool {
    let Some((own, foreign)) = random_ranges(mutation) else { return false };
    let mut stream = RecordStream::parse(&mutation.parent.bytes[own.clone()]);
    let other = RecordStream::parse(&mutation.other.bytes[foreign]);
    tls::take_element(&mut stream, &other, mutation.random)
        && replace_changed(mutation, own, &stream.serialise())
}

/// Inserts records of the other input between two records.
pub(super) fn take_records(mutation: &mut Mutation<'_>) -> bool {
    let Some((own, foreign)) = random_ranges(mutation) else { return false };
    take_units(mutation, own, foreign, record_boundaries)
}

fn random_ranges(mutation: &mut Mutation<'_>) -> Option<(Range<usize>, Range<usize>)> {
    let own = random_range(&mutation.parent.tls_ranges, mutation.random)?;
    let foreign = random_range(&mutation.other.tls_ranges, mutation.random)?;
    Some((own, foreign))
}

/// Ends a packet between two records, inside the header of a record, or anywhere.
pub(super) fn end_packet(mutation: &mut Mutation<'_>) -> bool {
    let Some(range) = random_range(&mutation.parent.tls_ranges, mutation.random) else { return false };
    let position = match mutation.random.below(4) {
        0 => mutation.random.within(range),
        1 => (random_boundary(mutation, range.clone(), record_boundaries) + 1 + mutation.random.below(6))
            .min(range.end),
        _ => random_boundary(mutation, range, record_boundaries),
    };
    mutation.edits.insert_marker(position, Marker::send(mutation.parent.connection_at(position)))
}

/// Sends a copy of what one connection sends on another one: two handshakes at once, or one after the other.
pub(super) fn double_all_on_another(mutation: &mut Mutation<'_>) -> bool {
    if !may_grow(mutation) {
        return false;
    }
    let Some(range) = random_range(&mutation.parent.tls_ranges, mutation.random) else { return false };
    let position = match mutation.random.one_in(2) {
        true => mutation.parent.bytes.len(),
        false => random_boundary(mutation, range.clone(), record_boundaries),
    };
    let own = mutation.parent.connection_at(position);
    let other = (own.index() + 1 + mutation.random.below(Connection::COUNT - 1)) % Connection::COUNT;
    mutation.edits.insert_marker(position, Marker::send(Connection::ALL[other]))
        && mutation.edits.copy_from_parent(position..position, range, Region::Elsewhere)
        && mutation.edits.insert_marker(position, Marker::send(own))
}

/// Returns the ranges of all records of an input.
pub(crate) fn ranges(input: &ParsedInput) -> Vec<Range<usize>> {
    units(&input.bytes, &input.tls_ranges, record_boundaries)
}

/// Returns the number of items of all lists in an input: messages, extensions, cipher suites and so on.
pub(crate) fn item_count(input: &ParsedInput) -> usize {
    input.tls_ranges.iter().map(|range| tls::item_count(&stream(input, range))).sum()
}

/// Returns the range of the connection in which the item with this number is, and its bytes without the item.
pub(crate) fn without_item(input: &ParsedInput, number: usize) -> Option<(Range<usize>, Vec<u8>)> {
    let mut skipped = number;
    for range in &input.tls_ranges {
        let mut stream = stream(input, range);
        let count = tls::item_count(&stream);
        if skipped < count {
            tls::remove_item(&mut stream, skipped);
            return Some((range.clone(), stream.serialise()));
        }
        skipped -= count;
    }
    None
}

fn stream<'a>(input: &'a ParsedInput, range: &Range<usize>) -> RecordStream<'a> {
    RecordStream::parse(&input.bytes[range.clone()])
}

/// Returns the positions at which records begin, and the end of the last record.
fn record_boundaries(bytes: &[u8]) -> Vec<usize> {
    let mut at = 0;
    let mut boundaries = vec![at];
    for record in &RecordStream::parse(bytes).records {
        at += record.len();
        boundaries.push(at);
    }
    boundaries
}
