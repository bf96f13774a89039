//! Our own code under AFL++: each function takes any bytes and panics if a promise is broken.
//!
//! ```text
//! cargo afl build --release -p sockfuzz-targets --features afl --target-dir target/afl
//! cargo afl fuzz -i corpus/http1 -x corpus/http.dict -o out-model -- target/afl/release/fuzz-model
//! ```

use arbitrary::{Arbitrary, Unstructured};
use sockfuzz_harness::{Connection, Site};
use sockfuzz_model::{Outline, ParsedSession, Pipeline, Visit};
use sockfuzz_mutator::{Dictionary, Mutator};
use sockfuzz_protocol::InputFormat;
use sockfuzz_protocol::session::Session;

/// Any bytes are a session, which is written and read again as bytes and as text.
pub fn session(data: &[u8]) {
    let session = Session::decode(data);
    assert_eq!(Session::decode(&session.encode()), session);
    let text = session.to_string();
    assert_eq!(text.parse::<Session>().as_ref(), Ok(&session), "{text}");
    let _ = String::from_utf8_lossy(data).parse::<Session>();
}

/// The model loses nothing, of what it understands and of what it makes up.
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
}

/// Mutations keep to the limit, and the same choices make the same of the same inputs.
pub fn mutator(data: &[u8]) {
    let Some((&[seed, middle, most], inputs)) = data.split_first_chunk() else { return };
    let (parent, other) = inputs.split_at(usize::from(middle).min(inputs.len()));
    let most = 1 + 16 * usize::from(most);
    let input = if seed & 1 == 0 { InputFormat::Raw } else { InputFormat::Session };
    let mut twins = [(); 2].map(|()| Mutator::new(seed.into(), input, Dictionary::default()));
    for _ in 0..2 {
        let [first, second] = twins.each_mut().map(|twin| twin.mutate(parent, other, most).to_vec());
        assert!(first.len() <= most);
        assert_eq!(first, second);
    }
}

/// The bundled handler answers made-up requests, and it makes no difference how they are cut.
pub fn handler(data: &[u8]) {
    let mut choices = Unstructured::new(data);
    let Ok(pipeline) = Pipeline::arbitrary(&mut choices) else { return };
    let requests = pipeline.serialise();
    let at = choices.int_in_range(0..=requests.len()).unwrap_or(0);
    let (first, second) = requests.split_at(at);
    let same = || answer(&[&requests]) == answer(&[first, second]);
    // Answers are dated, and a second may have passed in between; hardly another one at once.
    assert!(same() || same(), "{:?} is answered otherwise when it is cut at {at}", requests.escape_ascii());
}

fn answer(pieces: &[&[u8]]) -> Vec<u8> {
    let mut connection = Connection::new(Site::plain());
    let mut answer = Vec::new();
    for piece in pieces {
        connection.feed(piece);
        write(&mut connection, &mut answer);
    }
    connection.finish();
    write(&mut connection, &mut answer);
    assert!(connection.is_over());
    answer
}

fn write(connection: &mut Connection, answer: &mut Vec<u8>) {
    while !connection.output().is_empty() {
        let count = connection.output().front().len();
        answer.extend_from_slice(connection.output().front());
        connection.wrote(count);
    }
}
