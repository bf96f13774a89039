//! Source of answers: a ring in memory that this process makes, and that the servers which it starts write to.

use std::fs::File;
use std::os::fd::AsRawFd;

use memmap2::MmapRaw;
use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, ftruncate, memfd_create};
use sockfuzz_protocol::{AnswerRing, specs};

/// Ring of answers.
#[derive(Debug)]
pub(crate) struct AnswerSource {
    map: MmapRaw,
    /// The servers open it by its path below this process.
    _file: File,
}

impl AnswerSource {
    /// Makes a ring, and names it in the environment of this process. `None` if memory or descriptors are exhausted.
    ///
    /// # Safety
    /// No other thread may use the environment.
    pub(crate) unsafe fn create() -> Option<Self> {
        let file = memfd_create("sockfuzz-answers", MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING).ok()?;
        ftruncate(&file, AnswerRing::FILE_SIZE as u64).ok()?;
        // A server that changed the size would end this process by SIGBUS.
        fcntl_add_seals(&file, SealFlags::SHRINK | SealFlags::GROW | SealFlags::SEAL).ok()?;
        let file = File::from(file);
        let map = MmapRaw::map_raw(&file).ok()?;
        let path = format!("/proc/{}/fd/{}", std::process::id(), file.as_raw_fd());
        // SAFETY: the caller guarantees that no other thread uses the environment.
        unsafe { std::env::set_var(specs::ANSWER_RING.variable, path) };
        Some(Self { map, _file: file })
    }

    /// Takes the answers that have not been read.
    pub(crate) fn take(&self) -> Vec<Vec<u8>> {
        // SAFETY: the mapping has the size of a ring and lives as long as `self`. Any bytes are a ring, and other processes
        // may write to it because every field is atomic.
        unsafe { &*self.map.as_ptr().cast::<AnswerRing>() }.take()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ring_is_sealed_and_empty() {
        // SAFETY: no other test of this program uses the variable.
        let source = unsafe { AnswerSource::create() }.expect("memory");
        assert!(source.take().is_empty());
        let path = std::env::var_os(specs::ANSWER_RING.variable).expect("set");
        let file = File::options().write(true).open(path).expect("the ring");
        file.set_len(0).expect_err("sealed");
    }
}
