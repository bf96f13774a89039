//! Input of a server that an AFL++ tool starts without a forkserver, as afl-showmap does to play its stdin.

use std::io::{self, Write};
use std::path::Path;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{MemfdFlags, SeekFrom, memfd_create, seek};
use rustix::io::{Errno, read};
use rustix::stdio::{dup2_stdin, stdin};

/// Descriptors of a forkserver (AFL++'s include/config.h, FORKSRV_FD).
const FORKSERVER: [&str; 2] = ["/proc/self/fd/198", "/proc/self/fd/199"];

/// Silence that ends the input.
const SILENCE: Timespec = Timespec { tv_sec: 0, tv_nsec: 100_000_000 };

/// Bytes that are read at once.
const CHUNK_BYTES: usize = 64 << 10;

/// Whether this process is the forkserver of an AFL++ tool, which gives it no input by stdin.
#[must_use]
pub fn is_forkserver() -> bool {
    FORKSERVER.iter().all(|descriptor| Path::new(descriptor).exists())
}

/// Replaces stdin by a file in memory with all that can be read from it. ClusterFuzz, when it runs on a terminal, writes an
/// input to a pipe that it never closes, so 100 ms of silence after the first byte end the input, too.
///
/// # Errors
/// When memory or descriptors are exhausted.
pub fn take_in() -> io::Result<()> {
    let file = memfd_create("sockfuzz-input", MemfdFlags::CLOEXEC)?;
    let mut to = std::fs::File::from(file);
    let mut chunk = [0; CHUNK_BYTES];
    let mut patience = None;
    loop {
        match poll(&mut [PollFd::new(&stdin(), PollFlags::IN)], patience) {
            Ok(0) => break,
            Err(Errno::INTR) => continue,
            // What cannot be waited for can be read.
            Ok(_) | Err(_) => {}
        }
        match read(stdin(), &mut chunk) {
            Ok(0) => break,
            Ok(count) => to.write_all(&chunk[..count])?,
            Err(Errno::INTR | Errno::AGAIN) => {}
            // A stdin that is closed is an empty one.
            Err(_) => break,
        }
        patience = Some(&SILENCE);
    }
    seek(&to, SeekFrom::Start(0))?;
    dup2_stdin(&to)?;
    Ok(())
}
