//! Mutations of frames: stream, padding, settings, windows, priorities, error codes.

use super::fields;
use crate::http2::{Connection, Frame, Random, Streams, flag, kind, setting};

/// Changes one frame. Returns false if there is none.
pub(super) fn mutate(connection: &mut Connection<'_>, random: &mut impl Random) -> bool {
    let number = random.below(connection.frames.len());
    if connection.frames.is_empty() {
        return false;
    }
    if random.one_in(4) {
        let streams = Streams::after(&connection.frames);
        connection.frames[number].stream = another_stream(&streams, random);
        return true;
    }
    let frame = &mut connection.frames[number];
    match frame.kind {
        _ if random.one_in(10) => fields::bytes(frame.payload.to_mut(), random),
        kind::DATA | kind::HEADERS | kind::PUSH_PROMISE if random.one_in(3) => padding(frame, random),
        kind::HEADERS => priority(frame, random),
        kind::SETTINGS => settings(frame, random),
        kind::PRIORITY | kind::RST_STREAM | kind::GOAWAY | kind::WINDOW_UPDATE => number_in(frame, random),
        _ => {
            let mut content = frame.content().to_vec();
            fields::bytes(&mut content, random);
            frame.set_content(&content);
        }
    }
    true
}

/// Chooses a stream: mostly a plausible one, sometimes an invalid one.
fn another_stream(streams: &Streams, random: &mut impl Random) -> u32 {
    match random.below(8) {
        0..=2 => streams.random_used(random).unwrap_or(1),
        3 => streams.random_open(random).unwrap_or(1),
        4 => streams.next_id(),
        5 => 0,
        6 => random.below(8) as u32,
        _ => random.interesting_number(),
    }
}

fn padding(frame: &mut Frame<'_>, random: &mut impl Random) {
    let parts = frame.parts();
    match random.below(4) {
        0 => frame.strip_padding(),
        // Declares padding that can be longer than the payload.
        1 if parts.padded => frame.payload.to_mut()[0] = random.byte(),
        1 => frame.flags ^= flag::PADDED,
        _ => frame.pad(*random.pick(&[0, 1, 2, 7, 255])),
    }
}

fn priority(frame: &mut Frame<'_>, random: &mut impl Random) {
    let prefix = frame.parts().prefix;
    let mut five = random.interesting_number().to_be_bytes().to_vec();
    five.push(random.byte());
    match random.below(3) {
        0 if frame.has(flag::PRIORITY) => {
            frame.payload.to_mut().drain(prefix);
            frame.flags &= !flag::PRIORITY;
        }
        1 => frame.flags ^= flag::END_STREAM,
        _ => {
            frame.payload.to_mut().splice(prefix, five);
            frame.flags |= flag::PRIORITY;
        }
    }
}

fn settings(frame: &mut Frame<'_>, random: &mut impl Random) {
    let payload = frame.payload.to_mut();
    let count = payload.len() / 6;
    let at = random.below(count) * 6;
    match random.below(6) {
        0 => frame.flags ^= flag::ACK,
        1 if count > 0 => drop(payload.drain(at..at + 6)),
        2 if count > 0 => payload[at + 1] = random.below(10) as u8,
        3 | 4 if count > 0 => {
            let identifier = u16::from_be_bytes([payload[at], payload[at + 1]]);
            payload[at + 2..at + 6].copy_from_slice(&setting_value(identifier, random).to_be_bytes());
        }
        _ => {
            let identifier = random.below(10) as u16;
            let mut new = identifier.to_be_bytes().to_vec();
            new.extend_from_slice(&setting_value(identifier, random).to_be_bytes());
            payload.splice(at..at, new);
        }
    }
}

/// Chooses a value for a setting, mostly a special one or a limit of the valid range.
fn setting_value(identifier: u16, random: &mut impl Random) -> u32 {
    let edges: &[u32] = match identifier {
        setting::HEADER_TABLE_SIZE => &[0, 1, 31, 4095, 4096, 4097, 65536],
        setting::ENABLE_PUSH | setting::ENABLE_CONNECT_PROTOCOL => &[0, 1, 2],
        setting::MAX_CONCURRENT_STREAMS | setting::MAX_HEADER_LIST_SIZE => &[0, 1, 100],
        setting::INITIAL_WINDOW_SIZE => &[0, 1, 16, 65535, 0x7fff_ffff, 0x8000_0000],
        setting::MAX_FRAME_SIZE => &[0, 0x3fff, 0x4000, 0x00ff_ffff, 0x0100_0000],
        _ => &[0, 1],
    };
    if random.one_in(4) { random.interesting_number() } else { *random.pick(edges) }
}

/// Changes one of the payload's 32-bit numbers, or some bytes.
fn number_in(frame: &mut Frame<'_>, random: &mut impl Random) {
    let payload = frame.payload.to_mut();
    let words = payload.len() / 4;
    if words == 0 || random.one_in(6) {
        return fields::bytes(payload, random);
    }
    let at = random.below(words) * 4;
    payload[at..at + 4].copy_from_slice(&random.interesting_number().to_be_bytes());
}
