//! Comparison of answers through the preload with answers over real TCP.

use std::time::Duration;

use anyhow::Result;

use super::inspect::Inspection;
use super::seeds;
use super::single_run::{RunConfig, RunEnd, SingleRun};
use super::tcp_client::TcpTimeouts;
use super::tcp_run::answer_over_tcp;
use super::transport::{TransportChoice, TransportTrial};
use crate::input::compare::{Difference, difference};
use crate::input::corpus::Seed;

/// Comparison of all seeds.
#[derive(Debug, Default)]
pub struct TcpComparison {
    /// Seeds that are answered differently through the preload.
    pub different: usize,
    /// Seeds whose answers differ over TCP from one run to the next: they contain something random.
    pub varying: usize,
    /// The choice for transport `auto`; none where another one is set.
    pub choice: Option<TransportChoice>,
    /// Why transport `memory` fell back to `unix`, if it did.
    pub memory_fallback: Option<String>,
}

/// Answers every seed twice, calls `on_verdict` with each verdict, and counts the differences.
///
/// # Errors
/// A server that cannot be used or connected to, and interruptions.
pub fn compare(
    config: &RunConfig<'_>,
    inspection: &Inspection,
    seeds: &[Seed],
    mut on_verdict: impl FnMut(&Seed, &SingleRun, &Verdict),
) -> Result<TcpComparison> {
    let mut compared = TcpComparison::default();
    let mut trial = TransportTrial::begin(config, inspection, seeds.len());
    seeds::answer_all(config, seeds, |seed, run| {
        let again = || over_tcp(config, &seed.bytes);
        let verdict = Verdict::of(run, &again()?, again)?;
        compared.different += usize::from(verdict.is_different());
        compared.varying += usize::from(matches!(verdict, Verdict::Varying(_)));
        on_verdict(seed, run, &verdict);
        compared.memory_fallback = run.memory_fallback.clone().or(compared.memory_fallback.take());
        trial.as_mut().map_or(Ok(()), |trial| trial.compare(seed, run))
    })?;
    compared.choice = trial.map(TransportTrial::choice);
    Ok(compared)
}

/// Answers an input over TCP, by a fresh server without the preload.
///
/// # Errors
/// When the server never listens, or the connection fails.
pub fn over_tcp(config: &RunConfig<'_>, input: &[u8]) -> Result<Vec<u8>> {
    let options = config.options.parsed();
    let linger = Duration::from_millis(options.linger_ms.into());
    answer_over_tcp(config.server, &options, input, TcpTimeouts { timeout: config.timeout, linger })
}

/// Runs over TCP to find out whether an answer varies.
const MAX_REPETITIONS: usize = 3;

/// Result of comparing a preloaded run with one over TCP.
#[derive(Debug)]
pub enum Verdict {
    /// Equal answers.
    Same,
    /// Different answers.
    Different(Difference),
    /// Different answers, and so are two answers over TCP, in the same line.
    Varying(Difference),
    /// Equal answers, but the preloaded run failed or timed out.
    Unfinished,
}

impl Verdict {
    /// Compares a run with `first`, an answer over TCP; `again` asks over TCP once more. (A server that
    /// closes without having read everything often loses its answer on the way: tcp(7), RFC 9112, section 9.6.)
    ///
    /// # Errors
    /// Those of `again`.
    pub fn of(run: &SingleRun, first: &[u8], again: impl Fn() -> Result<Vec<u8>>) -> Result<Self> {
        let Some(found) = difference(&run.answer(), first) else {
            return Ok(match &run.end {
                RunEnd::TimedOut(_) => Self::Unfinished,
                RunEnd::Ended(status) if !status.success() => Self::Unfinished,
                _ => Self::Same,
            });
        };
        for _ in 0..MAX_REPETITIONS {
            if difference(&again()?, first).is_some_and(|again| again.line == found.line) {
                return Ok(Self::Varying(found));
            }
        }
        Ok(Self::Different(found))
    }

    /// Whether the preload seems to be the cause of a difference.
    #[must_use]
    pub fn is_different(&self) -> bool {
        matches!(self, Self::Different(_) | Self::Unfinished)
    }

    /// Whether the answers are equal.
    #[must_use]
    pub fn is_same(&self) -> bool {
        matches!(self, Self::Same)
    }

    /// Prints one line for the seed, and one for a difference; `width` is that of the longest name.
    pub fn print(&self, seed: &Seed, run: &SingleRun, width: usize) {
        let word = match self {
            Self::Same => "same",
            Self::Different(_) => "DIFFERENT",
            Self::Varying(_) => "varies",
            Self::Unfinished => "FAILED",
        };
        println!("{:width$}  {word:9}  {:>8} bytes  {}", seed.name, run.answer().len(), seeds::summary(run),);
        if let Self::Different(found) | Self::Varying(found) = self {
            println!("{:width$}  {}", "", found.describe("preloaded", "over TCP"));
        }
    }
}
