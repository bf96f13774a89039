//! Limits of what one process may use up (setrlimit(2)): the size of files, tasks, memory. (The scratch directories are
//! limited as a whole, in `mounts`.) Where the machine runs out of memory, the kernel ends the server first.

use std::fs;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::sys::proc;

/// The size that a file may grow to, in bytes: more than a server under test has reason to write.
const MAX_FILE_BYTES: u64 = 1 << 30;

/// Processes and threads in a user namespace of the server's own, which the kernel counts by themselves.
const MAX_TASKS: u64 = 1024;

/// Memory that a process may ask for beyond what it has before its first iteration, in multiples of `--memory`. A process
/// that has kept the memory of many inputs is replaced at one `--memory` already, so only a single input can meet this.
const MEMORY_FACTOR: u64 = 4;

/// The highest score (proc_pid_oom_score_adj(5)): the kernel ends such a process before others.
const FIRST_TO_BE_KILLED: &str = "1000";

/// To be called while /proc can be written to.
pub(super) fn set() {
    lower(Resource::Fsize, MAX_FILE_BYTES);
    // SAFETY: the process has one thread. Ignored, the signal leaves the write with EFBIG.
    unsafe { libc::signal(libc::SIGXFSZ, libc::SIG_IGN) };
    // Making oneself a better victim needs no right; without /proc nothing is lost but the order.
    let _ = fs::write("/proc/self/oom_score_adj", FIRST_TO_BE_KILLED);
}

/// To be called in a user namespace of the server's own: outside of one, all processes of the user would count.
pub(super) fn set_tasks() {
    lower(Resource::Nproc, MAX_TASKS);
}

/// Limits the memory of this process, which may occupy `memory_mib` (RLIMIT_DATA).
pub(super) fn set_memory(memory_mib: u32) {
    lower(Resource::Data, proc::data_bytes() + MEMORY_FACTOR * (u64::from(memory_mib) << 20));
}

fn lower(resource: Resource, most: u64) {
    let most = getrlimit(resource).maximum.unwrap_or(most).min(most);
    // Lowering a limit needs no right, so this cannot fail.
    let _ = setrlimit(resource, Rlimit { current: Some(most), maximum: Some(most) });
}
