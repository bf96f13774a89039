//! Comparison of answers through the preload with answers over real TCP.

use anyhow::Result;
use sockfuzz_protocol::TlsFound;

use super::batch_run::SeedRun;
use super::inspect::Inspection;
use super::seeds::{self, SeedProgress};
use super::single_run::{FindingKind, RunConfig, RunEnd, SingleRun};
use super::status_classes::StatusClasses;
use super::tcp_client::TcpAnswers;
use super::tcp_run::{TcpRun, batch_over_tcp, over_tcp};
use super::transport::{TransportChoice, TransportTrial};
use super::unchosen_listeners::UnchosenListeners;
use crate::input::compare::{Difference, difference, varies};
use crate::input::corpus::Seed;

/// Result of comparing all seeds.
#[derive(Debug, Default)]
pub struct TcpComparison {
    /// Number of seeds that are answered differently through the preload.
    pub different: usize,
    /// Number of seeds whose answers over TCP vary from run to run, or are truncated by a reset.
    pub varying: usize,
    /// Number of seeds that crash or hang the server over TCP as well.
    pub failing: usize,
    /// Indices of the seeds that neither crash nor hang the server.
    pub usable: Vec<usize>,
    /// Classes of the answers' status codes.
    pub classes: StatusClasses,
    /// Choice for transport `auto`; `None` if another transport is set.
    pub choice: Option<TransportChoice>,
    /// Why transport `memory` fell back to `unix`, if it did.
    pub memory_fallback: Option<String>,
    /// What the server speaks, if a run came so far.
    pub tls: Option<TlsFound>,
    /// Listeners of the server, if there are several to choose from.
    pub listeners: Option<UnchosenListeners>,
}

/// Number of passes over the seeds: through the preload, and over TCP.
const PASSES: usize = 2;

/// Name of the second pass, for the progress bar.
const OVER_TCP: &str = "over TCP";

/// Runs every seed through the preload and over TCP, calls `on_verdict` with each verdict, and counts the differences.
///
/// # Errors
/// When the server cannot be used or connected to, or the user interrupts.
pub fn compare(
    config: &RunConfig<'_>,
    inspection: &Inspection,
    seeds: &[Seed],
    mut on_verdict: impl FnMut(&Seed, &SingleRun, &Verdict),
) -> Result<TcpComparison> {
    let mut compared = TcpComparison::default();
    let mut trial = TransportTrial::begin(config, inspection, seeds.len());
    let progress = SeedProgress::begin(seeds.len(), PASSES);
    let mut index = 0;
    seeds::answer_all(config, seeds, &progress, |batch, runs| {
        trial.as_mut().map_or(Ok(()), |trial| trial.compare(batch, runs))?;
        compared.tls = compared.tls.or(runs.iter().find_map(|SeedRun { run, .. }| run.tls));
        let listeners = || runs.iter().find_map(|SeedRun { run, .. }| UnchosenListeners::of(config, run));
        compared.listeners = compared.listeners.take().or_else(listeners);
        let options = config.options.with_tls_found(compared.tls);
        let config = &RunConfig { options: &options, ..*config };
        let plain = answer_over_tcp(config, batch, runs, &progress)?;
        for ((seed, run), plain) in batch.iter().zip(runs).zip(plain) {
            let compared_run = ComparedRun::of(config, seed, run, plain.as_ref())?;
            let (run, verdict) = (compared_run.run(), &compared_run.verdict);
            compared.add(index, run, verdict);
            progress.print(|| on_verdict(seed, run, verdict));
            index += 1;
        }
        Ok(())
    })?;
    compared.choice = trial.map(TransportTrial::choice);
    Ok(compared)
}

impl TcpComparison {
    fn add(&mut self, index: usize, run: &SingleRun, verdict: &Verdict) {
        self.different += usize::from(verdict.is_different());
        self.varying += usize::from(matches!(verdict, Verdict::Varying(_) | Verdict::Cut(_)));
        self.failing += usize::from(matches!(verdict, Verdict::Failing(_)));
        if run.finding().is_none() {
            self.usable.push(index);
        }
        self.classes.add(&run.answer());
        self.memory_fallback = run.memory_fallback.clone().or(self.memory_fallback.take());
    }
}

/// Runs the seeds of warm runs over TCP in one process. Other seeds have no answer.
fn answer_over_tcp(
    config: &RunConfig<'_>,
    batch: &[Seed],
    runs: &[SeedRun],
    progress: &SeedProgress,
) -> Result<Vec<Option<TcpAnswers>>> {
    let warm = batch.iter().zip(runs).filter(|(_, run)| run.is_warm);
    let inputs: Vec<_> = warm.map(|(seed, SeedRun { run, .. })| (&seed.bytes[..], &run.answers)).collect();
    let mut answers = batch_over_tcp(config, &inputs, &|| progress.advance(OVER_TCP))?.into_iter();
    Ok(runs.iter().map(|run| if run.is_warm { answers.next().flatten() } else { None }).collect())
}

/// Run through the preload, with its verdict.
struct ComparedRun<'a> {
    warm: &'a SingleRun,
    /// Repetition in a process of its own, if the answers of the warm servers differ.
    alone: Option<SingleRun>,
    verdict: Verdict,
}

impl<'a> ComparedRun<'a> {
    fn of(
        config: &RunConfig<'_>,
        seed: &Seed,
        seed_run: &'a SeedRun,
        plain: Option<&TcpAnswers>,
    ) -> Result<Self> {
        let SeedRun { run: warm, is_warm } = seed_run;
        let is_same = plain.is_some_and(|plain| difference(&warm.answer(), &plain.bytes.concat()).is_none());
        if is_same {
            return Ok(Self { warm, alone: None, verdict: Verdict::Same });
        }
        let alone = if *is_warm { Some(config.run(&seed.bytes)?) } else { None };
        let over_tcp = |expects_end| over_tcp(config, &seed.bytes, expects_end);
        let verdict = Verdict::of(alone.as_ref().unwrap_or(warm), over_tcp)?;
        Ok(Self { warm, alone, verdict })
    }

    fn run(&self) -> &SingleRun {
        self.alone.as_ref().unwrap_or(self.warm)
    }
}

/// Maximum number of further runs over TCP that test whether an answer varies.
const MAX_REPETITIONS: usize = 5;

/// Result of comparing a preloaded run with one over TCP.
#[derive(Debug)]
pub enum Verdict {
    /// Equal answers.
    Same,
    /// Different answers.
    Different(Difference),
    /// Different answers, but two answers over TCP differ at the same place, or one of them equals the preloaded one.
    Varying(Difference),
    /// Equal answers, except that a reset truncated the answer over TCP: the server closed the connection without
    /// having read everything (tcp(7); RFC 9112, section 9.6).
    Cut(Difference),
    /// The input crashes or hangs the server over TCP as well.
    Failing(FindingKind),
    /// Equal answers, but the preloaded run failed or timed out.
    Unfinished,
}

impl Verdict {
    /// Compares a run with runs over TCP that `over_tcp` makes. Its argument tells whether the server is
    /// expected to end.
    ///
    /// # Errors
    /// The errors of `over_tcp`.
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

    /// Whether the preload is the probable cause of a difference.
    #[must_use]
    pub fn is_different(&self) -> bool {
        matches!(self, Self::Different(_) | Self::Unfinished)
    }

    /// Whether the answers are equal.
    #[must_use]
    pub fn is_same(&self) -> bool {
        matches!(self, Self::Same)
    }

    /// Prints one line for the seed, and one for a difference; `width` is the length of the longest name.
    pub fn print(&self, seed: &Seed, run: &SingleRun, width: usize) {
        let word = match self {
            Self::Same => "same",
            Self::Different(_) => "DIFFERENT",
            Self::Varying(_) | Self::Cut(_) => "varies",
            Self::Failing(FindingKind::Crash) => "crashes",
            Self::Failing(FindingKind::Hang) => "hangs",
            Self::Failing(FindingKind::WrongAnswer) => "wrong",
            Self::Unfinished => "FAILED",
        };
        println!("{:width$}  {word:9}  {:>8} bytes  {}", seed.name, run.answer().len(), seeds::summary(run),);
        let note = match self {
            Self::Different(found) | Self::Varying(found) => found.describe("preloaded", "over TCP"),
            Self::Cut(found) => format!("{}, cut by a reset", found.describe("preloaded", "over TCP")),
            Self::Failing(FindingKind::Crash) => "it ends the server over TCP as well".to_owned(),
            Self::Failing(FindingKind::Hang) => "it hangs the server over TCP as well".to_owned(),
            Self::Failing(FindingKind::WrongAnswer) => "the answer over TCP is wrong as well".to_owned(),
            Self::Same | Self::Unfinished => return,
        };
        println!("{:width$}  {note}", "");
    }
}
