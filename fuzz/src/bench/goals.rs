//! Targets: minimum ratios of two cases, measured in the same rounds.

use super::case::BenchCase;
use super::names::{CRASHES, EMPTY, HISTORIES, OTHER_LIBRARY};

/// One target.
#[derive(Debug, Clone, PartialEq)]
pub struct Goal {
    /// Name of the case.
    pub of: String,
    /// Name of the case that it is compared with.
    pub against: String,
    /// Smallest ratio of their executions per second that meets the target.
    pub at_least: f64,
}

/// Each target: case, case that it is compared with, smallest ratio.
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

/// Smallest ratio of a server that crashes once in 100 inputs to the same server without crashes.
const MIN_RATIO_WITH_CRASHES: f64 = 0.5;

/// Smallest ratio of a server that keeps histories to the same server without them.
const MIN_RATIO_WITH_HISTORIES: f64 = 0.98;

/// Smallest ratio of a case to the same case with another library. It is below 1 to allow for noise.
const MIN_RATIO_TO_OTHER_LIBRARY: f64 = 0.98;

impl Goal {
    /// Returns all targets, including one for every case with crashes, or with histories.
    #[must_use]
    pub fn all(cases: &[BenchCase]) -> Vec<Self> {
        let fixed = GOALS.iter().map(|&(of, against, at_least)| Self {
            of: of.to_owned(),
            against: against.to_owned(),
            at_least,
        });
        let variants = [(CRASHES, MIN_RATIO_WITH_CRASHES), (HISTORIES, MIN_RATIO_WITH_HISTORIES)];
        let varied = cases.iter().flat_map(|case| {
            variants.into_iter().filter_map(|(suffix, at_least)| {
                let against = case.name.strip_suffix(suffix)?.to_owned();
                Some(Self { of: case.name.clone(), against, at_least })
            })
        });
        fixed.chain(varied).collect()
    }

    /// Returns a target for every case that is also measured with another library.
    #[must_use]
    pub fn against_other_library(cases: &[BenchCase]) -> Vec<Self> {
        let compared = cases.iter().filter_map(|case| {
            let of = case.name.strip_suffix(OTHER_LIBRARY)?.to_owned();
            Some(Self { of, against: case.name.clone(), at_least: MIN_RATIO_TO_OTHER_LIBRARY })
        });
        compared.collect()
    }
}
