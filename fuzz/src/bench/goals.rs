//! What is aimed at: ratios of two cases, measured in the same rounds.

use super::case::Case;
use super::catalogue::EMPTY;

/// Ends the name of a case that crashes once in 100 inputs.
pub(super) const CRASHES: &str = "/crashes";

/// One goal.
#[derive(Debug, Clone, PartialEq)]
pub struct Goal {
    /// The case.
    pub of: String,
    /// What it is compared with.
    pub against: String,
    /// The ratio of their executions per second that is aimed at.
    pub at_least: f64,
}

/// Case, what it is compared with, ratio.
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

/// Of a server that crashes once in 100 inputs, against itself.
const WITH_CRASHES: f64 = 0.5;

impl Goal {
    /// All of them; those of crashing servers for every such case.
    #[must_use]
    pub fn all(cases: &[Case]) -> Vec<Self> {
        let fixed = GOALS.iter().map(|&(of, against, at_least)| Self {
            of: of.to_owned(),
            against: against.to_owned(),
            at_least,
        });
        let crashing = cases.iter().filter_map(|case| {
            let against = case.name.strip_suffix(CRASHES)?.to_owned();
            Some(Self { of: case.name.clone(), against, at_least: WITH_CRASHES })
        });
        fixed.chain(crashing).collect()
    }
}
