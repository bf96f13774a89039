//! Answering every seed once through the preload: what `check` and `fuzz` have in common.

use std::io::{IsTerminal, stderr};

use anyhow::Result;
use indicatif::{ProgressBar, ProgressStyle};

use crate::corpus::Seed;
use crate::printable::{counted, one_line};
use crate::server::diagnose::ending;
use crate::server::inspect::Inspection;
use crate::server::single_run::{End, Setup, SingleRun};
use crate::transport::{Choice, Trial};

/// What the preload made of one seed, in few words.
pub(crate) fn summary(run: &SingleRun) -> String {
    match &run.end {
        End::Finished | End::Background(..) => status_line(&run.answer()),
        End::Ended(status) => format!("the server ended: {}", ending(*status)),
        End::TimedOut(stops) => format!("no end: {stops}"),
    }
}

/// The first status line of an answer, and how many follow.
fn status_line(answer: &[u8]) -> String {
    let more = answer.split(|&b| b == b'\n').skip(1).filter(|line| line.starts_with(b"HTTP/1.")).count();
    match (answer, more) {
        ([], _) => "no answer".to_owned(),
        (_, 0) => one_line(answer, 60),
        (_, more) => format!("{} (+{more} more)", one_line(answer, 60)),
    }
}

/// Answers every seed through the preload, shows progress on a terminal, and hands each result
/// to `each`.
///
/// # Errors
/// A server that proves to be a dud, and what `each` returns.
pub(crate) fn answer_all(
    setup: &Setup<'_>,
    seeds: &[Seed],
    each: impl FnMut(&Seed, &SingleRun) -> Result<()>,
) -> Result<()> {
    let progress = progress_bar(seeds.len());
    let outcome = answer_each(setup, seeds, &progress, each);
    progress.finish_and_clear();
    outcome
}

/// Shows that the server serves, before afl-fuzz counts anything; what transport `auto` comes to.
///
/// # Errors
/// As for [`answer_all`].
pub(crate) fn check(setup: &Setup<'_>, inspection: &Inspection, seeds: &[Seed]) -> Result<Option<Choice>> {
    let mut first = None;
    let mut trial = Trial::begin(setup, inspection, seeds.len());
    answer_all(setup, seeds, |seed, run| {
        first.get_or_insert_with(|| format!("{}: {}", seed.name, summary(run)));
        trial.as_mut().map_or(Ok(()), |trial| trial.compare(seed, run))
    })?;
    let first = first.unwrap_or_default();
    eprintln!("sockfuzz: {} answered, the first: {first}", counted(seeds.len() as u64, "seed", "seeds"));
    Ok(trial.map(Trial::choice))
}

fn answer_each(
    setup: &Setup<'_>,
    seeds: &[Seed],
    progress: &ProgressBar,
    mut each: impl FnMut(&Seed, &SingleRun) -> Result<()>,
) -> Result<()> {
    let mut silent = None;
    for (index, seed) in seeds.iter().enumerate() {
        progress.set_message(seed.name.clone());
        let run = setup.run(&seed.bytes)?;
        if let Some(dud) = setup.dud(&run)? {
            return Err(dud.into());
        }
        progress.suspend(|| each(seed, &run))?;
        progress.inc(1);
        let all_silent = run.answer().is_empty() && (index == 0 || silent.is_some());
        silent = all_silent.then_some(run);
    }
    match silent {
        Some(run) => Err(setup.evidence(&run).never_answers(seeds.len()).into()),
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
