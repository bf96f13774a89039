//! Seeds, sessions and the dictionary of sockfuzz. `sockfuzz` packs the files at build time; the mutator has the dictionary
//! inside.
//!
//! # Example
//!
//! ```
//! assert!(sockfuzz_corpus::DICTIONARY.contains("Transfer-Encoding"));
//! ```

/// Dictionary of HTTP, in AFL++'s format (AFL++'s dictionaries/README.md).
pub const DICTIONARY: &str = include_str!("http.dict");
