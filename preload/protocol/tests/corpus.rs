//! Checks that packed sessions in the corpus equal their texts, and that plain seeds have no markers.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use sockfuzz_protocol::session::{Session, has_marker};

/// Returns the files of a folder of the corpus, by name.
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
fn packed_sessions_equal_their_texts() {
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
