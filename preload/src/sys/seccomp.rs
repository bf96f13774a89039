//! Whether the server has put a seccomp filter on itself (seccomp(2)), which may forbid what this library needs.

use std::fs;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

/// Filters of this process before the server's `main`: those of whoever has started it, and ours. Before they are
/// counted, more than there can be.
static AT_START: AtomicU32 = AtomicU32::new(u32::MAX);

/// Counts the filters that are there. To be called before the server's `main`.
pub(crate) fn record() {
    AT_START.store(count().unwrap_or(u32::MAX), Relaxed);
}

/// Whether another filter was added. One that does not even allow to look is one.
pub(crate) fn is_added() -> bool {
    let at_start = AT_START.load(Relaxed);
    at_start != u32::MAX && count().is_none_or(|count| count > at_start)
}

/// What to say where a filter was added.
pub(crate) const REMEDY: &str = "the server has put a seccomp filter on itself, which may forbid what sockfuzz \
                                 needs: turn it off in the server's configuration";

/// As the kernel tells (proc_pid_status(5)): `Some(0)` where it does not count them.
fn count() -> Option<u32> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let filters = status.lines().find_map(|line| line.strip_prefix("Seccomp_filters:"));
    Some(filters.and_then(|filters| filters.trim().parse().ok()).unwrap_or(0))
}
