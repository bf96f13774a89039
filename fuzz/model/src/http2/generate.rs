//! Generation of connections: mostly valid sequences of frames.

use arbitrary::{Arbitrary, Result, Unstructured};

use super::hpack::{Block, HeaderEncoder};
use super::{Connection, Frame, Random, Streams, flag, kind, vocabulary};

/// Maximum number of frames after the settings.
const MAX_GENERATED_FRAMES: usize = 8;

/// Generates a connection.
pub fn generate(random: &mut impl Random) -> Connection<'static> {
    let mut encoder = HeaderEncoder::default();
    let mut frames = vec![Frame::new(kind::SETTINGS, 0, 0, settings(random))];
    let mut streams = Streams::default();
    for _ in 0..=random.below(MAX_GENERATED_FRAMES) {
        let frame = if streams.next_id() == 1 {
            request(&streams, &mut encoder, random)
        } else {
            frame(&streams, &mut encoder, random)
        };
        streams.record(&frame);
        frames.push(frame);
    }
    Connection { preface: true, frames, rest: &[] }
}

/// Generates a frame that fits the states of the streams.
pub(super) fn frame(
    streams: &Streams,
    encoder: &mut HeaderEncoder,
    random: &mut impl Random,
) -> Frame<'static> {
    let open = streams.random_open(random);
    let used = streams.random_used(random).unwrap_or(1);
    match random.below(12) {
        0..=3 => request(streams, encoder, random),
        4 => Frame::new(kind::SETTINGS, 0, 0, settings(random)),
        5 => Frame::new(kind::SETTINGS, flag::ACK, 0, Vec::new()),
        6 => Frame::new(
            kind::PING,
            random.below(2) as u8,
            0,
            (0..8).map(|_| random.byte()).collect::<Vec<_>>(),
        ),
        7 => {
            let stream = if random.one_in(2) { 0 } else { used };
            Frame::new(kind::WINDOW_UPDATE, 0, stream, random.interesting_number().to_be_bytes().to_vec())
        }
        8 => Frame::new(kind::RST_STREAM, 0, used, (random.below(14) as u32).to_be_bytes().to_vec()),
        9 => Frame::new(kind::PRIORITY, 0, used, priority(streams, random)),
        10 => {
            let mut payload = used.to_be_bytes().to_vec();
            payload.extend_from_slice(&(random.below(14) as u32).to_be_bytes());
            Frame::new(kind::GOAWAY, 0, 0, payload)
        }
        _ => {
            let ends = if random.one_in(2) { flag::END_STREAM } else { 0 };
            let mut data = Frame::new(kind::DATA, ends, open.unwrap_or(used), vec![b'x'; random.below(20)]);
            if random.one_in(4) {
                data.pad(random.below(8) as u8);
            }
            data
        }
    }
}

fn request(streams: &Streams, encoder: &mut HeaderEncoder, random: &mut impl Random) -> Frame<'static> {
    let mut flags = flag::END_HEADERS;
    if !random.one_in(3) {
        flags |= flag::END_STREAM;
    }
    let block = headers(encoder, random);
    let mut frame = Frame::new(kind::HEADERS, flags, streams.next_id(), block.serialise());
    if random.one_in(6) {
        let mut payload = priority(streams, random);
        payload.extend_from_slice(&frame.payload);
        frame.payload = payload.into();
        frame.flags |= flag::PRIORITY;
    }
    frame
}

/// Generates the header block of a request.
fn headers(encoder: &mut HeaderEncoder, random: &mut impl Random) -> Block<'static> {
    let mut fields = Vec::new();
    for (name, values) in &vocabulary::PSEUDO_HEADERS[..4] {
        let likely = if random.one_in(2) { values[0] } else { random.pick(values) };
        fields.push(encoder.field(name.as_bytes(), likely.as_bytes(), random.one_in(2)));
    }
    for _ in 0..random.below(4) {
        let (name, values) = random.pick(vocabulary::FIELDS);
        fields.push(encoder.field(name.as_bytes(), random.pick(values).as_bytes(), random.one_in(2)));
    }
    Block { fields }
}

fn settings(random: &mut impl Random) -> Vec<u8> {
    let mut payload = Vec::new();
    for _ in 0..random.below(4) {
        payload.extend_from_slice(&(random.below(9) as u16).to_be_bytes());
        payload.extend_from_slice(&random.interesting_number().to_be_bytes());
    }
    payload
}

fn priority(streams: &Streams, random: &mut impl Random) -> Vec<u8> {
    let exclusive = if random.one_in(2) { 0x8000_0000 } else { 0 };
    let mut payload = (streams.random_used(random).unwrap_or(0) | exclusive).to_be_bytes().to_vec();
    payload.push(random.byte());
    payload
}

impl<'a> Arbitrary<'a> for Connection<'static> {
    fn arbitrary(bytes: &mut Unstructured<'a>) -> Result<Self> {
        Ok(generate(bytes))
    }
}
