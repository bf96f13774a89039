//! Mutations of a connection: its list of frames, single frames, header fields.

mod fields;
mod frames;
mod payload;

use super::{Connection, Random, flag};

/// Applies one mutation to a connection. Adjusts lengths, but sometimes declares a wrong one.
pub fn mutate(connection: &mut Connection<'_>, random: &mut impl Random) {
    let changed = match random.below(16) {
        0..=4 => frames::mutate(connection, random),
        5..=9 => fields::mutate(connection, random),
        10..=14 => payload::mutate(connection, random),
        _ => header(connection, random),
    };
    // Inserting a frame is possible up to the maximum number of frames.
    if !changed {
        frames::insert(connection, random);
    }
}

/// Parses `input`, mutates it, and appends at most `max` bytes of the result to `output`.
pub fn mutate_bytes(input: &[u8], max: usize, random: &mut impl Random, output: &mut Vec<u8>) {
    let mut connection = Connection::parse(input);
    mutate(&mut connection, random);
    let begin = output.len();
    connection.serialise_into(output);
    output.truncate(begin + max);
}

/// Changes a frame's header or the connection's preface.
fn header(connection: &mut Connection<'_>, random: &mut impl Random) -> bool {
    if random.one_in(16) {
        connection.preface = !connection.preface;
        return true;
    }
    let number = random.below(connection.frames.len());
    let Some(frame) = connection.frames.get_mut(number) else {
        return false;
    };
    match random.below(4) {
        0 if frame.declared.is_some() => frame.declared = None,
        0 | 1 => {
            let length = frame.payload.len() as u32;
            frame.declared = Some(match random.below(4) {
                0 => length.saturating_sub(1),
                1 => length + 1,
                2 => random.interesting_number(),
                _ => 0,
            });
        }
        2 => frame.kind = if random.one_in(4) { random.byte() } else { random.below(10) as u8 },
        _ => {
            frame.flags ^=
                random.pick(&[flag::END_STREAM, flag::END_HEADERS, flag::PADDED, flag::PRIORITY, 2, 0x80])
        }
    }
    true
}
