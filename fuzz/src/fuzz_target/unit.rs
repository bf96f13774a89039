//! Units: inputs in files that are named by their SHA-1, as libFuzzer names them.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use sha1::{Digest, Sha1};

use crate::input::corpus::{self, MAX_INPUT_BYTES};
use crate::util::problem::Problem;

/// Input with its hash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unit {
    /// SHA-1 of its bytes, in hexadecimal.
    pub sha1: String,
    /// The input.
    pub bytes: Vec<u8>,
}

impl Unit {
    /// Hashes an input.
    #[must_use]
    pub fn new(bytes: Vec<u8>) -> Self {
        let sha1 = Sha1::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        Self { sha1, bytes }
    }

    /// Writes the input into a directory, under its hash, unless it is there.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write_into(&self, directory: &Path) -> Result<()> {
        let path = directory.join(&self.sha1);
        if path.exists() {
            return Ok(());
        }
        fs::write(&path, &self.bytes).with_context(|| format!("cannot write {}", path.display()))
    }
}

/// Reads the inputs of files and directories, each once. Empty ones, and those that are too long for AFL++, are left out.
///
/// # Errors
/// When one is missing or cannot be read.
pub fn read(paths: &[PathBuf]) -> Result<Vec<Unit>> {
    let mut seen = BTreeSet::new();
    let mut units = Vec::new();
    for path in paths {
        let files = match fs::metadata(path) {
            Ok(found) if found.is_dir() => corpus::files_below(path)?,
            Ok(_) => vec![path.clone()],
            Err(error) => {
                let what = format!("{} cannot be read: {error}", path.display());
                return Err(Problem::failed(what, "give files, or directories that exist").into());
            }
        };
        for file in files {
            let bytes = fs::read(&file).with_context(|| format!("cannot read {}", file.display()))?;
            if bytes.is_empty() || bytes.len() > MAX_INPUT_BYTES {
                continue;
            }
            let unit = Unit::new(bytes);
            if seen.insert(unit.sha1.clone()) {
                units.push(unit);
            }
        }
    }
    Ok(units)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_input_is_read_once_and_known_by_its_hash() {
        let directory = tempfile::tempdir().expect("a directory");
        for (name, content) in [("a", "abc"), ("b", "abc"), ("empty", "")] {
            fs::write(directory.path().join(name), content).expect("written");
        }
        let units = read(&[directory.path().to_owned()]).expect("readable");
        assert_eq!(units.len(), 1);
        assert_eq!(units[0].sha1, "a9993e364706816aba3e25717850c26c9cd0d89d");
        units[0].write_into(directory.path()).expect("written");
        assert_eq!(fs::read(directory.path().join(&units[0].sha1)).expect("there"), b"abc");
        assert!(read(&[directory.path().join("missing")]).is_err());
    }
}
