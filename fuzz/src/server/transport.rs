//! Choice of the transport for `auto`. Seeds are answered through `unix` and through `memory`, and the faster
//! `memory` is chosen if all answers are equal. They differ if a server queries the kernel about its connection,
//! because the kernel has no state of connections in memory.

use std::fmt;

use anyhow::Result;
use sockfuzz_protocol::{TlsFound, Transport, specs};

use crate::input::compare::{Difference, difference, varies};
use crate::input::corpus::Seed;
use crate::options::PreloadOptions;
use crate::server::batch_run::SeedRun;
use crate::server::inspect::Inspection;
use crate::server::single_run::{RunConfig, RunEnd, SingleRun};
use crate::server::tcp_run::over_tcp;
use crate::util::printable::counted;

/// Maximum number of seeds that are answered through both transports.
const MAX_COMPARED_SEEDS: usize = 100;

/// Number of repetitions through unix and over TCP before a difference is attributed to memory.
const MAX_REPETITIONS: usize = 4;

/// Transport chosen for `auto`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TransportChoice {
    /// `unix` or `memory`; `auto` where the preload compares them itself.
    pub transport: Transport,
    /// Reason, for the user.
    pub reason: String,
}

impl TransportChoice {
    /// Chooses `unix` for the given reason.
    pub fn unix(reason: impl Into<String>) -> Self {
        Self { transport: Transport::Unix, reason: reason.into() }
    }

    /// Returns the choice when seeds are not compared: as `earlier` in this campaign, or left to the preload.
    #[must_use]
    pub fn unchecked(earlier: Option<Transport>) -> Self {
        match earlier {
            Some(transport @ (Transport::Unix | Transport::Memory)) => {
                Self { transport, reason: "as before in this campaign".to_owned() }
            }
            _ => Self {
                transport: Transport::Auto,
                reason: "without a check of the seeds, the preload compares unix and memory".to_owned(),
            },
        }
    }

    /// Returns the options with this transport.
    #[must_use]
    pub fn apply(&self, options: &PreloadOptions) -> PreloadOptions {
        options.with(specs::TRANSPORT.variable, self.transport.to_string())
    }
}

/// Returns the options with what runs of the server have found out: whether it speaks TLS, and the transport.
#[must_use]
pub fn with_found(
    options: &PreloadOptions,
    tls: Option<TlsFound>,
    choice: Option<&TransportChoice>,
) -> PreloadOptions {
    let options = options.with_tls_found(tls);
    choice.map_or(options.clone(), |choice| choice.apply(&options))
}

/// Line for the user.
impl fmt::Display for TransportChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "transport {}: {}", self.transport, self.reason)
    }
}

/// Whether the transport is `auto`.
#[must_use]
pub fn is_auto(options: &PreloadOptions) -> bool {
    options.parsed().transport == Transport::Auto
}

/// Comparison of `unix` and `memory`, seed by seed.
#[derive(Debug)]
pub struct TransportTrial<'a> {
    config: RunConfig<'a>,
    memory: PreloadOptions,
    seeds: usize,
    /// Number of seeds so far, and of those among them that were answered through memory.
    seen: usize,
    compared: usize,
    refusal: Option<String>,
}

impl<'a> TransportTrial<'a> {
    /// Begins a trial with this number of seeds; `None` if the transport is not `auto`.
    #[must_use]
    pub fn begin(config: &RunConfig<'a>, inspection: &Inspection, seeds: usize) -> Option<Self> {
        let refusal = inspection.is_uninstrumented().then(|| {
            "the server is not instrumented, its answers stand in for its coverage, and memory drops them"
                .into()
        });
        let memory = config.options.with(specs::TRANSPORT.variable, Transport::Memory.to_string());
        is_auto(config.options).then_some(Self {
            config: *config,
            memory,
            seeds,
            seen: 0,
            compared: 0,
            refusal,
        })
    }

    /// Compares the next seeds with their `runs` through unix.
    ///
    /// # Errors
    /// When the server cannot be started, or the user interrupts.
    pub fn compare(&mut self, seeds: &[Seed], runs: &[SeedRun]) -> Result<()> {
        let first = self.seen;
        self.seen += seeds.len();
        // A run that timed out would take as long through memory, without a result.
        let is_over = |run: &SingleRun| !matches!(run.end, RunEnd::TimedOut(_) | RunEnd::Background(..));
        let sampled = |index: usize| is_sampled(first + index, self.seeds, MAX_COMPARED_SEEDS);
        let chosen: Vec<_> = seeds
            .iter()
            .zip(runs)
            .enumerate()
            .filter(|(index, (_, SeedRun { run, .. }))| sampled(*index) && is_over(run))
            .map(|(_, chosen)| chosen)
            .collect();
        if self.refusal.is_some() {
            return Ok(());
        }
        let warm: Vec<_> =
            chosen.iter().filter(|(_, run)| run.is_warm).map(|(seed, _)| &seed.bytes[..]).collect();
        let mut answers = self.memory().run_batch(&warm, &|| {})?.runs().into_iter();
        for (seed, SeedRun { run, is_warm }) in chosen {
            let memory = if *is_warm { answers.next().flatten() } else { None };
            if self.refusal.is_some() {
                break;
            }
            self.compared += 1;
            self.refusal = match (memory, is_warm) {
                (Some(SingleRun { memory_fallback: Some(it), .. }), _) => Some(refusal_for(&it)),
                (Some(memory), _) if run_difference(run, &memory).is_none() => None,
                (_, true) => self.refusal_at(seed, &self.config.run(&seed.bytes)?)?,
                (_, false) => self.refusal_at(seed, run)?,
            };
        }
        Ok(())
    }

    fn memory(&self) -> RunConfig<'_> {
        RunConfig { options: &self.memory, ..self.config }
    }

    /// Compares a run of the seed through memory, in a process of its own, with its `run` through unix, and returns
    /// the reason why memory cannot be used, if any.
    fn refusal_at(&self, seed: &Seed, run: &SingleRun) -> Result<Option<String>> {
        let memory = self.memory().run(&seed.bytes)?;
        Ok(match (&memory.memory_fallback, run_difference(run, &memory)) {
            (Some(it), _) => Some(refusal_for(it)),
            (None, Some(found)) if !self.varies(seed, run, &memory)? => {
                Some(format!("memory {}", found.describe(&seed.name)))
            }
            _ => None,
        })
    }

    /// Whether the answer through `memory` differs from that of `run`, which was made through unix, only where the
    /// server itself varies, through unix or over TCP.
    fn varies(&self, seed: &Seed, run: &SingleRun, memory: &SingleRun) -> Result<bool> {
        let suspect = memory.answer();
        if difference(&run.answer(), &suspect).is_none() {
            let again = self.config.run(&seed.bytes)?;
            return Ok(matches!(run_difference(run, &again), Some(RunDifference::End)));
        }
        let mut unix = vec![run.answer()];
        let mut plain = Vec::new();
        for _ in 0..MAX_REPETITIONS {
            let again = self.config.run(&seed.bytes)?.answer();
            let over_tcp = over_tcp(&self.config, &seed.bytes, false)?.answer();
            // If memory equals TCP in all runs, the transports differ. If it does so only in some, TCP varies.
            let tcp_varies = match difference(&over_tcp, &suspect) {
                Some(_) => varies(&suspect, &plain, &over_tcp),
                None => plain.iter().any(|earlier| difference(earlier, &suspect).is_some()),
            };
            if tcp_varies || varies(&suspect, &unix, &again) {
                return Ok(true);
            }
            unix.push(again);
            plain.push(over_tcp);
        }
        Ok(false)
    }

    /// Returns the choice after all seeds.
    #[must_use]
    pub fn choice(self) -> TransportChoice {
        match (self.refusal, self.compared) {
            (Some(reason), _) => TransportChoice::unix(reason),
            (None, 0) => TransportChoice::unix("no run of a seed finished"),
            (None, compared) => {
                let seeds = counted(compared as u64, "seed", "seeds");
                TransportChoice {
                    transport: Transport::Memory,
                    reason: format!("{seeds} answered as through unix"),
                }
            }
        }
    }
}

fn refusal_for(fallback: &str) -> String {
    format!("memory cannot follow this server ({fallback})")
}

/// Whether an index below `count` belongs to an even sample of at most `max` indices.
#[must_use]
pub fn is_sampled(index: usize, count: usize, max: usize) -> bool {
    count <= max || index * max / count != (index + 1) * max / count
}

/// First difference between two runs.
enum RunDifference {
    Answer(Difference),
    End,
}

impl RunDifference {
    fn describe(&self, seed: &str) -> String {
        match self {
            Self::Answer(found) => {
                format!("answers {seed} differently: {}", found.describe("unix", "memory"))
            }
            Self::End => format!("ends the run of {seed} differently"),
        }
    }
}

fn run_difference(one: &SingleRun, other: &SingleRun) -> Option<RunDifference> {
    let same_end = match (&one.end, &other.end) {
        (RunEnd::Finished, RunEnd::Finished) => true,
        (RunEnd::Ended(one), RunEnd::Ended(other)) => one == other,
        _ => false,
    };
    difference(&one.answer(), &other.answer())
        .map(RunDifference::Answer)
        .or((!same_end).then_some(RunDifference::End))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_seeds_are_all_sampled_and_many_evenly() {
        let chosen =
            |count: usize| (0..count).filter(|&index| is_sampled(index, count, MAX_COMPARED_SEEDS)).count();
        assert_eq!(
            [1, MAX_COMPARED_SEEDS, 3 * MAX_COMPARED_SEEDS, 1234].map(chosen),
            [1, MAX_COMPARED_SEEDS, MAX_COMPARED_SEEDS, MAX_COMPARED_SEEDS]
        );
        assert!((0..12).any(|index| is_sampled(index, 1200, MAX_COMPARED_SEEDS)), "the first comes early");
    }
}
