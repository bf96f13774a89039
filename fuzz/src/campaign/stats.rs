//! Figures that afl-fuzz reports in its `fuzzer_stats` (AFL++'s docs/afl-fuzz_approach.md).

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

/// Name of the file, in the directory of an instance.
pub const STATS_FILE: &str = "fuzzer_stats";

/// Figures of one instance, or of several together.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct FuzzerStats {
    /// Time spent fuzzing, over all resumptions.
    pub run_time: Duration,
    /// Number of executions.
    pub executions: u64,
    /// Executions per second, averaged over the run.
    pub per_second: f64,
    /// Percentage of the coverage that repeated runs of an input reproduce.
    pub stability: f64,
    /// Inputs in the queue.
    pub corpus: u64,
    /// Distinct crashes saved.
    pub crashes: u64,
    /// Distinct hangs saved.
    pub hangs: u64,
    /// Executions that timed out.
    pub timeouts: u64,
    /// Edges covered.
    pub edges: u64,
    /// Time of the last find, in seconds since 1970; 0 before the first.
    pub last_find: u64,
}

impl FuzzerStats {
    /// Reads the figures in the directory of an instance. Returns `None` if it has not reported any yet.
    #[must_use]
    pub fn read(instance: &Path) -> Option<Self> {
        fs::read_to_string(instance.join(STATS_FILE)).ok().map(|text| Self::parse(&text))
    }

    /// Returns all values of the file, keyed by name.
    #[must_use]
    pub fn fields(text: &str) -> HashMap<&str, &str> {
        let pairs = text.lines().filter_map(|line| line.split_once(':'));
        pairs.map(|(name, value)| (name.trim(), value.trim().trim_end_matches('%'))).collect()
    }

    /// Parses the content of the file.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let fields = Self::fields(text);
        let count = |name| fields.get(name).and_then(|value| value.parse().ok()).unwrap_or(0);
        let figure = |name| fields.get(name).and_then(|value| value.parse().ok()).unwrap_or(0.0);
        Self {
            run_time: Duration::from_secs(count("run_time")),
            executions: count("execs_done"),
            per_second: figure("execs_per_sec"),
            stability: figure("stability"),
            corpus: count("corpus_count"),
            crashes: count("saved_crashes"),
            hangs: count("saved_hangs"),
            timeouts: count("total_tmout"),
            edges: count("edges_found"),
            last_find: count("last_find"),
        }
    }

    /// Combines instances of one campaign: the maximum of run time, corpus, edges and last find, the minimum
    /// of stability, and the sum of all other figures.
    #[must_use]
    pub fn combine(all: &[Self]) -> Option<Self> {
        all.iter().copied().reduce(|one, other| Self {
            run_time: one.run_time.max(other.run_time),
            executions: one.executions + other.executions,
            per_second: one.per_second + other.per_second,
            stability: one.stability.min(other.stability),
            corpus: one.corpus.max(other.corpus),
            crashes: one.crashes + other.crashes,
            hangs: one.hangs + other.hangs,
            timeouts: one.timeouts + other.timeouts,
            edges: one.edges.max(other.edges),
            last_find: one.last_find.max(other.last_find),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
run_time          : 61
execs_done        : 200000
execs_per_sec     : 3278.69
corpus_count      : 412
stability         : 99.87%
saved_crashes     : 2
saved_hangs       : 0
total_tmout       : 1
edges_found       : 1234
command_line      : afl-fuzz -i a : b
";

    #[test]
    fn figures_are_read() {
        let stats = FuzzerStats::parse(TEXT);
        assert_eq!(stats.executions, 200_000);
        assert!((stats.stability - 99.87).abs() < 1e-9);
        assert_eq!((stats.crashes, stats.timeouts, stats.edges), (2, 1, 1234));
        assert_eq!(stats.run_time, Duration::from_secs(61));
    }

    #[test]
    fn instances_are_combined() {
        let one = FuzzerStats::parse(TEXT);
        let other = FuzzerStats { stability: 90.0, ..one };
        let both = FuzzerStats::combine(&[one, other]).expect("two");
        assert_eq!(both.executions, 400_000);
        assert!((both.stability - 90.0).abs() < 1e-9);
        assert_eq!(both.edges, 1234);
    }
}
