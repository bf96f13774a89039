//! The seeds that are sessions are what their texts say; those that are not have nothing of a session.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use sockfuzz_protocol::session::{Session, has_marker};

/// The files of a folder of the corpus, by name.
fn files(folder: &str) -> BTreeMap<String, Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../corpus").join(folder);
    let entries = fs::read_dir(folder).expect("readable").map(|entry| entry.expect("readable"));
    entries
        .map(|entry| {
            let name = entry.file_name().into_string().expect("a plain name");
            (name, fs::read(entry.path()).expect("readable"))
        })
        .collect()
}

#[test]
fn packed_sessions_are_what_their_texts_say() {
    let (packed, texts) = (files("sessions"), files("sessions-text"));
    assert_eq!(packed.keys().collect::<Vec<_>>(), texts.keys().collect::<Vec<_>>());
    for (name, text) in texts {
        let session: Session = String::from_utf8(text)
            .expect("text")
            .parse()
            .unwrap_or_else(|error| panic!("sessions-text/{name}, {error}"));
        assert_eq!(packed[&name], session.encode(), "sockfuzz session pack of sessions-text/{name}");
        assert_eq!(Session::decode(&packed[&name]), session, "{name}");
        assert!(session.steps().len() > 1, "{name} is a plain input");
    }
}

#[test]
fn plain_seeds_have_no_markers() {
    for folder in ["http1", "http2"] {
        for (name, bytes) in files(folder) {
            assert!(!has_marker(&bytes), "{folder}/{name}");
        }
    }
}
