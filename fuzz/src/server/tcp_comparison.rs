//! Comparison of answers through the preload with answers over real TCP.

use anyhow::Result;

use super::inspect::Inspection;
use super::seeds;
use super::single_run::{FindingKind, RunConfig, RunEnd, SingleRun};
use super::status_classes::StatusClasses;
use super::tcp_run::{TcpRun, over_tcp};
use super::transport::{TransportChoice, TransportTrial};
use crate::input::compare::{Difference, difference, varies};
use crate::input::corpus::Seed;

/// Comparison of all seeds.
#[derive(Debug, Default)]
pub struct TcpComparison {
    /// Seeds that are answered differently through the preload.
    pub different: usize,
    /// Seeds whose answers differ over TCP from one run to the next: they contain something random.
    pub varying: usize,
    /// Seeds that crash or hang the server over TCP as well.
    pub failing: usize,
    /// Indices of the seeds that neither crash nor hang the server.
    pub usable: Vec<usize>,
    /// Classes of the status in the answers.
    pub classes: StatusClasses,
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
    let mut index = 0;
    let mut trial = TransportTrial::begin(config, inspection, seeds.len());
    seeds::answer_all(config, seeds, |seed, run| {
        let verdict = Verdict::of(run, |expects_end| over_tcp(config, &seed.bytes, expects_end))?;
        compared.different += usize::from(verdict.is_different());
        compared.varying += usize::from(matches!(verdict, Verdict::Varying(_) | Verdict::Cut(_)));
        compared.failing += usize::from(matches!(verdict, Verdict::Failing(_)));
        if run.finding().is_none() {
            compared.usable.push(index);
        }
        index += 1;
        compared.classes.add(&run.answer());
        on_verdict(seed, run, &verdict);
        compared.memory_fallback = run.memory_fallback.clone().or(compared.memory_fallback.take());
        trial.as_mut().map_or(Ok(()), |trial| trial.compare(seed, run))
    })?;
    compared.choice = trial.map(TransportTrial::choice);
    Ok(compared)
}

/// Runs over TCP to find out whether an answer varies.
const MAX_REPETITIONS: usize = 5;

/// Result of comparing a preloaded run with one over TCP.
#[derive(Debug)]
pub enum Verdict {
    /// Equal answers.
    Same,
    /// Different answers.
    Different(Difference),
    /// Different answers, and so are two answers over TCP at the same place, or one of them is equal.
    Varying(Difference),
    /// The answer over TCP is the same, but cut: the server closes without having read everything, and its
    /// answer is lost on the way (tcp(7), RFC 9112, section 9.6).
    Cut(Difference),
    /// The input crashes or hangs the server over TCP as well.
    Failing(FindingKind),
    /// Equal answers, but the preloaded run failed or timed out.
    Unfinished,
}

impl Verdict {
    /// Compares a run with runs over TCP, which `over_tcp` makes. Its argument tells whether the server is
    /// expected to end.
    ///
    /// # Errors
    /// Those of `over_tcp`.
    pub fn of(run: &SingleRun, over_tcp: impl Fn(bool) -> Result<TcpRun>) -> Result<Self> {
        let ends = matches!(&run.end, RunEnd::Ended(_));
        let first = over_tcp(ends)?;
        match run.finding() {
            Some(FindingKind::Crash) if first.end.is_some_and(|end| !end.success()) => {
                return Ok(Self::Failing(FindingKind::Crash));
            }
            Some(FindingKind::Hang) if first.answers.timed_out => {
                return Ok(Self::Failing(FindingKind::Hang));
            }
            _ => {}
        }
        let answer = run.answer();
        let Some(found) = difference(&answer, &first.answer()) else {
            return Ok(match &run.end {
                RunEnd::TimedOut(_) => Self::Unfinished,
                RunEnd::Ended(status) if !status.success() && first.end != Some(*status) => Self::Unfinished,
                _ => Self::Same,
            });
        };
        if first.is_cut_from(&run.answers) {
            return Ok(Self::Cut(found));
        }
        let mut plain = vec![first.answer()];
        for _ in 0..MAX_REPETITIONS {
            let next = over_tcp(ends)?;
            if next.is_cut_from(&run.answers) || varies(&answer, &plain, &next.answer()) {
                return Ok(Self::Varying(found));
            }
            plain.push(next.answer());
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
            Self::Varying(_) | Self::Cut(_) => "varies",
            Self::Failing(FindingKind::Crash) => "crashes",
            Self::Failing(FindingKind::Hang) => "hangs",
            Self::Unfinished => "FAILED",
        };
        println!("{:width$}  {word:9}  {:>8} bytes  {}", seed.name, run.answer().len(), seeds::summary(run),);
        let note = match self {
            Self::Different(found) | Self::Varying(found) => found.describe("preloaded", "over TCP"),
            Self::Cut(found) => format!("{}, cut by a reset", found.describe("preloaded", "over TCP")),
            Self::Failing(FindingKind::Crash) => "it ends the server over TCP as well".to_owned(),
            Self::Failing(FindingKind::Hang) => "it hangs the server over TCP as well".to_owned(),
            Self::Same | Self::Unfinished => return,
        };
        println!("{:width$}  {note}", "");
    }
}
