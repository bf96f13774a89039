//! Lossless parsing of any bytes and of generated messages.

use arbitrary::{Arbitrary, Unstructured};
use proptest::prelude::*;
use sockfuzz_model::{Kind, Outline, ParsedSession, Pipeline, Visit};
use sockfuzz_protocol::session::Session;

/// Strategy for sequences of words at which parsers change state.
fn pieces() -> impl Strategy<Value = Vec<u8>> {
    let words: Vec<&[u8]> = vec![
        b"GET / HTTP/1.1\r\n",
        b"POST /a?b HTTP/1.0\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"GET /\r\n",
        b" ",
        b"\r\n",
        b"\n",
        b"\r",
        b":",
        b"Host: a\r\n",
        b"Content-Length: 5\r\n",
        b"Content-Length: 99999999999\r\n",
        b"Transfer-Encoding: chunked\r\n",
        b"Content-Type: multipart/form-data; boundary=x\r\n",
        b"5\r\nhello\r\n",
        b"0\r\n\r\n",
        b"--x\r\n",
        b"--x--\r\n",
        b"\xf5\x40",
        b"\xf5\x45",
        b"\xf5\xf5",
        b"\xf5",
        b"\0",
        b"ffffffffffffffffff\r\n",
    ];
    let piece = prop_oneof![
        4 => prop::sample::select(words).prop_map(<[u8]>::to_vec),
        1 => prop::collection::vec(any::<u8>(), 0..8),
    ];
    prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

fn assert_round_trips(bytes: &[u8]) {
    assert_eq!(Pipeline::parse(bytes).serialise(), bytes);
    let session = Session::decode(bytes);
    assert_eq!(ParsedSession::parse(&session).session(), session);
}

proptest! {
    #[test]
    fn any_bytes_round_trip(bytes: Vec<u8>) {
        assert_round_trips(&bytes);
    }

    #[test]
    fn any_pieces_round_trip(bytes in pieces()) {
        assert_round_trips(&bytes);
    }

    #[test]
    fn outline_leaves_cover_the_text(bytes in pieces()) {
        let mut outline = Outline::default();
        outline.add(&bytes);
        outline.finish();
        let leaves = outline.spans().iter().enumerate().filter(|(i, s)| s.after as usize == i + 1 && s.start < s.end);
        let mut position = 0;
        for (_, leaf) in leaves {
            prop_assert_eq!(leaf.start, position);
            position = leaf.end;
        }
        prop_assert_eq!(position as usize, bytes.len());
        let counted: usize = (0..outline.spans().len()).count();
        prop_assert!(outline.of(Kind::Request).len() <= counted);
    }

    #[test]
    fn generated_messages_round_trip(seed in prop::collection::vec(any::<u8>(), 0..2048)) {
        let session = ParsedSession::arbitrary(&mut Unstructured::new(&seed)).expect("accepts any bytes");
        let session = session.session();
        prop_assert_eq!(&Session::decode(&session.encode()), &session);
        let pipeline = Pipeline::arbitrary(&mut Unstructured::new(&seed)).expect("accepts any bytes");
        assert_round_trips(&pipeline.serialise());
    }
}

#[test]
fn most_generated_requests_are_parsed_as_requests() {
    let (mut made, mut understood) = (0, 0);
    for seed in 0..500u64 {
        let bytes: Vec<u8> = (0..128u64)
            .flat_map(|i| {
                (seed * 128 + i + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(29).to_le_bytes()
            })
            .collect();
        let pipeline = Pipeline::arbitrary(&mut Unstructured::new(&bytes)).expect("accepts any bytes");
        made += pipeline.items.len();
        understood += Pipeline::parse(&pipeline.serialise()).requests().count();
    }
    assert!(understood * 10 >= made * 6, "{understood} of {made}");
}

#[test]
fn most_seeds_are_parsed_as_requests() {
    let corpus = concat!(env!("CARGO_MANIFEST_DIR"), "/../../corpus/http1");
    let (mut all, mut requests) = (0, 0);
    for entry in std::fs::read_dir(corpus).expect("the corpus") {
        let bytes = std::fs::read(entry.expect("an entry").path()).expect("a seed");
        assert_round_trips(&bytes);
        all += 1;
        requests += usize::from(Pipeline::parse(&bytes).requests().next().is_some());
    }
    assert!(requests * 10 >= all * 9, "{requests} of {all}");
}

/// A parser with quadratic running time would time out.
#[test]
fn many_blank_lines_are_parsed_in_linear_time() {
    for blank in ["\n", "\r\n", "\r"] {
        let text = blank.repeat(1 << 20) + "x";
        assert_eq!(Pipeline::parse(text.as_bytes()).serialise(), text.as_bytes());
    }
}
