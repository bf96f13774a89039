//! Mutations that add, drop, move, split and join records, and change their headers.

use crate::random::Random;
use crate::tls::record::MAX_FRAGMENT_LENGTH;
use crate::tls::{Record, RecordHeader, RecordStream, content_type, vocabulary};

/// Number of records at which mutations stop adding records.
const MAX_RECORDS_PER_STREAM: usize = 64;

/// Changes the list of records. Returns false if there was nothing to change.
pub(super) fn mutate(stream: &mut RecordStream<'_>, random: &mut impl Random) -> bool {
    let count = stream.records.len();
    let number = random.below(count);
    let may_grow = count < MAX_RECORDS_PER_STREAM;
    let records = &mut stream.records;
    match random.below(8) {
        0 if count > 1 => drop(records.remove(number)),
        1 if count > 1 => {
            let record = records.remove(number);
            records.insert(random.below(count), record);
        }
        2 if count > 1 => records.swap(number, random.below(count)),
        3 if count > 0 && may_grow => records.insert(random.below(count + 1), records[number].clone()),
        4 | 5 if count > 0 && may_grow => return split(records, number, random),
        6 if count > 1 => return join(records, number),
        _ => return insert(stream, random),
    }
    true
}

/// Inserts a record that clients send.
pub(super) fn insert(stream: &mut RecordStream<'_>, random: &mut impl Random) -> bool {
    let count = stream.records.len();
    if count >= MAX_RECORDS_PER_STREAM {
        return false;
    }
    let at = random.below(count + 1);
    let version = match stream.records.get(at.saturating_sub(1)).map(|record| record.header) {
        Some(RecordHeader::Tls { version, .. }) => version,
        _ => 0x0303,
    };
    let (content_type, fragment) = *random.pick(vocabulary::RECORDS);
    stream.records.insert(at, Record::new(RecordHeader::tls(content_type, version), fragment));
    true
}

/// Splits a record: into two, or into many of the same small length.
fn split(records: &mut Vec<Record<'_>>, number: usize, random: &mut impl Random) -> bool {
    let record = &records[number];
    let (header, length) = (record.header, record.fragment.len());
    if length < 2 || header == RecordHeader::Ssl2 {
        return false;
    }
    let pieces: Vec<Record<'_>> = if random.one_in(3) {
        let largest_count = MAX_RECORDS_PER_STREAM - records.len();
        let size = (1 + random.below(32)).max(length.div_ceil(largest_count));
        record.fragment.chunks(size).map(|piece| Record::new(header, piece.to_vec())).collect()
    } else {
        // At the ends, a record without content comes about.
        let (first, second) = record.fragment.split_at(random.below(length + 1));
        [first, second].map(|piece| Record::new(header, piece.to_vec())).into()
    };
    records.splice(number..=number, pieces);
    true
}

/// Joins a record and the next record, if both are of the same type and fit into one.
fn join(records: &mut Vec<Record<'_>>, number: usize) -> bool {
    let [first, second, ..] = &records[number..] else {
        return false;
    };
    let same =
        first.header.content_type().is_some() && first.header.content_type() == second.header.content_type();
    if !same || first.fragment.len() + second.fragment.len() > MAX_FRAGMENT_LENGTH {
        return false;
    }
    let joined = Record::new(first.header, [&*first.fragment, &*second.fragment].concat());
    records.splice(number..number + 2, [joined]);
    true
}

/// Changes a record's type, version, or declared length.
pub(super) fn change_header(stream: &mut RecordStream<'_>, random: &mut impl Random) -> bool {
    let number = random.below(stream.records.len());
    let Some(record) = stream.records.get_mut(number) else {
        return false;
    };
    let length = record.fragment.len() as u16;
    match (random.below(4), &mut record.header) {
        (0, RecordHeader::Tls { content_type: kind, .. }) => {
            *kind = match random.below(4) {
                0 => random.byte(),
                _ => content_type::CHANGE_CIPHER_SPEC + random.below(5) as u8,
            };
        }
        (1, RecordHeader::Tls { version, .. }) => *version = *random.pick(vocabulary::VERSIONS) as u16,
        _ if record.declared.is_some() => record.declared = None,
        _ => {
            record.declared = Some(match random.below(6) {
                0 => length.wrapping_sub(1),
                1 => length.wrapping_add(1),
                2 => 0,
                3 => u16::MAX,
                // The limits of fragments with and without encryption.
                4 => *random.pick(&[0x4000, 0x4001, 0x4100, 0x4101, 0x4800, 0x4801]),
                _ => random.below(0x1_0000) as u16,
            });
        }
    }
    true
}
