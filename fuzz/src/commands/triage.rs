//! `sockfuzz triage`: from the findings of a campaign to its bugs, one folder for each.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use sockfuzz_protocol::InputFormat;

use crate::campaign::record::CampaignRecord;
use crate::note;
use crate::options::{self, PreloadArguments};
use crate::sandbox::Sandbox;
use crate::server::loop_run::ProcessRunner;
use crate::server::single_run::RunConfig;
use crate::triage::confirmation::confirm;
use crate::triage::folder::{self, Bug};
use crate::triage::group::{self, Group};
use crate::triage::witness::Candidates;
use crate::util::preload;
use crate::util::printable::counted;
use crate::util::{exit_code, problem::Problem};

/// Name of the directory of bugs in an output directory.
const DIRECTORY: &str = "findings";

/// Interval at which a progress bar is drawn.
const TICK: Duration = Duration::from_millis(200);

/// Shown below the help text.
pub const EXAMPLES: &str = "\
Examples:
  sockfuzz triage out                    bugs of the campaign in out, in out/findings

Plays every crash and hang of all instances and resumptions in a fresh process, alone and, if it does not \
happen then, with the history of its process. Findings that end the process in the same way and at the \
same place are one bug. Of its shortest witness, inputs that it does not need are left out. What remains \
is sent to the plain server, without the preload, over real TCP, several times.

Each bug has a folder: inputs as bytes and text, a history for sockfuzz replay, a script that needs only \
Python and starts the plain server itself, the server's output, and a README.md that says what was seen. \
The plain server runs without a sandbox.

Exit status: 0 when there is no bug, 4 when there is one.";

/// Arguments of `triage`.
#[derive(Debug, Args)]
pub struct TriageArguments {
    /// Output directory of a campaign
    #[arg(value_name = "OUT")]
    pub out: PathBuf,
    /// Time limit after which an input counts as a hang, in seconds
    #[arg(long, value_name = "SECONDS", default_value = "2", value_parser = options::seconds)]
    pub timeout: Duration,
    /// Time limit for the reduction of one bug, in seconds
    #[arg(long, value_name = "SECONDS", default_value = "60", value_parser = options::seconds)]
    pub reduction: Duration,
    /// Number of times that each bug is tried on the plain server
    #[arg(long, value_name = "COUNT", default_value = "10")]
    pub attempts: u32,
    /// The preload and its options.
    #[command(flatten)]
    pub preload: PreloadArguments,
}

/// Triages the findings.
///
/// # Errors
/// A directory of no campaign, or a server that cannot be used.
pub fn run(arguments: &TriageArguments) -> Result<u8> {
    let out = std::path::absolute(&arguments.out)?;
    let record = CampaignRecord::read(&out)?.ok_or_else(|| no_campaign(arguments))?;
    let server = record.server()?;
    let options = record.options_below(&arguments.preload.options)?.with_crashes_of_the_loop();
    let library = preload::locate(arguments.preload.preload.as_deref())?;
    record.enter_directory()?;
    let sandbox = Sandbox::prepare(&options, &library)?;
    let config = RunConfig {
        server: &server,
        library: &library,
        options: sandbox.options(),
        timeout: arguments.timeout,
    };
    let mut runner = ProcessRunner::new(config)?;
    let mut groups = group_findings(&mut runner, Candidates::read(&out)?)?;
    let directory = out.join(DIRECTORY);
    if let Some(kept) = folder::keep_earlier(&directory)? {
        note!("the results of an earlier triage are now in {}", kept.display());
    }
    let format = options.parsed().input;
    let bar = progress(groups.len() as u64, "bugs reduced and confirmed");
    for (number, group) in (1..).zip(&mut groups) {
        let folder = finish(&config, &mut runner, group, arguments, format, &directory, number)?;
        bar.suspend(|| println!("   {}", folder.display()));
        bar.inc(1);
    }
    bar.finish_and_clear();
    let bugs = counted(groups.len() as u64, "bug", "bugs");
    println!("{bugs} in {}", directory.display());
    Ok(if groups.is_empty() { exit_code::OK } else { exit_code::CRASHED })
}

/// Plays all findings, and groups them by their causes.
fn group_findings(runner: &mut ProcessRunner<'_>, candidates: Candidates) -> Result<Vec<Group>> {
    let (findings, histories) = (candidates.findings.len(), candidates.histories.len());
    note!(
        "{} and {}",
        counted(findings as u64, "finding", "findings"),
        counted(histories as u64, "history", "histories")
    );
    let bar = progress((findings + histories) as u64, "findings played");
    let mut groups = Vec::new();
    let mut lost = 0_u64;
    for finding in &candidates.findings {
        let mut witness = finding.clone().play(runner)?;
        if witness.is_none() {
            let history = candidates.history_of(finding).cloned();
            witness = history.map(|history| history.play(runner)).transpose()?.flatten();
        }
        match witness {
            Some(witness) => group::add(&mut groups, witness),
            None => lost += 1,
        }
        bar.inc(1);
    }
    for history in candidates.histories {
        let known = candidates.findings.iter().any(|finding| finding.inputs.last() == history.inputs.last());
        if !known && let Some(witness) = history.play(runner)? {
            group::add(&mut groups, witness);
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    if lost > 0 {
        let findings = counted(lost, "finding does", "findings do");
        println!(
            "{findings} not happen alone, and have no history: their place was known when they happened, or they depend on the \
             time or on the order of threads"
        );
    }
    groups.sort_by(|a, b| a.cause.cmp(&b.cause));
    Ok(groups)
}

/// Reduces a bug, confirms it, and writes its folder.
fn finish(
    config: &RunConfig<'_>,
    runner: &mut ProcessRunner<'_>,
    group: &mut Group,
    arguments: &TriageArguments,
    format: InputFormat,
    directory: &std::path::Path,
    number: usize,
) -> Result<PathBuf> {
    let before = group.best.inputs.len();
    group.reduce(runner, arguments.reduction)?;
    runner.stop();
    let confirmation = confirm(config, &group.cause, &group.best.inputs, arguments.attempts)?;
    println!(
        "{number}. {}: {}; {} (of {before}); {confirmation}",
        group.cause,
        counted(group.findings as u64, "finding", "findings"),
        counted(group.best.inputs.len() as u64, "input", "inputs"),
    );
    fs::create_dir_all(directory).with_context(|| format!("cannot create {}", directory.display()))?;
    Bug { group, confirmation: &confirmation, server: config.server, format }.write(directory, number)
}

/// Returns a progress bar, which shows nothing without a terminal.
fn progress(count: u64, what: &'static str) -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len} {msg} ({eta} left)");
    let bar = ProgressBar::new(count).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar.enable_steady_tick(TICK);
    bar.with_message(what)
}

fn no_campaign(arguments: &TriageArguments) -> Problem {
    Problem::failed(
        format!("{} is no output directory of sockfuzz fuzz", arguments.out.display()),
        "give the directory that sockfuzz fuzz got with -o",
    )
}
