//! Archive of seeds, as ClusterFuzz takes them (`NAME_seed_corpus.zip`).

use std::io::{Cursor, Write};

use anyhow::Result;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipWriter};

use crate::input::corpus::Seed;
use crate::util::fingerprint::fingerprint;

/// Returns a ZIP archive of the seeds, in their order and without times.
///
/// # Errors
/// When there are more seeds than an archive can hold.
pub fn pack(seeds: &[&Seed]) -> Result<Vec<u8>> {
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .last_modified_time(DateTime::default());
    for seed in seeds {
        archive.start_file(file_name(seed), options)?;
        archive.write_all(&seed.bytes)?;
    }
    Ok(archive.finish()?.into_inner())
}

/// Returns a name for a seed that is a single component, and its own.
#[must_use]
pub fn file_name(seed: &Seed) -> String {
    match seed.name.contains('/') {
        true => format!("{}-{}", fingerprint(&seed.bytes), seed.name.replace('/', "_")),
        false => seed.name.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_seeds_make_equal_archives() {
        let seed = |name: &str| Seed {
            name: name.into(),
            path: "/x".into(),
            bytes: b"GET / HTTP/1.1\r\n\r\n".into(),
        };
        let seeds = [seed("a"), seed("b/c")];
        let pack = || pack(&seeds.iter().collect::<Vec<_>>()).expect("packed");
        assert_eq!(pack(), pack());
        assert!(memchr::memmem::find(&pack(), b"-b_c").is_some());
    }
}
