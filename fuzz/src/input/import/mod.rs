//! Import of recorded traffic as inputs: packet captures, HTTP archives, raw requests.

mod capture;
mod connections;
mod corpus_writer;
mod har;
mod imported;
mod name;
mod raw;
mod sessions;
mod tcp;

use anyhow::Result;

use crate::input::corpus::Seed;

pub use corpus_writer::{CorpusWriter, WriteOutcome};
pub use imported::{ImportOptions, ImportResult, ImportedInput};

/// Imports a file, whose format is detected from its content and its name.
///
/// # Errors
/// When the file is damaged.
pub fn read(file: &Seed, options: ImportOptions) -> Result<ImportResult> {
    if capture::is_capture(&file.bytes) {
        let packets = capture::CapturedPackets::read(file)?;
        Ok(sessions::from_packets(&packets, options))
    } else if har::is_archive(file) {
        har::read(file)
    } else {
        Ok(raw::read(file, options))
    }
}
