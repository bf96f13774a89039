//! Summary of a campaign, and warnings about figures that are worthless or poor.

use indicatif::{HumanBytes, HumanCount, HumanDuration, HumanFloatCount};
use sockfuzz_protocol::{Counter, EXIT_SIGNAL};

use crate::campaign::stats::FuzzerStats;
use crate::server::status_file::StatusFile;
use crate::util::printable::counted;

/// Lowest stability without a warning: below it, coverage feedback is mostly noise.
const MIN_STABILITY_PERCENT: f64 = 80.0;

/// Fewest edges without a warning: with fewer, the server itself is not instrumented.
const MIN_EDGES: u64 = 3;

/// An event in more than one of this many executions is worth a warning.
const WARNING_RATIO: u64 = 100;

/// Descriptors or threads that are not given back in 1,000 iterations, from which on they are worth a warning.
const MIN_LEAK_RATE: u64 = 10;

/// The same for memory, in bytes: allocators take more in steps.
const MIN_MEMORY_LEAK_RATE: u64 = 256 << 10;

/// The figures in one line, while the campaign runs.
#[must_use]
pub fn live_line(stats: &FuzzerStats) -> String {
    format!(
        "{} executions, {}/s, {} edges, {:.1} % stable, corpus {}, {}, {}",
        HumanCount(stats.executions),
        HumanFloatCount(stats.per_second.round()),
        HumanCount(stats.edges),
        stats.stability,
        HumanCount(stats.corpus),
        counted(stats.crashes, "crash", "crashes"),
        counted(stats.hangs, "hang", "hangs"),
    )
}

/// The figures at the end.
#[must_use]
pub fn summary(stats: &FuzzerStats) -> String {
    format!(
        "{} of fuzzing: {} executions, {} per second, {}\n\
         stability {:.2} %, {} edges, {} inputs in the corpus, {}, {}",
        HumanDuration(stats.run_time),
        HumanCount(stats.executions),
        HumanFloatCount(stats.per_second.round()),
        counted(stats.timeouts, "timeout", "timeouts"),
        stats.stability,
        HumanCount(stats.edges),
        HumanCount(stats.corpus),
        counted(stats.crashes, "crash", "crashes"),
        counted(stats.hangs, "hang", "hangs"),
    )
}

/// Counters of the preload since the campaign began, or was resumed.
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
    /// Ends of the server by a fault of the preload's.
    pub internal_errors: u64,
    /// Whether the server has ended in the warm-up, which is left out since.
    pub without_warm_up: bool,
    /// Descriptors that the server opened and did not close, and the number of measured iterations.
    pub leaked: (u64, u64),
    /// Bytes of memory, threads, and processes of their own that the same processes had more at their ends.
    pub leaked_memory: u64,
    /// As above.
    pub leaked_threads: u64,
    /// As above.
    pub leaked_processes: u64,
    /// Processes that the server was not allowed to fork.
    pub forks_refused: u64,
    /// Processes that ended before their share of iterations, because they had taken too much.
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

/// Reasons why these figures are worthless, or poor. There should be a connection for each of the
/// `executions` since the campaign began, or was resumed.
#[must_use]
pub fn warnings(stats: &FuzzerStats, executions: u64, connections: ConnectionCounts) -> Vec<String> {
    let mut warnings: Vec<String> =
        acceptance_warning(executions, connections.accepted).into_iter().collect();
    warnings.extend(connection_warnings(executions, connections));
    warnings.extend(coverage_warnings(stats));
    warnings
}

fn acceptance_warning(executions: u64, accepted: u64) -> Option<String> {
    if accepted == 0 {
        let warning = "the server accepted not one connection: these executions are empty. Run sockfuzz \
                       check on it";
        return Some(warning.to_owned());
    }
    (accepted < executions / 2).then(|| {
        format!(
            "the server accepted {} in {} executions: it ends, or stops accepting, before it is \
             given an input. Run sockfuzz check on it",
            counted(accepted, "connection", "connections"),
            HumanCount(executions),
        )
    })
}

fn connection_warnings(executions: u64, connections: ConnectionCounts) -> Vec<String> {
    let mut warnings = Vec::new();
    let ConnectionCounts { unaccepted, abandoned, .. } = connections;
    if connections.internal_errors > 0 {
        warnings.push(format!(
            "{} of sockfuzz, not of the server: please report it, with what sockfuzz replay says of the queue",
            counted(connections.internal_errors, "internal error", "internal errors"),
        ));
    }
    if connections.without_warm_up {
        warnings.push(
            "the server ended in the requests of the warm-up (sockfuzz check -i corpus/http1 may show one), so they \
             were left out"
                .to_owned(),
        );
    }
    if connections.exits > 0 {
        warnings.push(format!(
            "the server exited {} in the middle of an iteration (--exits crash saves such inputs as \
             sig:{EXIT_SIGNAL:02}, --exits count only counts them)",
            counted(connections.exits, "time", "times"),
        ));
    }
    if connections.ends_between > 0 {
        warnings.push(format!(
            "the server crashed or exited {} between two inputs, by a thread of its own. AFL++ can be told with the \
             next input only, so as many of the saved crashes show an innocent one (sockfuzz replay does not \
             reproduce those): the cause is an input before it, or none",
            counted(connections.ends_between, "time", "times"),
        ));
    }
    if unaccepted > executions / WARNING_RATIO {
        warnings.push(format!(
            "{} the server did not accept, although it was idle: it has run out of something, or \
             has stopped accepting",
            counted(unaccepted, "connection", "connections"),
        ));
    }
    if abandoned > executions / WARNING_RATIO {
        warnings.push(format!(
            "{} the server did not close, although the client had hung up: each costs \
             milliseconds and a descriptor. Turn off what keeps connections, if it can be",
            counted(abandoned, "connection", "connections"),
        ));
    }
    if connections.forks_refused > 0 {
        warnings.push(format!(
            "the server was refused {}: it had as many as the sandbox allows (--sandbox off for no limit)",
            counted(connections.forks_refused, "process", "processes"),
        ));
    }
    warnings.extend(leak_warning(connections));
    warnings
}

/// What the server takes and does not give back.
fn leak_warning(connections: ConnectionCounts) -> Option<String> {
    let ConnectionCounts {
        leaked: (descriptors, measured),
        leaked_memory,
        leaked_threads,
        leaked_processes,
        ..
    } = connections;
    // As many as in a thousand iterations, with rounding that makes none of a few.
    let rate = |leaked: u64| leaked * 1000 / measured.max(1);
    let leak = |leaked, what| {
        (rate(leaked) >= MIN_LEAK_RATE).then(|| format!("{} {what}", HumanCount(rate(leaked))))
    };
    let leaks: Vec<_> = [
        leak(descriptors, "descriptors"),
        leak(leaked_threads, "threads"),
        leak(leaked_processes, "processes"),
        (rate(leaked_memory) >= MIN_MEMORY_LEAK_RATE)
            .then(|| format!("{} of memory", HumanBytes(rate(leaked_memory)))),
    ]
    .into_iter()
    .flatten()
    .collect();
    (!leaks.is_empty()).then(|| {
        format!(
            "the server leaks: in 1,000 iterations it takes {} and does not give them back. {} (--iterations, \
             --memory) for that",
            leaks.join(", "),
            counted(
                connections.early_ends,
                "process ended before the end of its share of iterations",
                "processes ended before the end of their shares of iterations"
            ),
        )
    })
}

fn coverage_warnings(stats: &FuzzerStats) -> Vec<String> {
    let mut warnings = Vec::new();
    if stats.edges < MIN_EDGES {
        warnings.push(format!(
            "only {} of coverage: the code that handles requests is not instrumented. Build the \
             server itself (and its own libraries, statically) with cargo afl build or afl-cc",
            counted(stats.edges, "edge", "edges")
        ));
    }
    if stats.stability < MIN_STABILITY_PERCENT {
        warnings.push(format!(
            "stability is {:.2} %: coverage changes by itself. Look for background threads, \
             caches, and counters that the server can do without",
            stats.stability
        ));
    }
    warnings
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: FuzzerStats = FuzzerStats {
        run_time: std::time::Duration::from_secs(60),
        executions: 200_000,
        per_second: 3333.3,
        stability: 99.9,
        corpus: 400,
        crashes: 1,
        hangs: 0,
        timeouts: 0,
        edges: 1000,
    };

    fn accepted(accepted: u64) -> ConnectionCounts {
        ConnectionCounts { accepted, ..ConnectionCounts::default() }
    }

    #[test]
    fn good_figures_need_no_warning() {
        assert!(warnings(&GOOD, 200_000, accepted(200_001)).is_empty());
        assert!(warnings(&GOOD, 100, accepted(101)).is_empty(), "resumed");
    }

    #[test]
    fn each_kind_of_unusable_server_is_warned_of() {
        assert!(warnings(&GOOD, 1, accepted(0))[0].contains("accepted not one"));
        assert!(warnings(&GOOD, 200_000, accepted(99))[0].contains("accepted 99 connections in 200,000"));
        let not_accepting = ConnectionCounts { unaccepted: 50, ..accepted(1000) };
        assert!(warnings(&GOOD, 1000, not_accepting)[0].contains("50 connections the server did not accept"));
        let not_closing = ConnectionCounts { abandoned: 50, ..accepted(1000) };
        assert!(warnings(&GOOD, 1000, not_closing)[0].contains("50 connections the server did not close"));
        let exiting = ConnectionCounts { exits: 1, ..accepted(1000) };
        assert!(warnings(&GOOD, 1000, exiting)[0].contains("exited 1 time in the middle"));
        let ending = ConnectionCounts { ends_between: 2, ..accepted(1000) };
        assert!(warnings(&GOOD, 1000, ending)[0].contains("2 times between two inputs"));
        let failing = ConnectionCounts { internal_errors: 2, ..accepted(1000) };
        assert!(warnings(&GOOD, 1000, failing)[0].contains("2 internal errors of sockfuzz"));
        let leaking = ConnectionCounts { leaked: (500, 10_000), ..accepted(10_000) };
        assert!(
            warnings(&GOOD, 10_000, leaking)[0]
                .contains("in 1,000 iterations it takes 50 descriptors and does not")
        );
        let uninstrumented = FuzzerStats { edges: 1, ..GOOD };
        assert!(warnings(&uninstrumented, 1, accepted(1))[0].contains("only 1 edge"));
        let unstable = FuzzerStats { stability: 42.0, ..GOOD };
        assert!(warnings(&unstable, 1, accepted(1))[0].contains("42.00 %"));
    }

    #[test]
    fn figures_are_readable() {
        let line = live_line(&GOOD);
        assert!(line.contains("200,000 executions"), "{line}");
        assert!(line.contains("1 crash,"), "{line}");
    }
}
