//! Inputs of the tests and the benchmark.

use std::fs;

/// Maximum length of an input in AFL++, in bytes.
pub(crate) const MAX_LENGTH: usize = 1 << 20;

/// Returns the inputs of the HTTP/1 corpus.
pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let corpus = concat!(env!("CARGO_MANIFEST_DIR"), "/../../corpus/http1");
    let mut paths: Vec<_> =
        fs::read_dir(corpus).expect("the corpus").flatten().map(|seed| seed.path()).collect();
    paths.sort();
    paths.iter().map(|path| fs::read(path).expect("a seed")).collect()
}
