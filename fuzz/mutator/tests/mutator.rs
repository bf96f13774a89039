//! Properties that AFL++ relies on: determinism, length limits, variety.

mod common;

use std::collections::{BTreeSet, HashSet};

use common::{MAX_LENGTH, seeds};
use proptest::prelude::*;
use sockfuzz_model::vocabulary::FIELD_NAMES;
use sockfuzz_model::{Body, Pipeline, http2, tls};
use sockfuzz_mutator::{Dictionary, GROWTH_LIMIT_BYTES, Mutator};
use sockfuzz_protocol::InputFormat;
use sockfuzz_protocol::session::{Action, Connection, Session, Step, has_marker};

fn mutator(seed: u64, input: InputFormat) -> Mutator {
    Mutator::new(seed, input, Dictionary::read(None))
}

fn sequence(seed: u64, input: InputFormat) -> Vec<Vec<u8>> {
    let (seeds, mut mutator) = (seeds(), mutator(seed, input));
    let pairs = seeds.iter().zip(seeds.iter().rev()).cycle().take(4000);
    pairs.map(|(parent, other)| mutator.mutate(parent, other, MAX_LENGTH).to_vec()).collect()
}

#[test]
fn mutations_are_determined_by_the_seed() {
    assert_eq!(sequence(7, InputFormat::Session), sequence(7, InputFormat::Session));
    assert_ne!(sequence(7, InputFormat::Session), sequence(8, InputFormat::Session));
}

#[test]
fn mutations_differ_from_their_parents_and_from_each_other() {
    let seeds = seeds();
    let children = sequence(1, InputFormat::Raw);
    let changed = children.iter().zip(seeds.iter().cycle()).filter(|(child, parent)| child != parent).count();
    assert!(changed * 10 >= children.len() * 9, "{changed} of {}", children.len());
    let distinct: HashSet<_> = children.iter().collect();
    assert!(distinct.len() * 10 >= children.len() * 9, "{} of {}", distinct.len(), children.len());
}

#[test]
fn markers_are_inserted_in_sessions_only() {
    let count = |input| sequence(1, input).iter().filter(|child| has_marker(child)).count();
    // Random bytes can contain a marker, which has no meaning in raw inputs.
    assert!(count(InputFormat::Raw) < 20);
    assert!((100..3000).contains(&count(InputFormat::Session)));
}

/// Asserts that some mutation of the inputs sends these lines, each as the first of a step.
fn makes(parent: &str, other: &str, lines: &[&str]) {
    let mut mutator = mutator(1, InputFormat::Session);
    let sends = |child: &[u8]| {
        let session = Session::decode(child);
        let starts_with = |step: &Step, line: &str| matches!(&step.action, Action::Send(chunk) if chunk.starts_with(line.as_bytes()));
        session.steps().len() == lines.len()
            && session.steps().iter().zip(lines).all(|(step, line)| starts_with(step, line))
    };
    let found = (0..40_000).any(|_| sends(mutator.mutate(parent.as_bytes(), other.as_bytes(), MAX_LENGTH)));
    assert!(found, "{lines:?}");
}

#[test]
fn sequences_refer_to_earlier_answers() {
    let post = "POST /items HTTP/1.1\r\nContent-Length: 12\r\n\r\n{\"name\":\"a\"}";
    let get = "GET /items/1 HTTP/1.1\r\nAuthorization: Bearer a\r\n\r\n";
    makes(post, get, &["POST /items", "GET /items/{{1.json.id}} HTTP/1.1\r\nAuthorization"]);
    makes(
        post,
        get,
        &["POST /items", "GET /items/1 HTTP/1.1\r\nAuthorization: Bearer {{1.json.token}}\r\n\r\n"],
    );
    makes(post, "", &["POST /items", "DELETE /items/{{1.json.id}} HTTP/1.1\r\n"]);
    makes(post, "", &["POST /items", "PUT {{1.location}} HTTP/1.1\r\n"]);
    // What was sent together is taken apart.
    makes(&[post, get].concat(), "", &["POST /items", "GET /items/{{1.json.id}} "]);
    let read = "POST /items HTTP/1.1\r\n\r\nGET /items/{{1.json.id}} HTTP/1.1\r\n\r\n";
    for changed in ["GET /items/{{2.json.id}}", "GET /items/{{1.location.id}}", "GET /items/{{1.jon.id}}"] {
        let mut mutator = mutator(1, InputFormat::Session);
        let is_changed = |child: &[u8]| child.windows(changed.len()).any(|bytes| bytes == changed.as_bytes());
        assert!(
            (0..40_000).any(|_| is_changed(mutator.mutate(read.as_bytes(), b"", MAX_LENGTH))),
            "{changed}"
        );
    }
}

#[test]
fn large_inputs_do_not_grow() {
    let field = "X-Field: 0123456789012345678901234567890123456789\r\n";
    for size in [GROWTH_LIMIT_BYTES / 2, GROWTH_LIMIT_BYTES, 4 * GROWTH_LIMIT_BYTES] {
        let parent = format!("GET / HTTP/1.1\r\n{}\r\n", field.repeat(size / field.len()));
        let mut mutator = mutator(5, InputFormat::Session);
        let grown: Vec<_> = (0..300)
            .map(|_| mutator.mutate(parent.as_bytes(), parent.as_bytes(), usize::MAX).len())
            .collect();
        assert!(grown.iter().all(|&len| len <= GROWTH_LIMIT_BYTES.max(parent.len())), "{size}");
        assert!(grown.iter().any(|&len| len > parent.len()) || size > GROWTH_LIMIT_BYTES / 2, "{size}");
    }
}

#[test]
fn most_lengths_are_repaired() {
    let parent = b"POST /form HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n0123456789";
    let mut mutator = mutator(3, InputFormat::Raw);
    let (mut bodies, mut right) = (0, 0);
    for _ in 0..4000 {
        let child = mutator.mutate(parent, b"", MAX_LENGTH).to_vec();
        let pipeline = Pipeline::parse(&child);
        let Some(request) = pipeline.requests().next() else { continue };
        let Body::Sized(body) = &request.body else { continue };
        bodies += 1;
        let length = format!("{}", body.len());
        right += usize::from(request.head.all("Content-Length").any(|value| value == length.as_bytes()));
    }
    assert!(bodies > 2000 && right * 10 >= bodies * 8, "{right} of {bodies}");
}

#[test]
fn every_operation_is_used() {
    let (seeds, mut mutator) = (seeds(), mutator(5, InputFormat::Session));
    let mut names = BTreeSet::new();
    for (parent, other) in seeds.iter().zip(seeds.iter().rev()).cycle().take(40_000) {
        mutator.mutate(parent, other, MAX_LENGTH);
        let description = String::from_utf8(mutator.describe(200).to_vec()).expect("text");
        assert!(description.starts_with("op:http"), "{description}");
        names.extend(description.split('-').skip(1).map(str::to_owned));
        assert!(mutator.describe(30).len() <= 30);
    }
    assert!(names.len() >= 59, "{names:?}");
}

#[test]
fn documents_are_valid_and_all_field_names_occur() {
    let parent = b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n{\"a\":[1]}";
    let mut mutator = mutator(11, InputFormat::Raw);
    let (mut objects, mut names) = (HashSet::new(), BTreeSet::new());
    for _ in 0..20_000 {
        let child = mutator.mutate(parent, b"", MAX_LENGTH).to_vec();
        let pipeline = Pipeline::parse(&child);
        let Some(request) = pipeline.requests().next() else { continue };
        names.extend(request.head.fields.iter().map(|field| field.name.to_ascii_lowercase()));
        if let Body::Sized(body) = &request.body
            && let Ok(value) = serde_json::from_slice::<serde_json::Value>(body)
        {
            objects.insert(value.to_string());
        }
    }
    assert!(objects.len() > 100, "{} JSON documents", objects.len());
    let known = |name: &&&str| names.contains(name.to_ascii_lowercase().as_bytes());
    assert_eq!(FIELD_NAMES.iter().filter(known).count(), FIELD_NAMES.len());
}

/// HTTP/2 is mutated by frames: most children begin with the preface and consist of complete frames,
/// whatever the packet boundaries are.
#[test]
fn most_frames_stay_complete() {
    let seeds = http2::seeds();
    let (mut whole, mut cut) = (0, 0);
    for input in [InputFormat::Raw, InputFormat::Session] {
        let mut mutator = mutator(9, input);
        for ((_, parent), (_, other)) in seeds.iter().zip(seeds.iter().rev()).cycle().take(2000) {
            let steps = [&parent[..parent.len() / 2], &parent[parent.len() / 2..]].map(|bytes| Step {
                connection: Connection::default(),
                action: Action::Send(bytes.to_vec()),
            });
            let session: Session = steps.into_iter().collect();
            let parent = if input == InputFormat::Raw { parent } else { &session.encode() };
            let child = mutator.mutate(parent, other, MAX_LENGTH).to_vec();
            let sent = match input {
                InputFormat::Raw => child,
                InputFormat::Session => {
                    let child = Session::decode(&child);
                    cut += usize::from(child.steps().len() > 1);
                    child.into_steps().into_iter().flat_map(|step| bytes(step.action)).collect()
                }
            };
            let connection = http2::Connection::parse(&sent);
            let complete = connection.frames.iter().all(|frame| frame.declared.is_none());
            whole += usize::from(connection.preface && complete && connection.rest.is_empty());
        }
    }
    assert!(whole > 2000 && cut > 1000, "{whole} are complete, {cut} are split");
}

/// TLS is mutated by records and messages: most children consist of complete records, and hellos stay readable.
#[test]
fn most_records_stay_complete() {
    let seeds: Vec<_> = tls::seeds().into_iter().filter(|(name, _)| name.starts_with("extension-")).collect();
    let (mut whole, mut readable, mut names) = (0, 0, BTreeSet::new());
    let mut mutator = mutator(9, InputFormat::Raw);
    for ((_, parent), (_, other)) in seeds.iter().zip(seeds.iter().rev()).cycle().take(4000) {
        let child = mutator.mutate(parent, other, MAX_LENGTH).to_vec();
        let description = String::from_utf8(mutator.describe(200).to_vec()).expect("text");
        names.extend(description.split('-').skip(1).map(str::to_owned));
        let stream = tls::RecordStream::parse(&child);
        let complete = stream.records.iter().all(|record| record.declared.is_none());
        whole += usize::from(complete && stream.rest.is_empty());
        let Some(first) = stream.records.first() else { continue };
        let content = stream.content(0);
        let parsed = tls::parse_content(first.header, &content);
        readable += usize::from(parsed.count(&|element| element.name == "extension_type") > 1);
    }
    assert!(whole > 2400 && readable > 2400, "{whole} are complete, {readable} are readable");
    assert!(names.contains("mutate_records") && names.contains("take_element"), "{names:?}");
    assert!(!names.contains("add_field"), "{names:?}");
}

/// In sessions, packets end between and inside of records, and a handshake is repeated on another connection.
#[test]
fn records_are_split_and_repeated_in_sessions() {
    let (_, parent) =
        tls::seeds().into_iter().find(|(name, _)| *name == "certificate-client").expect("a seed");
    let mut mutator = mutator(3, InputFormat::Session);
    let (mut split, mut several) = (0, 0);
    for _ in 0..2000 {
        let child = Session::decode(mutator.mutate(&parent, b"", MAX_LENGTH));
        let on = |number| move |step: &&Step| step.connection.index() == number;
        split += usize::from(child.steps().iter().filter(on(0)).count() > 1);
        several += usize::from(child.steps().iter().any(|step| step.connection.index() > 0));
    }
    assert!(split > 300 && several > 50, "{split} are split, {several} use several connections");
}

fn bytes(action: Action) -> Vec<u8> {
    match action {
        Action::Send(bytes) => bytes,
        _ => Vec::new(),
    }
}

proptest! {
    #[test]
    fn any_bytes_can_be_mutated(
        parent: Vec<u8>,
        other: Vec<u8>,
        seed: u64,
        session: bool,
        max_length in 1usize..256,
    ) {
        let mut mutator = mutator(seed, if session { InputFormat::Session } else { InputFormat::Raw });
        for _ in 0..32 {
            prop_assert!(mutator.mutate(&parent, &other, max_length).len() <= max_length);
        }
    }
}
