//! Counters of the preload that the warnings of a campaign are about.

use sockfuzz_protocol::Counter;

use crate::server::status_file::StatusFile;

/// Counters of the preload since the campaign was started or resumed.
#[derive(Debug, Clone, Copy, Default)]
pub struct ConnectionCounts {
    /// Connections that the server accepted.
    pub accepted: u64,
    /// Connections that it did not accept.
    pub unaccepted: u64,
    /// Connections that it kept open after the client had closed them.
    pub abandoned: u64,
    /// Exits of the server in the middle of an iteration.
    pub exits: u64,
    /// Crashes and exits of the server between two iterations.
    pub ends_between: u64,
    /// Ends of the server because of an internal error of the preload.
    pub internal_errors: u64,
    /// Whether the server ended in the warm-up, which is skipped since then.
    pub without_warm_up: bool,
    /// Descriptors that the server opened and did not close, and the number of measured iterations.
    pub leaked: (u64, u64),
    /// Bytes of memory that the measured processes occupied at the end in addition to those after their warm-up.
    pub leaked_memory: u64,
    /// Threads that the measured processes had in addition.
    pub leaked_threads: u64,
    /// Child processes that the measured processes had in addition.
    pub leaked_processes: u64,
    /// Processes that the server was not allowed to fork.
    pub forks_refused: u64,
    /// Processes that ended before their share of iterations, because they used too many resources.
    pub early_ends: u64,
}

impl ConnectionCounts {
    /// Reads the counters of the status page.
    #[must_use]
    pub fn read(status: &StatusFile) -> Self {
        Self {
            accepted: status.count(Counter::Accepted),
            unaccepted: status.count(Counter::Unaccepted),
            abandoned: status.count(Counter::Abandoned),
            exits: status.count(Counter::Exits),
            ends_between: status.count(Counter::EndsBetween),
            internal_errors: status.count(Counter::InternalErrors),
            without_warm_up: status.count(Counter::WarmUpsLeftOut) > 0,
            leaked: (status.count(Counter::Leaked), status.count(Counter::Measured)),
            leaked_memory: status.count(Counter::LeakedMemory),
            leaked_threads: status.count(Counter::LeakedThreads),
            leaked_processes: status.count(Counter::LeakedProcesses),
            forks_refused: status.count(Counter::ForksRefused),
            early_ends: status.count(Counter::EarlyEnds),
        }
    }
}
