//! Real server that runs as always, while the preload records what its clients send.

use std::collections::HashSet;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::Result;
use memmap2::{MmapOptions, MmapRaw};
use rustix::fs::{FallocateFlags, fallocate};
use sockfuzz_protocol::Endpoint;
use sockfuzz_protocol::recording::{RECORDS_BEGIN, Record, RecordingHeader};

use crate::server::command::Server;
use crate::server::diagnose::{ThreadStates, describe_exit};
use crate::server::listening;
use crate::server::running::{RunningProcess, WaitOutcome};
use crate::util::memory_file::MemoryFile;
use crate::util::{exit_code, problem::Problem};

/// Maximum number of bytes of a recording that are read at a time.
const READ_BYTES: u64 = 16 << 20;

/// Running server that is recorded. Dropping it kills all descendants of sockfuzz.
#[derive(Debug)]
pub struct RecordedServer {
    running: RunningProcess,
    endpoint: Option<Endpoint>,
    file: MemoryFile,
    header: MmapRaw,
    /// Offset of the next record in the file.
    next: u64,
}

impl RecordedServer {
    /// Starts the server, and waits until it listens, at `endpoint` or on any TCP address.
    ///
    /// # Errors
    /// When it never listens, or the preload is not loaded into it.
    pub fn start(
        server: &Server,
        library: &Path,
        endpoint: Option<Endpoint>,
        timeout: Duration,
    ) -> Result<Self> {
        let file = MemoryFile::new(b"")?;
        file.file().set_len(RECORDS_BEGIN)?;
        let header = MmapOptions::new().len(size_of::<RecordingHeader>()).map_raw(file.file())?;
        let mut command = server.recorded(library, &file);
        command.stdin(Stdio::null());
        let mut running = RunningProcess::start_in_background(command)?;
        let listens = || listening::is_listening(endpoint.as_ref());
        // A server that goes to the background has ended when its last process has ended.
        let waited = running.wait_for_all(Instant::now() + timeout, listens)?;
        let started = Self { running, endpoint, file, header, next: RECORDS_BEGIN };
        let (exit, what, remedy) = match waited {
            WaitOutcome::Done if started.header().has_programs() => return Ok(started),
            WaitOutcome::Done => (
                exit_code::NOT_PRELOADABLE,
                "the preload was not loaded into the server".to_owned(),
                "start the server itself, not a wrapper that clears its environment or starts a static program",
            ),
            WaitOutcome::Ended(end) => (
                exit_code::EXITS,
                format!("the server ended before it listened: {}", describe_exit(end)),
                "fix the error that it reports; check whether another server uses its port",
            ),
            WaitOutcome::TimedOut => (
                exit_code::NEVER_LISTENS,
                format!(
                    "the server never listens; after {} s: {}",
                    timeout.as_secs_f64(),
                    ThreadStates::capture()
                ),
                "name its listener with --port PORT, or --port PATH for a UNIX-domain socket; give a slow server more \
                 time with --timeout",
            ),
        };
        Err(Problem::new(exit, what, remedy).into())
    }

    /// Returns the exit status of its first process if the server has ended: if nothing listens any more.
    ///
    /// # Errors
    /// When waitpid(2) fails.
    pub fn ended(&mut self) -> io::Result<Option<ExitStatus>> {
        let status = self.running.ended()?;
        Ok(status.filter(|_| !listening::is_listening(self.endpoint.as_ref())))
    }

    /// Returns the numbers of the connections that may still be used; `None` if that is unknown.
    #[must_use]
    pub fn open_connections(&self) -> Option<HashSet<u64>> {
        listening::open_sockets()
    }

    /// Returns the number of records that the server could not write.
    #[must_use]
    pub fn lost_records(&self) -> u64 {
        self.header().lost()
    }

    /// Passes on what was recorded since the last call.
    ///
    /// # Errors
    /// When the memory cannot be read.
    pub fn read(&mut self, mut on_record: impl FnMut(&Record<'_>)) -> io::Result<()> {
        loop {
            let length = (self.file.file().metadata()?.len() - self.next).min(READ_BYTES);
            let mut bytes = vec![0; usize::try_from(length).map_err(io::Error::other)?];
            self.file.file().read_exact_at(&mut bytes, self.next)?;
            let mut rest = bytes.as_slice();
            loop {
                rest = &rest[Record::skip(rest)..];
                let Some((record, after)) = Record::decode(rest) else { break };
                on_record(&record);
                rest = after;
            }
            let read = (bytes.len() - rest.len()) as u64;
            self.next += read;
            if read == 0 {
                return Ok(());
            }
            // Where the kernel cannot free the memory, it only stays in use.
            let free = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
            let _ = fallocate(self.file.file(), free, RECORDS_BEGIN, self.next - RECORDS_BEGIN);
        }
    }

    fn header(&self) -> &RecordingHeader {
        // SAFETY: the mapping is page-aligned, has the size of a header, and lives as long as `self`. Any bytes are a valid
        // header, and other processes may write to it because every field is atomic.
        unsafe { &*self.header.as_ptr().cast() }
    }
}
