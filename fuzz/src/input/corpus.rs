//! Corpus directories: one input in each file, as afl-fuzz reads them.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Result;
use sockfuzz_model::tls::RecordStream;
use sockfuzz_protocol::session::{Action, Session, has_marker};
use sockfuzz_protocol::{InputFormat, Tls, specs};

use crate::note;
use crate::options::PreloadOptions;
use crate::util::problem::Problem;

/// Maximum size of an AFL++ input (`MAX_FILE`).
pub const MAX_INPUT_BYTES: usize = 1 << 20;

/// Input read from a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seed {
    /// Path below the corpus directory, or the path as it was given.
    pub name: String,
    /// Path of the file.
    pub path: PathBuf,
    /// Content of the file.
    pub bytes: Vec<u8>,
}

/// Reads the inputs of a directory and its subdirectories, sorted by name. Like afl-fuzz, ignores hidden files,
/// empty files and AFL++'s `README.txt`.
///
/// # Errors
/// When the directory is missing, cannot be read, or holds no input.
pub fn read(directory: &Path) -> Result<Vec<Seed>> {
    let shown = directory.display();
    if !directory.exists() {
        let remedy = "give a directory of input files with -i, one HTTP request or more in each";
        return Err(Problem::failed(format!("the corpus {shown} does not exist"), remedy).into());
    }
    let seeds = files_below(directory)?
        .into_iter()
        .map(|path| read_seed(path, directory))
        .filter(|seed| !matches!(seed, Ok(seed) if seed.bytes.is_empty()))
        .collect::<Result<Vec<_>>>()?;
    if seeds.is_empty() {
        let remedy = "put at least one non-empty file into it, for example an HTTP request";
        return Err(Problem::failed(format!("the corpus {shown} holds no input"), remedy).into());
    }
    Ok(seeds)
}

/// Reads the inputs named on a command line: single files, and directories with all their inputs.
///
/// # Errors
/// When a file cannot be read, and the errors of [`read`].
pub fn read_files(paths: &[PathBuf]) -> Result<Vec<Seed>> {
    let mut seeds = Vec::new();
    for path in paths {
        if path.is_dir() {
            let prefix = path.display();
            seeds.extend(
                read(path)?.into_iter().map(|seed| Seed { name: format!("{prefix}/{}", seed.name), ..seed }),
            );
        } else {
            seeds.push(read_seed(path.clone(), Path::new(""))?);
        }
    }
    Ok(seeds)
}

/// Reads one file.
///
/// # Errors
/// When it cannot be read.
pub fn read_file(path: &Path) -> Result<Seed> {
    read_seed(path.to_owned(), Path::new(""))
}

/// Returns the format of the inputs: sessions if any of them has a session marker, otherwise raw.
#[must_use]
pub fn input_format(seeds: &[Seed]) -> InputFormat {
    if seeds.iter().any(|seed| has_marker(&seed.bytes)) { InputFormat::Session } else { InputFormat::Raw }
}

/// Kind of a corpus's inputs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InputKind {
    format: InputFormat,
    /// All of them begin with a record of TLS.
    are_records: bool,
}

impl InputKind {
    /// Returns the kind of these inputs.
    #[must_use]
    pub fn of(seeds: &[Seed]) -> Self {
        let format = input_format(seeds);
        let are_records = !seeds.is_empty() && seeds.iter().all(|seed| is_tls(&seed.bytes, format));
        Self { format, are_records }
    }

    /// Returns options that fit the inputs, where the user has set none: their format, and that records are sent below TLS.
    #[must_use]
    pub fn fit(self, options: &PreloadOptions) -> PreloadOptions {
        let options = options.with_input_format(self.format);
        match self.are_records {
            true => options.with_default(&specs::TLS, &Tls::Raw.to_string()),
            false => options,
        }
    }
}

/// Whether the first bytes that an input sends are a record of TLS.
fn is_tls(input: &[u8], format: InputFormat) -> bool {
    let session = Session::of_input(input, format);
    let mut sent = session.steps().iter().filter_map(|step| match &step.action {
        Action::Send(chunk) => Some(chunk),
        _ => None,
    });
    sent.next().is_some_and(|first| RecordStream::recognises(first))
}

/// Returns a warning for each input that AFL++ would truncate.
#[must_use]
pub fn oversize_warnings(seeds: &[Seed]) -> Vec<String> {
    seeds
        .iter()
        .filter(|seed| seed.bytes.len() > MAX_INPUT_BYTES)
        .map(|seed| {
            format!(
                "{} has {} bytes; AFL++ uses the first {MAX_INPUT_BYTES} only",
                seed.name,
                seed.bytes.len()
            )
        })
        .collect()
}

fn read_seed(path: PathBuf, base: &Path) -> Result<Seed> {
    let bytes = fs::read(&path).map_err(|error| unreadable(&path, &error))?;
    let name = path.strip_prefix(base).unwrap_or(&path).display().to_string();
    Ok(Seed { name, path, bytes })
}

/// Returns the paths of the inputs that [`read`] reads, without reading them. Empty files are included.
///
/// # Errors
/// When the directory cannot be read.
pub fn files_below(directory: &Path) -> Result<Vec<PathBuf>> {
    let mut entries = fs::read_dir(directory)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| unreadable(directory, &error))?;
    entries.sort_by_key(fs::DirEntry::file_name);
    let mut files = Vec::new();
    for entry in entries {
        let name = entry.file_name();
        if name.as_encoded_bytes().starts_with(b".") || name == "README.txt" {
            continue;
        }
        let path = entry.path();
        if path.is_dir() {
            files.extend(files_below(&path)?);
        } else if path.is_file() || !path.exists() {
            files.push(path);
        } else {
            // Reading a pipe blocks until another process writes to it. afl-fuzz ignores such files as well.
            note!("{} is not a regular file and is ignored", path.display());
        }
    }
    Ok(files)
}

fn unreadable(path: &Path, error: &std::io::Error) -> Problem {
    Problem::failed(
        format!("{} cannot be read: {error}", path.display()),
        "check the path and its permissions, or give another path",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inputs_are_sorted_and_other_files_are_ignored() {
        let directory = tempfile::tempdir().expect("tempdir");
        let write = |name: &str, bytes: &[u8]| {
            fs::write(directory.path().join(name), bytes).expect("write");
        };
        fs::create_dir(directory.path().join("sub")).expect("mkdir");
        write("b", b"2");
        write("a", b"1");
        write("sub/c", b"3");
        write("empty", b"");
        write(".hidden", b"x");
        write("README.txt", b"x");
        let names: Vec<_> =
            read(directory.path()).expect("readable").into_iter().map(|seed| seed.name).collect();
        assert_eq!(names, ["a", "b", "sub/c"]);
    }

    #[test]
    fn a_pipe_is_ignored() {
        let directory = tempfile::tempdir().expect("tempdir");
        fs::write(directory.path().join("seed"), "x").expect("write");
        let fifo = directory.path().join("pipe");
        rustix::fs::mkfifoat(rustix::fs::CWD, &fifo, rustix::fs::Mode::RWXU).expect("mkfifo");
        assert_eq!(read(directory.path()).expect("readable").len(), 1);
    }

    #[test]
    fn one_session_marker_selects_the_session_format() {
        let seed = |bytes: &[u8]| Seed { name: String::new(), path: PathBuf::new(), bytes: bytes.to_vec() };
        let raw = [seed(b"GET / HTTP/1.1\r\n\r\n"), seed(b"\xF5")];
        assert_eq!(input_format(&raw), InputFormat::Raw);
        assert_eq!(input_format(&[&raw[..], &[seed(b"a\xF5\x41b")]].concat()), InputFormat::Session);
    }

    #[test]
    fn a_corpus_without_input_is_refused() {
        let directory = tempfile::tempdir().expect("tempdir");
        fs::write(directory.path().join("README.txt"), "x").expect("write");
        let error = read(directory.path()).expect_err("no input");
        assert!(error.to_string().contains("holds no input"), "{error}");
    }

    #[test]
    fn an_input_above_the_limit_causes_a_warning() {
        let seed = |length| Seed { name: length_name(length), path: PathBuf::new(), bytes: vec![0; length] };
        let warnings = oversize_warnings(&[seed(MAX_INPUT_BYTES), seed(MAX_INPUT_BYTES + 1)]);
        assert_eq!(warnings.len(), 1);
        assert!(warnings[0].starts_with(&length_name(MAX_INPUT_BYTES + 1)));
    }

    fn length_name(length: usize) -> String {
        format!("seed-{length}")
    }
}
