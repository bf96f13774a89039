//! The status page of the preload: memory that the preload maps and writes, mapped here for reading. The server may
//! write anything into it, but cannot change its size; and it has no path to the file in which the page is kept.

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

/// A mapped status page.
#[derive(Debug)]
pub struct StatusFile {
    map: MmapRaw,
    file: File,
    /// Where the page is kept when it is no longer used.
    kept_at: Option<PathBuf>,
}

impl StatusFile {
    /// Creates a page in memory. Its path is valid only while this process lives.
    ///
    /// # Errors
    /// When the kernel has no descriptor or memory to give.
    pub fn in_memory() -> io::Result<Self> {
        let page = MemoryFile::with_fixed_size(&[0; StatusPage::FILE_SIZE])?;
        Self::map(page.file().try_clone()?)
    }

    /// Creates a page in memory whose content is kept in a file, from [`Self::save`] and the end on.
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
    /// When there is no such file.
    pub fn existing(path: &Path) -> io::Result<Self> {
        Self::map(OpenOptions::new().read(true).write(true).open(path)?)
    }

    fn map(file: File) -> io::Result<Self> {
        Ok(Self { map: MmapRaw::map_raw(&file)?, file, kept_at: None })
    }

    /// Writes the page into the file in which it is kept.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn save(&self) -> io::Result<()> {
        let Some(path) = &self.kept_at else { return Ok(()) };
        let mut content = [0; StatusPage::FILE_SIZE];
        self.file.read_exact_at(&mut content, 0)?;
        fs::write(path, content)
    }

    /// Value for the preload's option `status`.
    #[must_use]
    pub fn path(&self) -> OsString {
        format!("/proc/{}/fd/{}", std::process::id(), self.file.as_raw_fd()).into()
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

impl Drop for StatusFile {
    fn drop(&mut self) {
        // What it holds has been shown by now.
        let _ = self.save();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sockfuzz_protocol::Phase;

    #[test]
    fn mappings_of_one_page_share_it_and_it_is_kept() {
        let directory = tempfile::tempdir().expect("tempdir");
        let path = directory.path().join("status");
        let observer = StatusFile::kept_at(&path).expect("map");
        assert_eq!(observer.phase(), Phase::Absent);
        let server = StatusFile::existing(Path::new(&observer.path())).expect("map again");
        server.reach(Phase::Accepted);
        assert_eq!(observer.phase(), Phase::Accepted);
        drop(observer);
        assert_eq!(StatusFile::existing(&path).expect("kept").phase(), Phase::Accepted);
    }

    #[test]
    fn who_writes_the_page_cannot_change_its_size() {
        let page = StatusFile::in_memory().expect("map");
        let file = OpenOptions::new().read(true).write(true).open(page.path()).expect("open");
        for length in [0, 2 * StatusPage::FILE_SIZE as u64] {
            assert_eq!(file.set_len(length).expect_err("sealed").kind(), io::ErrorKind::PermissionDenied);
        }
        OpenOptions::new().write(true).truncate(true).open(page.path()).expect_err("sealed");
    }
}
