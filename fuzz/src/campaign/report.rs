//! Summary of a campaign, and warnings about worthless or poor figures.

use indicatif::{HumanBytes, HumanCount, HumanDuration, HumanFloatCount};
use sockfuzz_protocol::EXIT_SIGNAL;

use crate::campaign::connection_counts::ConnectionCounts;
use crate::campaign::stats::FuzzerStats;
use crate::util::printable::counted;

/// Lowest stability without a warning. Below it, coverage feedback is mostly noise.
const MIN_STABILITY_PERCENT: f64 = 80.0;

/// Lowest number of edges without a warning. With fewer, the server itself is not instrumented.
const MIN_EDGES: u64 = 3;

/// Number of executions per event below which the event causes a warning.
const WARNING_RATIO: u64 = 100;

/// Lowest number of descriptors, threads or processes leaked per 1,000 iterations that causes a warning.
const MIN_LEAK_RATE: u64 = 10;

/// Lowest number of bytes of memory leaked per 1,000 iterations that causes a warning. Allocators grow in steps.
const MIN_MEMORY_LEAK_RATE: u64 = 256 << 10;

/// Returns the figures of a running campaign in one line.
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

/// Returns the figures at the end of a campaign.
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

/// Returns warnings about worthless or poor figures. `executions` counts those since the campaign was started
/// or resumed; each should have a connection.
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
        let warning = "the server accepted no connection: these executions are empty. Run sockfuzz \
                       check on it";
        return Some(warning.to_owned());
    }
    (accepted < executions / 2).then(|| {
        format!(
            "the server accepted {} in {} executions: it ends, or stops accepting, before it \
             gets an input. Run sockfuzz check on it",
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
            "{} of sockfuzz, not of the server: please report it, with the output of sockfuzz replay for the queue",
            counted(connections.internal_errors, "internal error", "internal errors"),
        ));
    }
    if connections.without_warm_up {
        warnings.push(
            "the server ended during the warm-up requests, so they were skipped. sockfuzz check -i corpus/http1 may \
             show which one ends it"
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
            "the server crashed or exited {} between two inputs, in one of its own threads. AFL++ gets this report \
             only with the next input, so the same number of saved crashes contain an input that is not the cause \
             (sockfuzz replay does not reproduce them). The cause is an earlier input, or none",
            counted(connections.ends_between, "time", "times"),
        ));
    }
    if unaccepted > executions / WARNING_RATIO {
        warnings.push(format!(
            "the server did not accept {}, although it was idle: it has run out of a resource, or has \
             stopped accepting",
            counted(unaccepted, "connection", "connections"),
        ));
    }
    if abandoned > executions / WARNING_RATIO {
        warnings.push(format!(
            "the server did not close {} after the client did: each costs milliseconds and a \
             descriptor. If possible, turn off the feature that keeps connections open",
            counted(abandoned, "connection", "connections"),
        ));
    }
    if connections.forks_refused > 0 {
        warnings.push(format!(
            "the server could not fork {}: it had as many as the sandbox allows (--sandbox off removes the limit)",
            counted(connections.forks_refused, "process", "processes"),
        ));
    }
    warnings.extend(leak_warning(connections));
    warnings
}

/// Returns a warning about resources that the server does not release.
fn leak_warning(connections: ConnectionCounts) -> Option<String> {
    let ConnectionCounts {
        leaked: (descriptors, measured),
        leaked_memory,
        leaked_threads,
        leaked_processes,
        ..
    } = connections;
    // The number per 1,000 iterations, rounded down, so that a few leaks count as none.
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
    let early_ends = (connections.early_ends > 0).then(|| {
        let ends = counted(
            connections.early_ends,
            "process ended before its share of iterations was complete",
            "processes ended before their shares of iterations were complete",
        );
        format!(". Therefore, {ends} (see --iterations and --memory)")
    });
    (!leaks.is_empty()).then(|| {
        format!(
            "the server leaks: in 1,000 iterations it takes {} and does not release them{}",
            leaks.join(", "),
            early_ends.unwrap_or_default(),
        )
    })
}

fn coverage_warnings(stats: &FuzzerStats) -> Vec<String> {
    let mut warnings = Vec::new();
    if stats.edges < MIN_EDGES {
        warnings.push(format!(
            "only {} of coverage: the code that handles requests is not instrumented. Build the \
             server itself (and its own libraries, statically) with sockfuzz cc or sockfuzz cargo",
            counted(stats.edges, "edge", "edges")
        ));
    }
    if stats.stability < MIN_STABILITY_PERCENT {
        warnings.push(format!(
            "stability is {:.2} %: coverage differs between runs of the same input. Look for \
             background threads, caches, and counters that can be turned off",
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
        last_find: 0,
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
    fn each_kind_of_poor_figure_causes_a_warning() {
        assert!(warnings(&GOOD, 1, accepted(0))[0].contains("accepted no connection"));
        assert!(warnings(&GOOD, 200_000, accepted(99))[0].contains("accepted 99 connections in 200,000"));
        let not_accepting = ConnectionCounts { unaccepted: 50, ..accepted(1000) };
        assert!(warnings(&GOOD, 1000, not_accepting)[0].contains("did not accept 50 connections"));
        let not_closing = ConnectionCounts { abandoned: 50, ..accepted(1000) };
        assert!(warnings(&GOOD, 1000, not_closing)[0].contains("did not close 50 connections"));
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
