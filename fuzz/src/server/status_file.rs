//! Status page of the preload: memory that the preload maps and writes, mapped here for reading. The server may write
//! anything into it, but cannot change its size. It does not get the path of the file to which the page is saved.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::ops::Deref;
use std::os::fd::AsRawFd;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use memmap2::MmapRaw;
use sockfuzz_protocol::StatusPage;

use crate::util::memory_file::MemoryFile;

/// Mapped status page.
#[derive(Debug)]
pub struct StatusFile {
    map: MmapRaw,
    file: File,
    /// File to which the page is saved.
    kept_at: Option<PathBuf>,
}

impl StatusFile {
    /// Creates a page in memory. Its path is valid only while this process lives.
    ///
    /// # Errors
    /// When file descriptors or memory are exhausted.
    pub fn in_memory() -> io::Result<Self> {
        let page = MemoryFile::with_fixed_size(&[0; StatusPage::FILE_SIZE])?;
        Self::map(page.file().try_clone()?)
    }

    /// Creates a page in memory that is saved to a file: now, by [`Self::save`], and when it is dropped.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn kept_at(path: &Path) -> io::Result<Self> {
        let mut page = Self::in_memory()?;
        page.kept_at = Some(path.to_owned());
        page.save()?;
        Ok(page)
    }

    /// Opens the page of an earlier run.
    ///
    /// # Errors
    /// When there is no such file, or it is incomplete.
    pub fn existing(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().read(true).write(true).open(path)?;
        if file.metadata()?.len() < StatusPage::FILE_SIZE as u64 {
            return Err(incomplete());
        }
        Self::map(file)
    }

    /// Copies the page that a campaign saves to this file. A campaign that runs truncates the file when it saves, so the
    /// file itself must not be mapped.
    ///
    /// # Errors
    /// When there is no such file, or it is incomplete.
    pub fn copy_of(path: &Path) -> io::Result<Self> {
        let content = fs::read(path)?;
        if content.len() < StatusPage::FILE_SIZE {
            return Err(incomplete());
        }
        let page = MemoryFile::with_fixed_size(&content[..StatusPage::FILE_SIZE])?;
        Self::map(page.file().try_clone()?)
    }

    fn map(file: File) -> io::Result<Self> {
        Ok(Self { map: MmapRaw::map_raw(&file)?, file, kept_at: None })
    }

    /// Saves the page to its file, if it has one.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn save(&self) -> io::Result<()> {
        let Some(path) = &self.kept_at else { return Ok(()) };
        let mut content = [0; StatusPage::FILE_SIZE];
        self.file.read_exact_at(&mut content, 0)?;
        fs::write(path, content)
    }

    /// Returns the value for the preload's option `status`.
    #[must_use]
    pub fn path(&self) -> OsString {
        format!("/proc/{}/fd/{}", std::process::id(), self.file.as_raw_fd()).into()
    }
}

fn incomplete() -> io::Error {
    io::Error::new(io::ErrorKind::UnexpectedEof, "the status page is incomplete")
}

impl Deref for StatusFile {
    type Target = StatusPage;

    fn deref(&self) -> &StatusPage {
        // SAFETY: the pointer is valid as long as `self`: the mapping is page-aligned and has FILE_SIZE bytes,
        // which the protocol crate asserts to be enough. Any bytes are a valid page, and other processes may
        // write to it because every field is atomic.
        unsafe { &*self.map.as_ptr().cast() }
    }
}

impl Drop for StatusFile {
    fn drop(&mut self) {
        // Errors are ignored, because the content has been shown by now.
        let _ = self.save();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sockfuzz_protocol::Phase;

    #[test]
    fn mappings_share_the_page_and_it_is_saved() {
        let directory = tempfile::tempdir().expect("tempdir");
        let path = directory.path().join("status");
        let observer = StatusFile::kept_at(&path).expect("map");
        assert_eq!(observer.phase(), Phase::Absent);
        let server = StatusFile::existing(Path::new(&observer.path())).expect("map again");
        server.reach(Phase::Accepted);
        assert_eq!(observer.phase(), Phase::Accepted);
        drop(observer);
        assert_eq!(StatusFile::existing(&path).expect("kept").phase(), Phase::Accepted);
        assert_eq!(StatusFile::copy_of(&path).expect("kept").phase(), Phase::Accepted);
        fs::write(&path, "cut").expect("write");
        StatusFile::copy_of(&path).expect_err("incomplete");
    }

    #[test]
    fn a_writer_of_the_page_cannot_change_its_size() {
        let page = StatusFile::in_memory().expect("map");
        let file = OpenOptions::new().read(true).write(true).open(page.path()).expect("open");
        for length in [0, 2 * StatusPage::FILE_SIZE as u64] {
            assert_eq!(file.set_len(length).expect_err("sealed").kind(), io::ErrorKind::PermissionDenied);
        }
        OpenOptions::new().write(true).truncate(true).open(page.path()).expect_err("sealed");
    }
}
