//! Application of single operations, for tests of them.

use sockfuzz_protocol::InputFormat;

use super::Mutation;
use crate::dictionary::Dictionary;
use crate::edits::Edits;
use crate::learned::Learned;
use crate::parsed_input::ParsedInput;
use crate::random::Random;

/// Returns a request with these fields and this body.
pub(super) fn request(fields: &str, body: &str) -> String {
    format!("POST /a HTTP/1.1\r\n{fields}Content-Length: {}\r\n\r\n{body}", body.len())
}

/// Returns the results of an operation, applied often to one input, with repaired lengths. It may take parts of the other input.
pub(super) fn results(edit: fn(&mut Mutation<'_>) -> bool, parent: &str, other: &str) -> Vec<String> {
    const COUNT: usize = 2000;
    let parsed = |text: &str| {
        let mut input = ParsedInput::default();
        input.parse(text.as_bytes(), InputFormat::Raw);
        input
    };
    let (parent, other) = (parsed(parent), parsed(other));
    let (mut random, dictionary, learned) = (Random::new(1), Dictionary::default(), Learned::default());
    let mut edits = Edits::default();
    let mut apply = || {
        edits.clear();
        let mut mutation = Mutation {
            parent: &parent,
            other: &other,
            random: &mut random,
            dictionary: &dictionary,
            learned: &learned,
            edits: &mut edits,
        };
        edit(&mut mutation).then(|| {
            edits.repair_lengths(&parent);
            let mut output = Vec::new();
            edits.apply(&parent, &other, InputFormat::Raw, usize::MAX, &mut output);
            String::from_utf8_lossy(&output).into_owned()
        })
    };
    (0..COUNT).filter_map(|_| apply()).collect()
}

/// Returns the head and the body of a message.
pub(super) fn parts(message: &str) -> (&str, &str) {
    message.split_once("\r\n\r\n").expect("a head")
}

/// Asserts that each of these texts is in the body of some result.
pub(super) fn assert_bodies_have(results: &[String], texts: &[&str]) {
    for text in texts {
        assert!(
            results.iter().any(|it| parts(it).1.contains(text)),
            "{text} in {:?}",
            &results[..results.len().min(10)]
        );
    }
}

/// Asserts that each of these texts is in the head of some result.
pub(super) fn assert_heads_have(results: &[String], texts: &[&str]) {
    for text in texts {
        assert!(
            results.iter().any(|it| parts(it).0.contains(text)),
            "{text} in {:?}",
            &results[..results.len().min(10)]
        );
    }
}
