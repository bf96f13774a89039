//! Targets: ratios of two cases, measured in the same rounds.

use super::case::BenchCase;
use super::names::{CRASHES, EMPTY, OTHER_LIBRARY};

/// One goal.
#[derive(Debug, Clone, PartialEq)]
pub struct Goal {
    /// The case.
    pub of: String,
    /// The case that it is compared with.
    pub against: String,
    /// Smallest ratio of their executions per second that meets the goal.
    pub at_least: f64,
}

/// Case, case that it is compared with, smallest ratio.
const GOALS: [(&str, &str, f64); 8] = [
    ("empty/direct", EMPTY, 2.5),
    ("nginx/memory/direct/file", EMPTY, 1.0),
    ("lighttpd/memory/direct", EMPTY, 1.0),
    ("epoll/memory/direct", "inproc", 2.0),
    ("thread-per-connection/memory/direct", "inproc", 0.5),
    ("pool/memory/direct", "inproc", 0.5),
    ("tokio/memory/direct", "inproc", 0.3),
    ("nginx/memory/direct", "nginx/netdriver", 5.0),
];

/// Ratio of a server that crashes once in 100 inputs to itself without crashes.
const MIN_RATIO_WITH_CRASHES: f64 = 0.5;

/// Ratio of a case to itself with another library that is no slower, but for noise.
const MIN_RATIO_TO_OTHER_LIBRARY: f64 = 0.98;

impl Goal {
    /// All goals, with one for every case of crashes.
    #[must_use]
    pub fn all(cases: &[BenchCase]) -> Vec<Self> {
        let fixed = GOALS.iter().map(|&(of, against, at_least)| Self {
            of: of.to_owned(),
            against: against.to_owned(),
            at_least,
        });
        let crashing = cases.iter().filter_map(|case| {
            let against = case.name.strip_suffix(CRASHES)?.to_owned();
            Some(Self { of: case.name.clone(), against, at_least: MIN_RATIO_WITH_CRASHES })
        });
        fixed.chain(crashing).collect()
    }

    /// A goal for every case that is measured with another library, too.
    #[must_use]
    pub fn against_other_library(cases: &[BenchCase]) -> Vec<Self> {
        let compared = cases.iter().filter_map(|case| {
            let of = case.name.strip_suffix(OTHER_LIBRARY)?.to_owned();
            Some(Self { of, against: case.name.clone(), at_least: MIN_RATIO_TO_OTHER_LIBRARY })
        });
        compared.collect()
    }
}
