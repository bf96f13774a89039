//! Writer of a corpus directory. It overwrites no file and writes no input twice.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use anyhow::Result;

use super::imported::ImportedInput;
use crate::input::corpus::{self, MAX_INPUT_BYTES};
use crate::util::problem::Problem;

/// Corpus directory to which inputs are added.
#[derive(Debug)]
pub struct CorpusWriter {
    directory: PathBuf,
    /// Names of the directory's inputs, by content.
    known: HashMap<Vec<u8>, String>,
}

/// Result of adding one input.
#[derive(Debug, PartialEq, Eq)]
pub enum WriteOutcome {
    /// Written to this file.
    Written(PathBuf),
    /// Not written: the named input has the same bytes.
    Known(String),
    /// Not written: it is longer than [`MAX_INPUT_BYTES`].
    TooLong,
}

impl CorpusWriter {
    /// Opens the directory, or creates it.
    ///
    /// # Errors
    /// When the directory cannot be created or read.
    pub fn open(directory: &Path) -> Result<Self> {
        fs::create_dir_all(directory).map_err(|error| unwritable(directory, &error))?;
        let empty = fs::read_dir(directory).is_ok_and(|mut entries| entries.next().is_none());
        let seeds = if empty { Vec::new() } else { corpus::read_files(&files_of(directory)?)? };
        let known = seeds.into_iter().map(|seed| (seed.bytes, seed.name)).collect();
        Ok(Self { directory: directory.to_owned(), known })
    }

    /// Returns the inputs of the directory.
    pub fn inputs(&self) -> impl Iterator<Item = &[u8]> {
        self.known.keys().map(Vec::as_slice)
    }

    /// Adds an input under its name. If the name is taken, appends a number.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn add(&mut self, input: &ImportedInput) -> Result<WriteOutcome> {
        if input.bytes.len() > MAX_INPUT_BYTES {
            return Ok(WriteOutcome::TooLong);
        }
        if let Some(name) = self.known.get(&input.bytes) {
            return Ok(WriteOutcome::Known(name.clone()));
        }
        let names = (2..).map(|number| format!("{}-{number}", input.name));
        for name in std::iter::once(input.name.clone()).chain(names) {
            let path = self.directory.join(&name);
            match File::create_new(&path) {
                Ok(mut file) => {
                    file.write_all(&input.bytes).map_err(|error| unwritable(&path, &error))?;
                    self.known.insert(input.bytes.clone(), path.display().to_string());
                    return Ok(WriteOutcome::Written(path));
                }
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                Err(error) => return Err(unwritable(&path, &error).into()),
            }
        }
        unreachable!("some number is always free")
    }
}

/// Returns the regular files of a directory, without those of its subdirectories.
fn files_of(directory: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(directory).map_err(|error| unwritable(directory, &error))?;
    Ok(entries.flatten().map(|entry| entry.path()).filter(|path| path.is_file()).collect())
}

fn unwritable(path: &Path, error: &std::io::Error) -> Problem {
    let what = format!("{} cannot be written: {error}", path.display());
    Problem::failed(what, "give another directory with -o, or free disk space")
}
