//! Random numbers for mutations, and the comparison of a corpus with its generator.

use std::fs;
use std::path::Path;

use sockfuzz_model::Random;

/// Deterministic random numbers.
pub(crate) struct Numbers(pub(crate) u64);

impl Random for Numbers {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 16) as usize % limit.max(1)
    }
}

/// Asserts that `corpus/NAME` has these seeds, as the example `NAME_corpus` writes them, each shorter than `limit` bytes.
pub(crate) fn assert_corpus(name: &str, seeds: &[(&str, Vec<u8>)], limit: usize) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../corpus").join(name);
    let mut files: Vec<_> = fs::read_dir(&folder)
        .expect("readable")
        .map(|entry| entry.expect("readable").file_name().into_string().expect("a UTF-8 name"))
        .collect();
    files.sort();
    let mut names: Vec<_> = seeds.iter().map(|(name, _)| *name).collect();
    names.sort_unstable();
    assert_eq!(files, names, "cargo run -p sockfuzz-model --example {name}_corpus -- corpus/{name}");
    for (name, bytes) in seeds {
        assert!(bytes.len() < limit, "{name} has {} bytes", bytes.len());
        assert_eq!(fs::read(folder.join(name)).expect("readable"), *bytes, "{name}");
    }
}
