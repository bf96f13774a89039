//! What the tests and the benchmark mutate.

use std::fs;

/// AFL++'s own limit.
pub(crate) const MOST: usize = 1 << 20;

/// The corpus of HTTP/1.
pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let corpus = concat!(env!("CARGO_MANIFEST_DIR"), "/../../corpus/http1");
    let mut paths: Vec<_> =
        fs::read_dir(corpus).expect("the corpus").flatten().map(|seed| seed.path()).collect();
    paths.sort();
    paths.iter().map(|path| fs::read(path).expect("a seed")).collect()
}
