//! Fuzz targets run on the corpus, without AFL++.

use std::fs;

use sockfuzz_targets::{handler, model, mutator, session};

#[test]
fn every_target_accepts_every_seed() {
    let corpus = concat!(env!("CARGO_MANIFEST_DIR"), "/../../corpus/http1");
    let mut count = 0;
    for entry in fs::read_dir(corpus).expect("the corpus") {
        let seed = fs::read(entry.expect("an entry").path()).expect("a seed");
        [session, model, mutator, handler].iter().for_each(|target| target(&seed));
        count += 1;
    }
    assert!(count > 50, "{count}");
}
