//! Run of every seed through the preload, before a server is fuzzed or compared with TCP.

use std::io::{IsTerminal, stderr};

use anyhow::Result;
use indicatif::{ProgressBar, ProgressStyle};
use sockfuzz_protocol::TlsFound;

use crate::input::corpus::Seed;
use crate::note;
use crate::options::PreloadOptions;
use crate::server::batch_run::SeedRun;
use crate::server::diagnose::describe_exit;
use crate::server::inspect::Inspection;
use crate::server::single_run::{FindingKind, RunConfig, RunEnd, SingleRun};
use crate::server::transport::{self, TransportChoice, TransportTrial};
use crate::server::unchosen_listeners::UnchosenListeners;
use crate::util::printable::{counted, one_line};

/// Maximum number of bytes shown of a status line.
const MAX_STATUS_LINE_BYTES: usize = 60;

/// Maximum number of seeds in a batch, whose answers are all in memory at the same time.
const MAX_BATCH: usize = 256;

/// Name of the pass over all seeds, for the progress bar.
const PRELOADED: &str = "through the preload";

/// Describes a run in a few words.
#[must_use]
pub fn summary(run: &SingleRun) -> String {
    match &run.end {
        RunEnd::Finished | RunEnd::Background(..) => status_line(&run.answer()),
        RunEnd::Ended(status) => format!("the server ended: {}", describe_exit(*status)),
        RunEnd::TimedOut(threads) => format!("timed out: {threads}"),
    }
}

/// Returns the first status line of an answer, and the number of those that follow.
fn status_line(answer: &[u8]) -> String {
    let more = answer.split(|&b| b == b'\n').skip(1).filter(|line| line.starts_with(b"HTTP/1.")).count();
    match (answer, more) {
        ([], _) => "no answer".to_owned(),
        (_, 0) => one_line(answer, MAX_STATUS_LINE_BYTES),
        (_, more) => format!("{} (+{more} more)", one_line(answer, MAX_STATUS_LINE_BYTES)),
    }
}

/// Progress bar, shown only on a terminal. Its length is the number of seeds times the number of passes over them.
#[derive(Debug)]
pub struct SeedProgress(ProgressBar);

impl SeedProgress {
    /// Creates an empty bar.
    #[must_use]
    pub fn begin(seeds: usize, passes: usize) -> Self {
        if !stderr().is_terminal() {
            return Self(ProgressBar::hidden());
        }
        let style = ProgressStyle::with_template("  {bar:30} {percent:>3} %  {wide_msg}")
            .expect("the template is valid");
        Self(ProgressBar::new((seeds * passes) as u64).with_style(style))
    }

    /// Records that one more seed has been answered in a pass.
    pub fn advance(&self, pass: &str) {
        self.0.set_message(pass.to_owned());
        self.0.inc(1);
    }

    /// Hides the bar while `print` runs.
    pub fn print<T>(&self, print: impl FnOnce() -> T) -> T {
        self.0.suspend(print)
    }
}

impl Drop for SeedProgress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

/// Runs every seed through the preload, and calls `on_runs` with each batch of seeds and their runs. The first seed
/// has a process of its own, in which an unusable server is detected. One process answers the seeds of each further
/// batch. A seed that ends or hangs it is repeated in a process of its own.
///
/// # Errors
/// When the server cannot be used, and the errors of `on_runs`.
pub fn answer_all(
    config: &RunConfig<'_>,
    seeds: &[Seed],
    progress: &SeedProgress,
    mut on_runs: impl FnMut(&[Seed], &[SeedRun]) -> Result<()>,
) -> Result<()> {
    let (first, others) = seeds.split_at(seeds.len().min(1));
    let mut first_run = None;
    let mut all_silent = true;
    for batch in [first].into_iter().chain(others.chunks(MAX_BATCH)) {
        let warm = answer_warm(config, batch, progress)?;
        let runs: Vec<_> = batch
            .iter()
            .zip(warm)
            .map(|(seed, warm)| match warm {
                Some(run) => Ok(SeedRun { run, is_warm: true }),
                None => Ok(SeedRun { run: answer_alone(config, seed, progress)?, is_warm: false }),
            })
            .collect::<Result<_>>()?;
        all_silent &= runs
            .iter()
            .all(|SeedRun { run, .. }| run.answer().is_empty() && run.finding() != Some(FindingKind::Crash));
        on_runs(batch, &runs)?;
        first_run = first_run.or_else(|| runs.into_iter().next());
    }
    match first_run {
        Some(SeedRun { run, .. }) if all_silent => {
            Err(config.diagnosis(&run).never_answers(seeds.len()).into())
        }
        _ => Ok(()),
    }
}

/// Runs a batch in one process; `None` for each seed that needs a process of its own.
fn answer_warm(
    config: &RunConfig<'_>,
    batch: &[Seed],
    progress: &SeedProgress,
) -> Result<Vec<Option<SingleRun>>> {
    let inputs: Vec<_> = match batch {
        [_] => vec![],
        _ => batch.iter().map(|seed| &seed.bytes[..]).collect(),
    };
    let mut answered = config.run_batch(&inputs, &|| progress.advance(PRELOADED))?.runs();
    answered.resize_with(batch.len(), || None);
    Ok(answered)
}

/// Runs a seed in a process of its own. Fails if the server cannot be used.
fn answer_alone(config: &RunConfig<'_>, seed: &Seed, progress: &SeedProgress) -> Result<SingleRun> {
    let run = config.run(&seed.bytes)?;
    progress.advance(PRELOADED);
    match config.server_problem(&run)? {
        Some(problem) => Err(problem.into()),
        None => Ok(run),
    }
}

/// Results of the seeds before a server is fuzzed.
#[derive(Debug, Default)]
pub struct SeedCheck {
    /// Choice for transport `auto`; `None` if another transport is set.
    pub choice: Option<TransportChoice>,
    /// What the server speaks, if a run came so far.
    pub tls: Option<TlsFound>,
    /// Listeners of the server, if there are several to choose from.
    pub listeners: Option<UnchosenListeners>,
    /// Indices of the seeds that crash or hang the server.
    pub findings: Vec<(usize, FindingKind)>,
}

impl SeedCheck {
    /// Returns the options with what the check has found out.
    #[must_use]
    pub fn apply(&self, options: &PreloadOptions) -> PreloadOptions {
        transport::with_found(options, self.tls, self.choice.as_ref())
    }
}

/// Runs all seeds to check that the server serves, and chooses the transport if it is `auto`.
///
/// # Errors
/// The errors of [`answer_all`].
pub fn check(config: &RunConfig<'_>, inspection: &Inspection, seeds: &[Seed]) -> Result<SeedCheck> {
    let mut first = None;
    let mut index = 0..;
    let mut findings = Vec::new();
    let mut tls = None;
    let mut listeners = None;
    let mut trial = TransportTrial::begin(config, inspection, seeds.len());
    let progress = SeedProgress::begin(seeds.len(), 1);
    answer_all(config, seeds, &progress, |batch, runs| {
        for (seed, SeedRun { run, .. }) in batch.iter().zip(runs) {
            first.get_or_insert_with(|| format!("{}: {}", seed.name, summary(run)));
            tls = tls.or(run.tls);
            listeners = listeners.take().or_else(|| UnchosenListeners::of(config, run));
            findings.extend(index.next().zip(run.finding()));
        }
        trial.as_mut().map_or(Ok(()), |trial| trial.compare(batch, runs))
    })?;
    drop(progress);
    let first = first.unwrap_or_default();
    note!("{} answered, the first: {first}", counted(seeds.len() as u64, "seed", "seeds"));
    Ok(SeedCheck { choice: trial.map(TransportTrial::choice), tls, listeners, findings })
}
