//! Anonymous files in memory (memfd_create(2)) for a server's stdin, stdout and stderr. They need no
//! helper threads, cannot deadlock, and leave nothing behind however sockfuzz ends.

use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::FileExt;
use std::process::Stdio;

use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, memfd_create};

/// Anonymous file in memory.
#[derive(Debug)]
pub struct MemoryFile(File);

impl MemoryFile {
    /// Creates a file that holds `content`, positioned at its start.
    ///
    /// # Errors
    /// When file descriptors or memory are exhausted.
    pub fn new(content: &[u8]) -> io::Result<Self> {
        let file = File::from(memfd_create("sockfuzz", MemfdFlags::CLOEXEC)?);
        file.write_all_at(content, 0)?;
        Ok(Self(file))
    }

    /// Creates a file like [`Self::new`] and seals its size: no process can change it (memfd_create(2)).
    ///
    /// # Errors
    /// When file descriptors or memory are exhausted.
    pub fn with_fixed_size(content: &[u8]) -> io::Result<Self> {
        let file = File::from(memfd_create("sockfuzz", MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING)?);
        file.write_all_at(content, 0)?;
        fcntl_add_seals(&file, SealFlags::SHRINK | SealFlags::GROW | SealFlags::SEAL)?;
        Ok(Self(file))
    }

    /// Returns a file descriptor for a standard stream of a child process.
    ///
    /// # Errors
    /// When file descriptors are exhausted.
    pub fn stdio(&self) -> io::Result<Stdio> {
        Ok(self.0.try_clone()?.into())
    }

    /// Returns the whole content. The file offset, which is shared with the child process, does not change.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn content(&self) -> io::Result<Vec<u8>> {
        self.content_up_to(u64::MAX)
    }

    /// Returns the content, but for what follows after `limit` bytes.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn content_up_to(&self, limit: u64) -> io::Result<Vec<u8>> {
        let length = self.0.metadata()?.len().min(limit);
        let length = usize::try_from(length).map_err(io::Error::other)?;
        let mut content = vec![0; length];
        self.0.read_exact_at(&mut content, 0)?;
        Ok(content)
    }

    /// Returns a path by which a child process can open the file while this process lives.
    #[must_use]
    pub fn path(&self) -> OsString {
        format!("/proc/{}/fd/{}", std::process::id(), self.0.as_raw_fd()).into()
    }

    /// Returns the underlying file.
    #[must_use]
    pub fn file(&self) -> &File {
        &self.0
    }
}
