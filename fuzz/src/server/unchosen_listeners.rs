//! Servers with several listeners, of which the user has chosen none.

use std::fmt;

use super::single_run::{RunConfig, SingleRun};

/// Ports of a server with several listeners. The first one gets the inputs.
#[derive(Debug)]
pub struct UnchosenListeners {
    fuzzed: u16,
    others: Vec<u16>,
}

impl UnchosenListeners {
    /// Returns the ports on which the server has listened in a run; `None` if there is only one, or the user has chosen.
    #[must_use]
    pub fn of(config: &RunConfig<'_>, run: &SingleRun) -> Option<Self> {
        let is_chosen = config.options.parsed().port.is_some();
        (!is_chosen && !run.other_ports.is_empty())
            .then(|| Self { fuzzed: run.port, others: run.other_ports.clone() })
    }
}

impl fmt::Display for UnchosenListeners {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { fuzzed, others } = self;
        let others: Vec<_> = others.iter().map(u16::to_string).collect();
        write!(
            f,
            "the server listens on port {fuzzed} first, which gets the inputs, and on {}: --port PORT chooses one",
            others.join(", ")
        )
    }
}
