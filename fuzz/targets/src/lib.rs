//! Fuzz targets for sockfuzz's own code: each function takes any bytes and panics if a property is violated.
//!
//! # Example
//!
//! A target takes one input:
//!
//! ```
//! sockfuzz_targets::model(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n");
//! ```
//!
//! afl-fuzz gives one many:
//!
//! ```text
//! cargo afl build --release -p sockfuzz-targets --features afl --target-dir target/afl
//! cargo afl fuzz -i corpus/http1 -x corpus/http.dict -o out-model -- target/afl/release/fuzz-model
//! ```

use arbitrary::{Arbitrary, Unstructured};
use sockfuzz_harness::{Connection, Site};
use sockfuzz_model::tls::{RecordStream, parse_content};
use sockfuzz_model::{Outline, ParsedSession, Pipeline, Visit};
use sockfuzz_mutator::{Dictionary, Mutator};
use sockfuzz_protocol::InputFormat;
use sockfuzz_protocol::session::Session;

/// Sessions: any bytes decode to one, and it survives encoding and formatting.
pub fn session(data: &[u8]) {
    let session = Session::decode(data);
    assert_eq!(Session::decode(&session.encode()), session);
    let text = session.to_string();
    assert_eq!(text.parse::<Session>().as_ref(), Ok(&session), "{text}");
    let _ = String::from_utf8_lossy(data).parse::<Session>();
}

/// Model: parsing and serialising is lossless, for inputs and for generated pipelines.
pub fn model(data: &[u8]) {
    round_trip(data);
    let session = Session::decode(data);
    assert_eq!(ParsedSession::parse(&session).session(), session);
    let mut outline = Outline::default();
    outline.add(data);
    outline.finish();
    for (index, span) in outline.spans().iter().enumerate() {
        let inside = outline.inside(index);
        assert!(inside.iter().all(|other| span.start <= other.start && other.end <= span.end));
    }
    if let Ok(pipeline) = Pipeline::arbitrary(&mut Unstructured::new(data)) {
        round_trip(&pipeline.serialise());
    }
}

fn round_trip(data: &[u8]) {
    assert_eq!(Pipeline::parse(data).serialise(), data);
    let mut stream = RecordStream::parse(data);
    assert_eq!(stream.serialise(), data);
    for first in stream.contents() {
        let content = stream.content(first).into_owned();
        let parsed = parse_content(stream.records[first].header, &content);
        assert_eq!(parsed.serialise(), content);
        stream.set_content(first, &content);
    }
}

/// Mutator: mutations respect the length limit and depend on seed and inputs only.
pub fn mutator(data: &[u8]) {
    let Some((&[seed, middle, limit], inputs)) = data.split_first_chunk() else { return };
    let (parent, other) = inputs.split_at(usize::from(middle).min(inputs.len()));
    let max_length = 1 + 16 * usize::from(limit);
    let format = if seed & 1 == 0 { InputFormat::Raw } else { InputFormat::Session };
    let mut mutators = [(); 2].map(|()| Mutator::new(seed.into(), format, Dictionary::default()));
    for _ in 0..2 {
        let [first, second] =
            mutators.each_mut().map(|mutator| mutator.mutate(parent, other, max_length).to_vec());
        assert!(first.len() <= max_length);
        assert_eq!(first, second);
    }
}

/// Bundled server: its response to generated requests does not depend on packet boundaries.
pub fn handler(data: &[u8]) {
    let mut choices = Unstructured::new(data);
    let Ok(pipeline) = Pipeline::arbitrary(&mut choices) else { return };
    let requests = pipeline.serialise();
    let at = choices.int_in_range(0..=requests.len()).unwrap_or(0);
    let (first, second) = requests.split_at(at);
    let same = || respond(&[&requests]) == respond(&[first, second]);
    // Responses have a Date, and the second can change between both once, hardly twice.
    assert!(same() || same(), "{:?}: the response differs when split at {at}", requests.escape_ascii());
}

fn respond(pieces: &[&[u8]]) -> Vec<u8> {
    let mut connection = Connection::new(Site::plain());
    let mut response = Vec::new();
    for piece in pieces {
        connection.feed(piece);
        drain_output(&mut connection, &mut response);
    }
    connection.finish();
    drain_output(&mut connection, &mut response);
    assert!(connection.is_over());
    response
}

fn drain_output(connection: &mut Connection, response: &mut Vec<u8>) {
    while !connection.output().is_empty() {
        let count = connection.output().front().len();
        response.extend_from_slice(connection.output().front());
        connection.wrote(count);
    }
}
