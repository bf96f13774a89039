//! No file grows without end. A limit per file is what the kernel offers (setrlimit(2)); the scratch
//! directory is limited as a whole.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// The size that a file may grow to, in bytes: more than a server under test has reason to write.
const MAX_FILE_BYTES: u64 = 1 << 30;

pub(super) fn set() {
    let most = getrlimit(Resource::Fsize).maximum.unwrap_or(MAX_FILE_BYTES).min(MAX_FILE_BYTES);
    // Lowering a limit needs no right, so this cannot fail.
    let _ = setrlimit(Resource::Fsize, Rlimit { current: Some(most), maximum: Some(most) });
    // SAFETY: the process has one thread. Ignored, the signal leaves the write with EFBIG.
    unsafe { libc::signal(libc::SIGXFSZ, libc::SIG_IGN) };
}
