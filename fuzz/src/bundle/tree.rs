//! Writer of a bundle's files. The same inputs make the same bytes: names are sorted, and nothing depends on the time.

use std::collections::BTreeMap;
use std::fs::{self, File, FileTimes, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result};
use serde::Serialize;
use sha2::{Digest, Sha256};

/// Modes of files and programs.
const FILE_MODE: u32 = 0o644;
const PROGRAM_MODE: u32 = 0o755;
/// Any execute permission (stat(2)).
const EXECUTABLE: u32 = 0o111;

/// Time of the files that sockfuzz makes: 1980-01-01, the first that a ZIP archive can have.
const MADE: Duration = Duration::from_secs(315_532_800);

/// Size of the pieces in which files are copied.
const CHUNK_BYTES: usize = 1 << 16;

/// File of a bundle, for its manifest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TreeFile {
    /// Size in bytes.
    pub bytes: u64,
    /// SHA-256 of its content, in hexadecimal.
    pub sha256: String,
    /// Whether it is a program.
    pub executable: bool,
    /// Where it was on the machine that made the bundle.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<PathBuf>,
}

/// Directory that is being filled.
#[derive(Debug)]
pub struct Tree {
    root: PathBuf,
    files: BTreeMap<PathBuf, TreeFile>,
}

impl Tree {
    /// Starts in an empty directory.
    #[must_use]
    pub fn new(root: PathBuf) -> Self {
        Self { root, files: BTreeMap::new() }
    }

    /// Writes a file with this content.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&mut self, path: impl AsRef<Path>, content: &[u8]) -> Result<()> {
        self.put(path.as_ref(), content, FILE_MODE, made(), None)
    }

    /// Writes a program.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write_program(&mut self, path: impl AsRef<Path>, content: &[u8]) -> Result<()> {
        self.put(path.as_ref(), content, PROGRAM_MODE, made(), None)
    }

    /// Copies a program or a library of sockfuzz or AFL++.
    ///
    /// # Errors
    /// When it cannot be read or written.
    pub fn copy_program(&mut self, path: impl AsRef<Path>, from: &Path) -> Result<()> {
        let source = File::open(from).with_context(|| cannot_read(from))?;
        self.put(path.as_ref(), source, PROGRAM_MODE, made(), None)
    }

    /// Copies a text.
    ///
    /// # Errors
    /// When it cannot be read or written.
    pub fn copy_text(&mut self, path: impl AsRef<Path>, from: &Path) -> Result<()> {
        let source = File::open(from).with_context(|| cannot_read(from))?;
        self.put(path.as_ref(), source, FILE_MODE, made(), None)
    }

    /// Copies a file of this machine, with its time, because servers send it (Last-Modified).
    ///
    /// # Errors
    /// When it cannot be read or written.
    pub fn copy(&mut self, path: impl AsRef<Path>, from: &Path) -> Result<()> {
        let source = File::open(from).with_context(|| cannot_read(from))?;
        let metadata = source.metadata().with_context(|| cannot_read(from))?;
        let mode = if metadata.permissions().mode() & EXECUTABLE == 0 { FILE_MODE } else { PROGRAM_MODE };
        self.put(path.as_ref(), source, mode, metadata.modified()?, Some(from.to_owned()))
    }

    /// Creates a directory.
    ///
    /// # Errors
    /// When it cannot be created.
    pub fn create_directory(&self, path: impl AsRef<Path>) -> Result<()> {
        let directory = self.root.join(path);
        fs::create_dir_all(&directory).with_context(|| cannot_write(&directory))
    }

    /// Returns the files so far, by their paths.
    #[must_use]
    pub fn files(&self) -> &BTreeMap<PathBuf, TreeFile> {
        &self.files
    }

    /// Returns the sum of the sizes so far.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.files.values().map(|file| file.bytes).sum()
    }

    fn put(
        &mut self,
        path: &Path,
        content: impl Read,
        mode: u32,
        time: SystemTime,
        from: Option<PathBuf>,
    ) -> Result<()> {
        let target = self.root.join(path);
        let parent = target.parent().unwrap_or(&self.root);
        let written = fs::create_dir_all(parent).and_then(|()| copy_hashed(content, &target, mode, time));
        let (bytes, sha256) = written.with_context(|| cannot_write(&target))?;
        let file = TreeFile { bytes, sha256, executable: mode == PROGRAM_MODE, from };
        self.files.insert(path.to_owned(), file);
        Ok(())
    }
}

/// Copies to a new file, and returns the number of bytes and their hash.
fn copy_hashed(mut from: impl Read, to: &Path, mode: u32, time: SystemTime) -> io::Result<(u64, String)> {
    let mut target = File::create_new(to)?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; CHUNK_BYTES];
    let mut bytes = 0;
    loop {
        let count = from.read(&mut buffer)?;
        if count == 0 {
            break;
        }
        hasher.update(&buffer[..count]);
        target.write_all(&buffer[..count])?;
        bytes += count as u64;
    }
    target.set_permissions(Permissions::from_mode(mode))?;
    target.set_times(FileTimes::new().set_modified(time).set_accessed(time))?;
    let hash = hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    Ok((bytes, hash))
}

fn made() -> SystemTime {
    SystemTime::UNIX_EPOCH + MADE
}

fn cannot_read(path: &Path) -> String {
    format!("cannot read {}", path.display())
}

fn cannot_write(path: &Path) -> String {
    format!("cannot write {}", path.display())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_have_the_content_and_the_hash() {
        let directory = tempfile::tempdir().expect("a directory");
        let mut tree = Tree::new(directory.path().to_owned());
        tree.write("a/b", b"abc").expect("written");
        tree.write_program("run", b"#!/bin/sh\n").expect("written");
        let file = &tree.files()[Path::new("a/b")];
        assert_eq!((file.bytes, file.executable), (3, false));
        assert_eq!(file.sha256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        let metadata = fs::metadata(directory.path().join("run")).expect("written");
        assert_eq!(metadata.permissions().mode() & 0o777, PROGRAM_MODE);
        assert_eq!(metadata.modified().expect("supported"), made());
        assert_eq!(tree.bytes(), 13);
    }

    #[test]
    fn a_copy_keeps_the_time_and_the_origin() {
        let directory = tempfile::tempdir().expect("a directory");
        let source = directory.path().join("source");
        let time = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
        copy_hashed(&b"x"[..], &source, FILE_MODE, time).expect("written");
        let mut tree = Tree::new(directory.path().join("tree"));
        tree.copy("copy", &source).expect("copied");
        assert_eq!(tree.files()[Path::new("copy")].from.as_deref(), Some(&*source));
        let copied = fs::metadata(directory.path().join("tree/copy")).expect("copied");
        assert_eq!(copied.modified().expect("supported"), time);
    }
}
