//! Model of TLS: lossless parsing of any bytes, structure of real messages, mutations, seeds.

mod common;

use common::Numbers;
use proptest::prelude::*;
use sockfuzz_model::tls::{
    Content, Element, Record, RecordHeader, RecordStream, content_type, item_count, mutate, parse_content,
    remove_item, seeds, take_element,
};

/// Strategy for bytes that mostly consist of records with handshake messages and alerts.
fn records() -> impl Strategy<Value = Vec<u8>> {
    let record = (20..25u8, prop::collection::vec(any::<u8>(), 0..60), 0..24u8, any::<bool>());
    prop::collection::vec(record, 0..8).prop_map(|records| {
        let mut bytes = Vec::new();
        for (content_type, mut fragment, kind, lies) in records {
            if let [first, high, middle, low, ..] = &mut *fragment {
                (*first, *high, *middle, *low) = (kind, 0, 0, *low % 64);
            }
            let length = fragment.len() as u16 + u16::from(lies);
            bytes.extend_from_slice(&[content_type, 3, 1]);
            bytes.extend_from_slice(&length.to_be_bytes());
            bytes.extend_from_slice(&fragment);
        }
        bytes
    })
}

fn seed(name: &str) -> Vec<u8> {
    seeds().into_iter().find(|(known, _)| *known == name).expect("a seed").1
}

/// Asserts that a stream and all its contents serialise to what they were parsed from.
fn round_trip(bytes: &[u8]) {
    let stream = RecordStream::parse(bytes);
    assert_eq!(stream.serialise(), bytes);
    let mut same = stream.clone();
    for first in stream.contents() {
        let content = stream.content(first);
        let parsed = parse_content(stream.records[first].header, &content);
        assert_eq!(parsed.serialise(), *content);
        assert_eq!(parsed.len(), content.len());
        same.set_content(first, &content);
    }
    assert_eq!(same.serialise(), bytes);
    drop(stream.to_string());
}

proptest! {
    #[test]
    fn any_bytes_round_trip(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        round_trip(&bytes);
        round_trip(&[&[22, 3, 1, 1, 0, 1, 0, 0, 250, 3, 3][..], &bytes].concat());
    }

    #[test]
    fn any_records_round_trip(bytes in records()) {
        round_trip(&bytes);
    }

    #[test]
    fn truncated_seeds_round_trip(number in 0usize..100, at in 0usize..1000) {
        let seeds = seeds();
        let (_, seed) = &seeds[number % seeds.len()];
        round_trip(&seed[..at.min(seed.len())]);
    }

    #[test]
    fn mutations_accept_any_records(bytes in records(), other in records(), seed in 1u64..) {
        let mut numbers = Numbers(seed);
        let other = RecordStream::parse(&other);
        let mut input = bytes;
        for _ in 0..50 {
            let mut stream = RecordStream::parse(&input);
            mutate(&mut stream, &mut numbers);
            take_element(&mut stream, &other, &mut numbers);
            let output = stream.serialise();
            prop_assert!(output.len() < input.len() + 64 * 1024);
            input = output;
            input.truncate(4096);
        }
    }
}

#[test]
fn every_seed_round_trips() {
    for (name, bytes) in seeds() {
        round_trip(&bytes);
        assert_eq!(RecordStream::recognises(&bytes), !name.starts_with("plain-"), "{name}");
    }
}

/// Returns the elements of the content at `first` with this name.
fn found<'e>(content: &'e Element<'_>, name: &str) -> Vec<&'e Element<'e>> {
    let mut found = Vec::new();
    content.visit(&mut |element| {
        if element.name == name {
            found.push(element);
        }
    });
    found
}

#[test]
fn a_hello_is_parsed_down_to_its_values() {
    let bytes = seed("hello-tls13");
    let stream = RecordStream::parse(&bytes);
    let content = parse_content(stream.records[0].header, &stream.records[0].fragment);
    let values =
        |name| found(&content, name).iter().filter_map(|element| element.number()).collect::<Vec<_>>();
    assert_eq!(values("handshake_type"), [1]);
    assert_eq!(values("extension_type"), [0, 10, 11, 13, 23, 43, 45, 51]);
    assert_eq!(values("cipher_suite"), [0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f]);
    // The last one is that of the key share.
    assert_eq!(values("named_group"), [29, 23, 29]);
    assert_eq!(values("psk_mode"), [1]);
    let names = found(&content, "host_name");
    assert_eq!(names.last().expect("a name").serialise(), b"localhost");
    assert_eq!(found(&content, "rest"), <[&Element<'_>; 0]>::default());
}

#[test]
fn messages_are_parsed_across_records() {
    let bytes = seed("record-pieces");
    let mut stream = RecordStream::parse(&bytes);
    assert!(stream.records.len() > 5);
    assert_eq!(stream.contents(), [0]);
    let content = stream.content(0).into_owned();
    let mut hello = parse_content(stream.records[0].header, &content);
    let mut first = 0;
    let suites = hello
        .nth_mut(&mut first, &|element| {
            element.name == "cipher_suite" && matches!(element.content, Content::List(_))
        })
        .expect("cipher suites");
    let Content::List(items) = &mut suites.content else { panic!("a list") };
    items.truncate(1);
    stream.set_content(0, &hello.serialise());
    // Four suites are gone, and all lengths around them follow.
    let after = stream.content(0).into_owned();
    assert_eq!(after.len(), content.len() - 8);
    assert_eq!(after[3], content[3] - 8);
    let mut lies = 0;
    parse_content(stream.records[0].header, &after).visit(&mut |element| {
        lies += usize::from(matches!(element.content, Content::Vector { declared: Some(_), .. }));
    });
    assert_eq!(lies, 0);
    assert!(stream.records.iter().all(|record| record.fragment.len() <= 32));
}

#[test]
fn long_content_gets_further_records() {
    let header = RecordHeader::tls(content_type::HANDSHAKE, 0x0303);
    let mut stream = RecordStream { records: vec![Record::new(header, &b"abc"[..])], rest: b"" };
    stream.set_content(0, &[7; 40_000]);
    let lengths: Vec<_> = stream.records.iter().map(|record| record.fragment.len()).collect();
    assert_eq!(lengths, [16_384, 16_384, 7_232]);
    stream.set_content(0, b"x");
    assert_eq!(stream.records.len(), 1);
}

/// Counts each kind of change over many mutations.
#[test]
fn every_kind_of_mutation_occurs_and_most_lengths_are_right() {
    let mut numbers = Numbers(1);
    let (mut records, mut lies, mut inner_lies, mut extensions, mut suites, mut changed) = (0, 0, 0, 0, 0, 0);
    let seeds = seeds();
    let count = |stream: &RecordStream<'_>, name: &str| {
        let content = stream.content(0);
        found(&parse_content(stream.records[0].header, &content), name).len()
    };
    let hellos: Vec<_> = seeds.iter().filter(|(name, _)| name.starts_with("extension-")).collect();
    for (_, seed) in hellos.iter().cycle().take(20_000) {
        let before = RecordStream::parse(seed);
        let mut stream = before.clone();
        mutate(&mut stream, &mut numbers);
        let output = stream.serialise();
        let after = RecordStream::parse(&output);
        changed += usize::from(output != *seed);
        records += usize::from(after.records.len() != before.records.len());
        let lie = after.records.iter().any(|record| record.declared.is_some()) || !after.rest.is_empty();
        lies += usize::from(lie);
        if lie || after.records.is_empty() {
            continue;
        }
        let content = after.content(0);
        let has_lie = |element: &&Element<'_>| {
            element.name == "rest" || matches!(element.content, Content::Vector { declared: Some(_), .. })
        };
        let parsed = parse_content(after.records[0].header, &content);
        inner_lies += usize::from(parsed.count(&|element| has_lie(&element)) > 0);
        extensions += usize::from(count(&after, "extension") != count(&before, "extension"));
        suites += usize::from(count(&after, "cipher_suite") != count(&before, "cipher_suite"));
    }
    for kind in [records, lies, inner_lies, extensions, suites] {
        assert!(kind > 200, "{records} {lies} {inner_lies} {extensions} {suites}");
    }
    assert!(changed > 18_000, "{changed}");
    assert!(lies + inner_lies < 8_000, "{lies} and {inner_lies} with wrong lengths");
}

#[test]
fn elements_are_taken_into_lists_of_the_same_name() {
    let (own, other) = (seed("hello-without-extensions"), seed("extension-alpn"));
    let (mut numbers, mut taken) = (Numbers(1), 0);
    for _ in 0..400 {
        let mut stream = RecordStream::parse(&own);
        let changed = take_element(&mut stream, &RecordStream::parse(&other), &mut numbers);
        taken += usize::from(changed && stream.serialise() != own);
    }
    // The hello has lists of cipher suites and compression methods only, and messages; the other one has many more.
    assert!(taken > 50, "{taken}");
}

#[test]
fn removed_items_leave_right_lengths() {
    let bytes = seed("extension-alpn");
    let whole = RecordStream::parse(&bytes);
    // A message, 6 cipher suites, a compression method, 6 extensions with 1, 2, 1, 5, 0 and 2 items.
    let count = item_count(&whole);
    assert_eq!(count, 1 + 6 + 1 + 6 + 11);
    for number in 0..count {
        let mut stream = whole.clone();
        assert!(remove_item(&mut stream, number));
        assert!(item_count(&stream) < count);
        let content = stream.content(0).into_owned();
        let parsed = parse_content(stream.records[0].header, &content);
        let wrong = |element: &Element<'_>| {
            element.name == "rest" || matches!(element.content, Content::Vector { declared: Some(_), .. })
        };
        assert_eq!(parsed.count(&wrong), 0, "{number}");
    }
    assert!(!remove_item(&mut whole.clone(), count));
}

#[test]
fn text_names_what_a_client_and_a_server_send() {
    let bytes = seed("extension-alpn");
    let text = RecordStream::parse(&bytes).to_string();
    for line in [
        "record handshake, TLS 1.0, 129 bytes\n  client_hello\n    version TLS 1.2\n",
        "    session_id empty\n",
        "ECDHE_RSA_AES_128_GCM_SHA256, ECDHE_RSA_CHACHA20_POLY1305",
        "      server_name host_name \"localhost\"\n",
        "      alpn \"h2\", \"http/1.1\"\n",
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
    let answer = b"\x15\x03\x03\0\x02\x02\x28";
    assert_eq!(
        RecordStream::parse(answer).to_string(),
        "record alert, TLS 1.2, 2 bytes\n  alert fatal, handshake_failure\n"
    );
}

#[test]
fn corpus_matches_the_seeds() {
    common::assert_corpus("tls", &seeds(), 700);
}
