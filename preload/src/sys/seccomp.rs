//! Detection of a seccomp filter that the server has put on itself (seccomp(2)), and that may forbid calls which this
//! library needs.

use std::fs;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

/// Number of filters before the server's `main`: inherited ones, and those of the preload. `u32::MAX` until they are
/// counted.
static AT_START: AtomicU32 = AtomicU32::new(u32::MAX);

/// Counts the filters that exist now. Must be called before the server's `main`.
pub(crate) fn record() {
    AT_START.store(count().unwrap_or(u32::MAX), Relaxed);
}

/// Whether another filter was added. If the count cannot be read any more, a filter must forbid that.
pub(crate) fn is_added() -> bool {
    let at_start = AT_START.load(Relaxed);
    at_start != u32::MAX && count().is_none_or(|count| count > at_start)
}

/// Message for the case that a filter was added.
pub(crate) const REMEDY: &str = "the server has put a seccomp filter on itself, which may forbid what sockfuzz \
                                 needs: turn it off in the server's configuration";

/// Returns the kernel's count of filters (proc_pid_status(5)); `Some(0)` if the kernel does not count them.
fn count() -> Option<u32> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let filters = status.lines().find_map(|line| line.strip_prefix("Seccomp_filters:"));
    Some(filters.and_then(|filters| filters.trim().parse().ok()).unwrap_or(0))
}
