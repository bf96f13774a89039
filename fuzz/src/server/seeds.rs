//! Answering every seed once through the preload, before a server is fuzzed or compared.

use std::io::{IsTerminal, stderr};

use anyhow::Result;
use indicatif::{ProgressBar, ProgressStyle};

use crate::input::corpus::Seed;
use crate::server::diagnose::describe_exit;
use crate::server::inspect::Inspection;
use crate::server::single_run::{FindingKind, RunConfig, RunEnd, SingleRun};
use crate::server::transport::{TransportChoice, TransportTrial};
use crate::util::printable::{counted, one_line};

/// Bytes of a status line that are shown.
const MAX_STATUS_LINE_BYTES: usize = 60;

/// Describes a run in a few words.
#[must_use]
pub fn summary(run: &SingleRun) -> String {
    match &run.end {
        RunEnd::Finished | RunEnd::Background(..) => status_line(&run.answer()),
        RunEnd::Ended(status) => format!("the server ended: {}", describe_exit(*status)),
        RunEnd::TimedOut(threads) => format!("no end: {threads}"),
    }
}

/// The first status line of an answer, and how many follow.
fn status_line(answer: &[u8]) -> String {
    let more = answer.split(|&b| b == b'\n').skip(1).filter(|line| line.starts_with(b"HTTP/1.")).count();
    match (answer, more) {
        ([], _) => "no answer".to_owned(),
        (_, 0) => one_line(answer, MAX_STATUS_LINE_BYTES),
        (_, more) => format!("{} (+{more} more)", one_line(answer, MAX_STATUS_LINE_BYTES)),
    }
}

/// Answers every seed through the preload, shows progress on a terminal, and calls `on_run` with each
/// result.
///
/// # Errors
/// A server that cannot be used, and errors of `on_run`.
pub fn answer_all(
    config: &RunConfig<'_>,
    seeds: &[Seed],
    on_run: impl FnMut(&Seed, &SingleRun) -> Result<()>,
) -> Result<()> {
    let progress = progress_bar(seeds.len());
    let result = answer_each(config, seeds, &progress, on_run);
    progress.finish_and_clear();
    result
}

/// What the seeds showed before a server is fuzzed.
#[derive(Debug, Default)]
pub struct SeedCheck {
    /// The choice for transport `auto`; none where another one is set.
    pub choice: Option<TransportChoice>,
    /// Indices of the seeds that crash or hang the server.
    pub findings: Vec<(usize, FindingKind)>,
}

/// Answers all seeds to check that the server serves, and chooses the transport where it is `auto`.
///
/// # Errors
/// As for [`answer_all`].
pub fn check(config: &RunConfig<'_>, inspection: &Inspection, seeds: &[Seed]) -> Result<SeedCheck> {
    let mut first = None;
    let mut index = 0..;
    let mut findings = Vec::new();
    let mut trial = TransportTrial::begin(config, inspection, seeds.len());
    answer_all(config, seeds, |seed, run| {
        first.get_or_insert_with(|| format!("{}: {}", seed.name, summary(run)));
        findings.extend(index.next().zip(run.finding()));
        trial.as_mut().map_or(Ok(()), |trial| trial.compare(seed, run))
    })?;
    let first = first.unwrap_or_default();
    eprintln!("sockfuzz: {} answered, the first: {first}", counted(seeds.len() as u64, "seed", "seeds"));
    Ok(SeedCheck { choice: trial.map(TransportTrial::choice), findings })
}

fn answer_each(
    config: &RunConfig<'_>,
    seeds: &[Seed],
    progress: &ProgressBar,
    mut on_run: impl FnMut(&Seed, &SingleRun) -> Result<()>,
) -> Result<()> {
    let mut silent = None;
    for (index, seed) in seeds.iter().enumerate() {
        progress.set_message(seed.name.clone());
        let run = config.run(&seed.bytes)?;
        if let Some(problem) = config.server_problem(&run)? {
            return Err(problem.into());
        }
        progress.suspend(|| on_run(seed, &run))?;
        progress.inc(1);
        let is_silent = run.answer().is_empty() && run.finding() != Some(FindingKind::Crash);
        let all_silent = is_silent && (index == 0 || silent.is_some());
        silent = all_silent.then_some(run);
    }
    match silent {
        Some(run) => Err(config.diagnosis(&run).never_answers(seeds.len()).into()),
        None => Ok(()),
    }
}

fn progress_bar(length: usize) -> ProgressBar {
    if !stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style =
        ProgressStyle::with_template("  {bar:30} {pos}/{len} {wide_msg}").expect("the template is valid");
    ProgressBar::new(length as u64).with_style(style)
}
