//! What came of a campaign, in a few lines, and loud words where it was for nothing.

use indicatif::{HumanCount, HumanDuration, HumanFloatCount};

use crate::afl::stats::Stats;
use crate::printable::counted;

/// Below this percentage coverage feedback is mostly noise.
const STABLE: f64 = 80.0;

/// With fewer edges than this nothing of the server was seen.
const FEW_EDGES: u64 = 3;

/// The figures on one line, for watching.
#[must_use]
pub fn live_line(stats: &Stats) -> String {
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
pub fn summary(stats: &Stats) -> String {
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

/// What makes these figures worthless. `accepted` counts the connections that the server took in
/// the last `executions`: there should be one at least for each.
#[must_use]
pub fn warnings(stats: &Stats, executions: u64, accepted: u64) -> Vec<String> {
    let mut warnings = Vec::new();
    if accepted == 0 {
        warnings.push(
            "the server accepted not one connection: these executions are empty. Run sockfuzz \
             check on it"
                .to_owned(),
        );
    } else if accepted < executions / 2 {
        warnings.push(format!(
            "the server accepted {} in {} executions: it ends, or stops accepting, before it is \
             given an input. Run sockfuzz check on it",
            counted(accepted, "connection", "connections"),
            HumanCount(executions),
        ));
    }
    if stats.edges < FEW_EDGES {
        warnings.push(format!(
            "only {} of coverage: the code that handles requests is not instrumented. Build the \
             server itself (and its own libraries, statically) with cargo afl build or afl-cc",
            counted(stats.edges, "edge", "edges")
        ));
    }
    if stats.stability < STABLE {
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

    const GOOD: Stats = Stats {
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

    #[test]
    fn good_figures_need_no_warning() {
        assert!(warnings(&GOOD, 200_000, 200_001).is_empty());
        assert!(warnings(&GOOD, 100, 101).is_empty(), "resumed");
    }

    #[test]
    fn each_kind_of_dud_is_warned_of() {
        assert!(warnings(&GOOD, 1, 0)[0].contains("accepted not one"));
        assert!(warnings(&GOOD, 200_000, 99)[0].contains("accepted 99 connections in 200,000"));
        let blind = Stats { edges: 1, ..GOOD };
        assert!(warnings(&blind, 1, 1)[0].contains("only 1 edge"));
        let shaky = Stats { stability: 42.0, ..GOOD };
        assert!(warnings(&shaky, 1, 1)[0].contains("42.00 %"));
    }

    #[test]
    fn figures_are_readable() {
        let line = live_line(&GOOD);
        assert!(line.contains("200,000 executions"), "{line}");
        assert!(line.contains("1 crash,"), "{line}");
    }
}
