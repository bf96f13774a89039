//! Transport `auto`: the seeds are answered through `unix` and through `memory`, and `memory` is
//! chosen where nothing speaks against it. It is the faster one; but a server may ask the kernel for
//! what the kernel does not know of a connection in memory, and then it answers something else.

use std::fmt;
use std::path::Path;

use anyhow::Result;
use sockfuzz_protocol::{Transport, specs};

use crate::afl::output_dir::transport_of;
use crate::cli::PreloadOptions;
use crate::compare::{Difference, difference};
use crate::corpus::Seed;
use crate::printable::counted;
use crate::server::inspect::Inspection;
use crate::server::single_run::{End, Setup, SingleRun};

/// No more seeds than this are answered twice.
const MOST: usize = 100;

/// The transport that `auto` has become, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// `unix` or `memory`.
    pub transport: Transport,
    /// What the choice goes by.
    pub why: String,
}

impl Choice {
    /// `unix`, for this reason.
    pub fn unix(why: impl Into<String>) -> Self {
        Self { transport: Transport::Unix, why: why.into() }
    }

    /// Where no seed is answered: as before in this output directory, or `unix`.
    #[must_use]
    pub fn unchecked(out: &Path) -> Self {
        match transport_of(out) {
            Some(transport @ (Transport::Unix | Transport::Memory)) => {
                Self { transport, why: "as before in this campaign".to_owned() }
            }
            _ => Self::unix("with --no-check, nothing is known of memory"),
        }
    }

    /// What the preload is told.
    #[must_use]
    pub fn options(&self, given: &PreloadOptions) -> PreloadOptions {
        given.with(specs::TRANSPORT.variable, self.transport.to_string())
    }
}

/// The line for the user.
impl fmt::Display for Choice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "transport {}: {}", self.transport, self.why)
    }
}

/// Whether the choice of the transport is left to us.
#[must_use]
pub fn is_open(options: &PreloadOptions) -> bool {
    options.parsed().transport == Transport::Auto
}

/// The comparison, seed by seed.
#[derive(Debug)]
pub struct Trial<'a> {
    setup: Setup<'a>,
    memory: PreloadOptions,
    seeds: usize,
    /// Seeds seen so far, and those of them that were answered through memory.
    seen: usize,
    tried: usize,
    refusal: Option<String>,
}

impl<'a> Trial<'a> {
    /// A trial with so many seeds; none where the user has chosen.
    #[must_use]
    pub fn begin(setup: &Setup<'a>, inspection: &Inspection, seeds: usize) -> Option<Self> {
        let refusal = inspection.is_uninstrumented().then(|| {
            "the server is not instrumented, its answers stand in for its coverage, and memory drops them"
                .into()
        });
        let memory = setup.options.with(specs::TRANSPORT.variable, Transport::Memory.to_string());
        is_open(setup.options).then_some(Self { setup: *setup, memory, seeds, seen: 0, tried: 0, refusal })
    }

    /// Looks at the next seed, whose `run` through unix is there already.
    ///
    /// # Errors
    /// When the server cannot be started, or the user interrupts.
    pub fn compare(&mut self, seed: &Seed, run: &SingleRun) -> Result<()> {
        let index = self.seen;
        self.seen += 1;
        // A run without an end would cost the same time again, and say nothing.
        let is_over = !matches!(run.end, End::TimedOut(_) | End::Background(..));
        if self.refusal.is_some() || !is_over || !is_chosen(index, self.seeds, MOST) {
            return Ok(());
        }
        self.tried += 1;
        let memory = Setup { options: &self.memory, ..self.setup }.run(&seed.bytes)?;
        self.refusal = match (&memory.left_memory, apart(run, &memory)) {
            (Some(it), _) => Some(format!("memory cannot follow this server ({it})")),
            (None, Some(found)) if !self.varies(seed, run, &found)? => {
                Some(format!("memory {}", found.words(&seed.name)))
            }
            _ => None,
        };
        Ok(())
    }

    /// Whether two runs through unix come apart at the same place.
    fn varies(&self, seed: &Seed, run: &SingleRun, found: &Apart) -> Result<bool> {
        let again = self.setup.run(&seed.bytes)?;
        Ok(match (found, apart(run, &again)) {
            (Apart::Answer(one), Some(Apart::Answer(other))) => one.line == other.line,
            (Apart::End, Some(Apart::End)) => true,
            _ => false,
        })
    }

    /// What follows from what was seen.
    #[must_use]
    pub fn choice(self) -> Choice {
        match (self.refusal, self.tried) {
            (Some(why), _) => Choice::unix(why),
            (None, 0) => Choice::unix("no seed's run came to an end"),
            (None, tried) => {
                let seeds = counted(tried as u64, "seed", "seeds");
                Choice { transport: Transport::Memory, why: format!("{seeds} answered as through unix") }
            }
        }
    }
}

/// Whether this one of `count` is among at most `most`, evenly spread.
#[must_use]
pub fn is_chosen(index: usize, count: usize, most: usize) -> bool {
    count <= most || index * most / count != (index + 1) * most / count
}

/// What two runs do not have in common.
enum Apart {
    Answer(Difference),
    End,
}

impl Apart {
    fn words(&self, seed: &str) -> String {
        match self {
            Self::Answer(found) => format!("answers {seed} differently: {}", found.between("unix", "memory")),
            Self::End => format!("comes to another end with {seed}"),
        }
    }
}

fn apart(one: &SingleRun, other: &SingleRun) -> Option<Apart> {
    let same_end = match (&one.end, &other.end) {
        (End::Finished, End::Finished) => true,
        (End::Ended(one), End::Ended(other)) => one == other,
        _ => false,
    };
    difference(&one.answer(), &other.answer()).map(Apart::Answer).or((!same_end).then_some(Apart::End))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_seeds_are_all_tried_and_many_evenly() {
        let chosen = |count: usize| (0..count).filter(|&index| is_chosen(index, count, MOST)).count();
        assert_eq!([1, MOST, 3 * MOST, 1234].map(chosen), [1, MOST, MOST, MOST]);
        assert!((0..12).any(|index| is_chosen(index, 1200, MOST)), "the first comes early");
    }
}
