//! Resource limits of one process (setrlimit(2)): size of files, tasks, memory. (`mounts` limits the scratch
//! directories as a whole.) When the machine runs out of memory, the kernel kills the server first.

use std::fs;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::sys::proc;

/// Maximum size of a file in bytes, larger than a server under test has reason to write.
const MAX_FILE_BYTES: u64 = 1 << 30;

/// Maximum number of processes and threads in a user namespace of the server's own, which the kernel counts separately.
const MAX_TASKS: u64 = 1024;

/// Memory that a process may allocate after the start of its first iteration, in multiples of `--memory`. A process
/// that accumulates memory over many inputs is replaced at one `--memory`, so only a single input can reach this limit.
const MEMORY_FACTOR: u64 = 4;

/// Highest adjustment of the score (proc_pid_oom_score_adj(5)): the kernel kills such a process before others.
const FIRST_TO_BE_KILLED: &str = "1000";

/// Sets the limits that need no namespace. Must be called while /proc is writable.
pub(super) fn set() {
    lower(Resource::Fsize, MAX_FILE_BYTES);
    // With the signal ignored, the write fails with EFBIG.
    // SAFETY: SIG_IGN is a valid disposition, and the process has one thread, so nothing else changes it.
    unsafe { libc::signal(libc::SIGXFSZ, libc::SIG_IGN) };
    // Raising the score needs no privilege. Without /proc, only the order of killing is lost.
    let _ = fs::write("/proc/self/oom_score_adj", FIRST_TO_BE_KILLED);
}

/// Limits the number of tasks. Must be called in a user namespace of the server's own: outside of one, the kernel
/// counts all processes of the user.
pub(super) fn set_tasks() {
    lower(Resource::Nproc, MAX_TASKS);
}

/// Limits the memory of this process (RLIMIT_DATA); `memory_mib` is the value of `--memory`.
pub(super) fn set_memory(memory_mib: u32) {
    lower(Resource::Data, proc::data_bytes() + MEMORY_FACTOR * (u64::from(memory_mib) << 20));
}

fn lower(resource: Resource, most: u64) {
    let most = getrlimit(resource).maximum.unwrap_or(most).min(most);
    // Lowering a limit needs no privilege, so this cannot fail.
    let _ = setrlimit(resource, Rlimit { current: Some(most), maximum: Some(most) });
}
