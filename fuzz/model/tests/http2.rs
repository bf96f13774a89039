//! Model of HTTP/2: lossless parsing of any bytes, mutations, generation.

mod common;

use arbitrary::{Arbitrary, Unstructured};
use common::Numbers;
use proptest::prelude::*;
use sockfuzz_model::http2::hpack::{Block, Field, HeaderEncoder, Indexing, StringLiteral, Tables};
use sockfuzz_model::http2::{
    Connection, Frame, PREFACE, StreamState, Streams, flag, kind, mutate_bytes, seeds,
};

/// Strategy for bytes that mostly consist of frames.
fn frames() -> impl Strategy<Value = Vec<u8>> {
    let frame = (0..12u8, any::<u8>(), 0..6u32, prop::collection::vec(any::<u8>(), 0..40), any::<bool>());
    prop::collection::vec(frame, 0..8).prop_map(|frames| {
        let mut bytes = PREFACE.to_vec();
        for (kind, flags, stream, payload, lies) in frames {
            let length = payload.len() as u32 + u32::from(lies);
            bytes.extend_from_slice(&length.to_be_bytes()[1..]);
            bytes.extend_from_slice(&[kind, flags]);
            bytes.extend_from_slice(&stream.to_be_bytes());
            bytes.extend_from_slice(&payload);
        }
        bytes
    })
}

proptest! {
    #[test]
    fn any_bytes_round_trip(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        prop_assert_eq!(Connection::parse(&bytes).serialise(), &*bytes);
        let behind_the_preface = [PREFACE, &bytes].concat();
        prop_assert_eq!(Connection::parse(&behind_the_preface).serialise(), behind_the_preface);
    }

    #[test]
    fn any_frames_round_trip(bytes in frames()) {
        prop_assert_eq!(Connection::parse(&bytes).serialise(), bytes);
    }

    #[test]
    fn any_header_block_round_trips(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        prop_assert_eq!(Block::parse(&bytes).serialise(), &*bytes);
        Tables::default().read(&Block::parse(&bytes));
    }

    #[test]
    fn string_literals_round_trip(text in prop::collection::vec(any::<u8>(), 0..60), raw: Vec<u8>) {
        let coded = StringLiteral::encode(&*text, true);
        let decoded = coded.decode().expect("encoded text decodes");
        prop_assert_eq!(&*decoded, &*text);
        // Decoding any bytes must not panic.
        let _either_way = StringLiteral { huffman: true, raw: raw.into() }.decode();
    }

    #[test]
    fn parts_lie_within_the_payload(kind in 0..10u8, flags: u8, payload in prop::collection::vec(any::<u8>(), 0..20)) {
        let mut frame = Frame::new(kind, flags, 1, payload);
        let content = frame.content().to_vec();
        frame.set_content(&content.repeat(2));
        prop_assert_eq!(frame.content(), content.repeat(2));
        frame.strip_padding();
        frame.pad(9);
        prop_assert_eq!(frame.content(), content.repeat(2));
    }

    #[test]
    fn mutations_accept_any_frames_and_respect_the_limit(bytes in frames(), seed in 1u64..) {
        let mut numbers = Numbers(seed);
        let mut input = bytes;
        for _ in 0..50 {
            let mut output = b"kept".to_vec();
            mutate_bytes(&input, 3000, &mut numbers, &mut output);
            prop_assert!(output.starts_with(b"kept") && output.len() <= 3004);
            input = output.split_off(4);
        }
    }

    #[test]
    fn generated_connections_round_trip(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let connection = Connection::arbitrary(&mut Unstructured::new(&bytes)).expect("never fails");
        let bytes = connection.serialise();
        prop_assert_eq!(Connection::parse(&bytes), connection);
    }
}

#[test]
fn mutations_depend_on_the_random_numbers_only() {
    let mutated = |seed| {
        let mut output = Vec::new();
        mutate_bytes(&seeds()[3].1, 1000, &mut Numbers(seed), &mut output);
        output
    };
    assert_eq!(mutated(7), mutated(7));
}

/// Counts each kind of change over many mutations.
#[test]
fn every_kind_of_mutation_occurs() {
    let mut numbers = Numbers(1);
    let (mut shorter, mut lies, mut padded, mut divided, mut foreign, mut changed) = (0, 0, 0, 0, 0, 0);
    let seeds = seeds();
    for (_, seed) in seeds.iter().cycle().take(20_000) {
        let mut output = Vec::new();
        mutate_bytes(seed, 1 << 20, &mut numbers, &mut output);
        let (before, after) = (Connection::parse(seed), Connection::parse(&output));
        shorter += u32::from(after.frames.len() < before.frames.len());
        lies += u32::from(after.frames.last().is_some_and(|frame| frame.declared.is_some()));
        padded += u32::from(after.frames.iter().any(|frame| frame.has(flag::PADDED)));
        divided +=
            u32::from(after.frames.iter().filter(|frame| frame.kind == kind::CONTINUATION).count() == 1);
        foreign += u32::from(after.frames.iter().any(|frame| frame.stream > 100));
        changed += u32::from(output != *seed);
    }
    for count in [shorter, lies, padded, divided, foreign] {
        assert!(count > 200, "{shorter} {lies} {padded} {divided} {foreign}");
    }
    assert!(changed > 18_000, "{changed}");
}

#[test]
fn two_libraries_decode_the_same_headers() {
    let headers: Vec<(&str, &str)> =
        vec![(":method", "GET"), (":path", "/a b"), ("x-new", "\u{e9}"), ("x-new", "\u{e9}"), ("cookie", "")];
    for huffman in [false, true] {
        let mut encoder = HeaderEncoder::default();
        let mut tables = Tables::default();
        let mut other = httlib_hpack::Decoder::default();
        // The second block refers to the dynamic table.
        for _ in 0..2 {
            let mut block = encoder.block(&headers, huffman);
            block.fields.push(Field::literal(Indexing::Never, b"secret", b"value", huffman));
            let read: Vec<_> =
                tables.read(&block).into_iter().map(|header| header.expect("a header")).collect();
            let mut judged = Vec::new();
            other.decode(&mut block.serialise(), &mut judged).expect("valid");
            let judged: Vec<_> = judged.into_iter().map(|(name, value, _)| (name, value)).collect();
            assert_eq!(read, judged);
            assert_eq!(read[1], (b":path".to_vec(), b"/a b".to_vec()));
            assert_eq!(read.len(), headers.len() + 1);
        }
    }
}

#[test]
fn replaced_header_block_keeps_its_split() {
    let piece = |kind, bytes: &[u8]| Frame::new(kind, 0, 1, bytes.to_vec());
    let frames = vec![
        piece(kind::HEADERS, b"abc"),
        piece(kind::CONTINUATION, b"de"),
        piece(kind::CONTINUATION, b"f"),
        piece(kind::DATA, b"data"),
    ];
    let mut connection = Connection { preface: true, frames, rest: &[] };
    connection.frames[1].pad(2);
    connection.frames[0].pad(2);
    assert_eq!(connection.block(0), b"abcdef");
    connection.set_block(0, b"ABCDEFGH");
    let parts: Vec<_> = connection.frames.iter().map(|frame| frame.content().to_vec()).collect();
    assert_eq!(parts, [&b"ABC"[..], b"DE", b"FGH", b"data"]);
}

#[test]
fn stream_states_follow_frames() {
    let frame = |kind, flags, stream| Frame::new(kind, flags, stream, Vec::new());
    let streams = Streams::after(&[
        frame(kind::HEADERS, 0, 3),
        frame(kind::HEADERS, flag::END_STREAM, 5),
        frame(kind::HEADERS, 0, 7),
        frame(kind::DATA, flag::END_STREAM, 7),
        frame(kind::HEADERS, 0, 9),
        frame(kind::RST_STREAM, 0, 9),
    ]);
    let states = [1, 2, 3, 5, 7, 9, 11].map(|id| streams.state(id));
    use StreamState::{Closed, HalfClosed, Idle, Open};
    assert_eq!(states, [Closed, Idle, Open, HalfClosed, HalfClosed, Closed, Idle]);
    assert_eq!(streams.next_id(), 11);
    assert_eq!(streams.random_open(&mut Numbers(1)), Some(3));
}

#[test]
fn corpus_matches_the_seeds() {
    common::assert_corpus("http2", &seeds(), 400);
}
