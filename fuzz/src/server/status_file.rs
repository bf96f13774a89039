//! The status page of the preload: a file that the preload maps and writes, mapped here for reading.

use std::ffi::OsString;
use std::fs::{File, OpenOptions};
use std::io;
use std::ops::Deref;
use std::os::fd::AsRawFd;
use std::os::unix::fs::FileExt;
use std::path::Path;

use memmap2::MmapRaw;
use sockfuzz_protocol::StatusPage;

use crate::util::memory_file::MemoryFile;

/// A mapped status page.
#[derive(Debug)]
pub struct StatusFile {
    path: OsString,
    map: MmapRaw,
    _file: File,
}

impl StatusFile {
    /// Creates a page in memory. Its path is valid only while this process lives.
    ///
    /// # Errors
    /// When the kernel has no descriptor or memory to give.
    pub fn in_memory() -> io::Result<Self> {
        let page = MemoryFile::new(&[0; StatusPage::FILE_SIZE])?;
        let file = page.file().try_clone()?;
        let path = format!("/proc/{}/fd/{}", std::process::id(), file.as_raw_fd());
        Self::map(path.into(), file)
    }

    /// Creates or clears a page in a file. It is cleared in place: truncating a mapped file would send
    /// SIGBUS to processes that read it.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn at(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
        file.write_all_at(&[0; StatusPage::FILE_SIZE], 0)?;
        Self::map(path.into(), file)
    }

    /// Opens the page of an earlier run.
    ///
    /// # Errors
    /// When there is no such file.
    pub fn existing(path: &Path) -> io::Result<Self> {
        Self::map(path.into(), OpenOptions::new().read(true).write(true).open(path)?)
    }

    fn map(path: OsString, file: File) -> io::Result<Self> {
        let map = MmapRaw::map_raw(&file)?;
        Ok(Self { path, map, _file: file })
    }

    /// Value for the preload's option `status`.
    #[must_use]
    pub fn path(&self) -> OsString {
        self.path.clone()
    }
}

impl Deref for StatusFile {
    type Target = StatusPage;

    fn deref(&self) -> &StatusPage {
        // SAFETY: the mapping is page-aligned, lives as long as `self`, and is FILE_SIZE bytes,
        // which the protocol crate asserts to be enough; every field is atomic, and any bytes are a
        // valid page.
        unsafe { &*self.map.as_ptr().cast() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sockfuzz_protocol::Phase;

    #[test]
    fn mappings_of_one_file_share_the_page() {
        let directory = tempfile::tempdir().expect("tempdir");
        let path = directory.path().join("status");
        let observer = StatusFile::at(&path).expect("map");
        assert_eq!(observer.phase(), Phase::Absent);
        let file = OpenOptions::new().read(true).write(true).open(&path).expect("open");
        let server = StatusFile::map(path.into(), file).expect("map again");
        server.reach(Phase::Accepted);
        assert_eq!(observer.phase(), Phase::Accepted);
    }
}
