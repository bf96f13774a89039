//! `sockfuzz triage`: from the findings of a campaign to its bugs, one folder for each.

use std::env;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};

use crate::campaign::record::{CampaignRecord, program_fingerprint};
use crate::note;
use crate::options::{self, PreloadArguments};
use crate::sandbox::Sandbox;
use crate::server::debugger;
use crate::server::single_run::RunConfig;
use crate::triage::bugs::KnownBugs;
use crate::triage::finding::{DIRECTORY, FailureKind, Finding};
use crate::triage::folder;
use crate::triage::known_again::play_known_again;
use crate::triage::pipeline::{Triage, TriageLimits};
use crate::triage::witness::Candidates;
use crate::triage::workers::{self, WorkerCommand};
use crate::triage::wrong_answers;
use crate::util::exit_code;
use crate::util::preload;
use crate::util::printable::counted;

/// Interval at which a progress bar is drawn.
const TICK: Duration = Duration::from_millis(200);

/// Shown below the help text.
pub const EXAMPLES: &str = "\
Examples:
  sockfuzz triage out                    bugs of the campaign in out, in out/findings
  sockfuzz triage --again out            from the beginning, for example with another build of the server

Plays every crash and hang of all instances and resumptions in a fresh process, alone and, if it does not \
happen then, with the history of its process. Of the shortest witness of each place, inputs, steps and bytes \
that it does not need are left out. It is sent to the plain server, without the preload, over real TCP: \
once for its stack (from a sanitizer, a panic's backtrace, gdb, or the preload), and several times as proof. Findings with the \
same failure at the same place in the source are one bug.

Each bug has a folder: inputs as bytes and text, a history for sockfuzz replay, scripts that start the \
plain server themselves and need only bash or Python, the server's output, a README.md for the server's \
maintainers, and finding.json. The plain server runs without a sandbox. A later triage plays only what is \
new, and each known bug once with another build of the server, to learn where it is now; Ctrl-C loses nothing that is finished.

Exit status: 0 when there is no bug, 4 when there is one, 130 after Ctrl-C.";

/// Arguments of `triage`.
#[derive(Debug, Args)]
pub struct TriageArguments {
    /// Output directory of a campaign
    #[arg(value_name = "OUT", default_value = "out")]
    pub out: PathBuf,
    /// Play all findings again; the earlier results are kept under another name
    #[arg(long)]
    pub again: bool,
    /// Time limit after which an input counts as a hang, in seconds
    #[arg(long, value_name = "SECONDS", default_value = "2", value_parser = options::seconds)]
    pub timeout: Duration,
    /// Time limit for the reduction of one bug, in seconds
    #[arg(long, value_name = "SECONDS", default_value = "60", value_parser = options::seconds)]
    pub reduction: Duration,
    /// Number of times that each bug is tried on the plain server
    #[arg(long, value_name = "COUNT", default_value = "10")]
    pub attempts: u32,
    /// Processes that play and reduce side by side [default: the number of processors that may be used]
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub jobs: Option<u16>,
    /// Run jobs from stdin for another sockfuzz triage
    #[arg(long, hide = true)]
    pub worker: bool,
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
    let record = CampaignRecord::require(&arguments.out)?;
    if arguments.again
        && !arguments.worker
        && let Some(kept) = folder::keep_earlier(&out.join(DIRECTORY))?
    {
        note!("the results of an earlier triage are now in {}", kept.display());
    }
    let server = record.server()?;
    let options = record.options_below(&arguments.preload.options)?.with_crashes_of_the_loop();
    let library = preload::locate(arguments.preload.preload.as_deref())?;
    let workers = worker_command(arguments)?;
    record.enter_directory()?;
    let sandbox = Sandbox::prepare(&options, &library)?;
    let config = RunConfig {
        server: &server,
        library: &library,
        options: sandbox.options(),
        timeout: arguments.timeout,
    };
    if arguments.worker {
        workers::serve(config)?;
        return Ok(exit_code::OK);
    }
    let limits = TriageLimits { reduction: arguments.reduction, attempts: arguments.attempts };
    triage(&out, config, limits, workers)
}

/// Triages what is new in an output directory, and reports its bugs.
///
/// # Errors
/// A server that cannot be used, or an interruption by the user.
fn triage(
    out: &Path,
    config: RunConfig<'_>,
    limits: TriageLimits,
    workers: Option<WorkerCommand>,
) -> Result<u8> {
    let mut known = KnownBugs::read(out)?;
    let earlier = known.count();
    let program = program_fingerprint(config.server);
    for folder in play_known_again(&config, &mut known, program.as_deref())? {
        note!("known bug {folder} does not happen with this build of the server");
    }
    let on_found =
        |folder: &Path, finding: &Finding| println!("found: {}\n       {}", finding.title, folder.display());
    let unconfirmed = wrong_answers::triage(&config, limits, &mut known, out, on_found)?;
    let candidates = Candidates::read(out)?.without(|file| known.has_file(file));
    let directory = known.directory();
    let mut triage = Triage::new(config, limits, workers, known)?;
    report_work(&candidates, earlier);
    let bar = progress(candidates.with_histories().count() as u64, "played");
    let mut groups = triage.group(&candidates, || bar.inc(1))?;
    bar.finish_and_clear();
    report_lost(triage.lost() + unconfirmed);
    let bar = progress(groups.len() as u64, "reduced");
    triage.reduce(&mut groups, || bar.inc(1))?;
    bar.finish_and_clear();
    let bar = progress(groups.len() as u64, "places examined");
    for group in groups {
        if let Some((folder, finding)) = triage.finish(group, &|what| bar.set_message(what.to_owned()))? {
            bar.suspend(|| println!("found: {}\n       {}", finding.title, folder.display()));
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    let count = triage.known().count();
    triage.known().bugs().for_each(|(folder, finding)| report_bug(folder, finding));
    let new = match (count - earlier, earlier) {
        (_, 0) => String::new(),
        (new, _) => format!(", {new} of them new"),
    };
    println!("{}{new}, in {}", counted(count as u64, "bug", "bugs"), directory.display());
    Ok(if count == 0 { exit_code::OK } else { exit_code::CRASHED })
}

/// Returns how to start the worker processes; `None` if one process is enough.
fn worker_command(arguments: &TriageArguments) -> Result<Option<WorkerCommand>> {
    let available = thread::available_parallelism().map_or(1, usize::from);
    let count = arguments.jobs.map_or(available, usize::from);
    let command = || {
        Ok(WorkerCommand {
            program: env::current_exe().context("cannot find the program of sockfuzz")?,
            arguments: env::args_os().skip(1).chain(["--worker".into()]).collect(),
            directory: env::current_dir().context("the working directory is gone")?,
            count,
        })
    };
    (count > 1).then(command).transpose()
}

fn report_work(candidates: &Candidates, earlier: usize) {
    let findings = counted(candidates.findings.len() as u64, "finding", "findings");
    let histories = counted(candidates.histories.len() as u64, "history", "histories");
    match earlier {
        0 => note!("{findings} and {histories} to play"),
        _ => note!("{findings} and {histories} to play, besides {}", counted(earlier as u64, "bug", "bugs")),
    }
    if candidates.with_histories().next().is_some() && debugger::find().is_none() {
        note!(
            "without gdb, hangs are one bug, because their stacks are unknown; install gdb to tell them apart"
        );
    }
}

fn report_lost(lost: u64) {
    if lost > 0 {
        println!(
            "{} not happen again, alone or with a history, and the place is of no bug here: likely causes are the time, the memory \
             in use, and the order of threads (see not-reproduced.txt)",
            counted(lost, "finding does", "findings do"),
        );
    }
}

fn report_bug(folder: &Path, finding: &Finding) {
    let name = folder.file_name().unwrap_or_default().to_string_lossy();
    let number = name.split('-').next().unwrap_or_default();
    println!("{number}  {}", finding.title);
    let severity = finding.severity.as_ref().filter(|_| finding.kind == FailureKind::Crash);
    let severity =
        severity.map_or(String::new(), |severity| format!("; {} (CASR's estimate)", severity.level));
    println!(
        "    {}; {}{severity}",
        counted(finding.files.len() as u64, "finding", "findings"),
        counted(finding.inputs as u64, "input", "inputs"),
    );
    println!("    {}", finding.confirmation);
}

/// Returns a progress bar, which shows nothing without a terminal.
fn progress(count: u64, what: &'static str) -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len} {msg} ({eta} left)");
    let bar = ProgressBar::new(count).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar.enable_steady_tick(TICK);
    bar.with_message(what)
}
