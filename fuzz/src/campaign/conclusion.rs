//! Conclusion of a campaign: its figures, warnings, and the next commands.

use std::path::Path;

use anyhow::Result;
use sockfuzz_protocol::Counter;

use super::answer_counts::AnswerCounts;
use super::connection_counts::ConnectionCounts;
use super::control_group::ControlGroup;
use super::findings;
use super::instance::Instance;
use super::output_dir::{HISTORIES_DIRECTORY, OutputDir};
use super::report;
use super::runner::CampaignEnd;
use super::seed_intake;
use super::stats::FuzzerStats;
use crate::server::single_run::FindingKind;
use crate::server::status_file::StatusFile;
use crate::util::exit_code;
use crate::util::printable::counted;
use crate::util::problem::Problem;
use crate::util::shell::shell_quoted;

/// Returns the combined figures of the instances, or `None` before they have reported.
#[must_use]
pub fn combined_stats(instances: &[Instance], out: &OutputDir) -> Option<FuzzerStats> {
    let all: Vec<FuzzerStats> =
        instances.iter().filter_map(|instance| FuzzerStats::read(&out.instance(&instance.name))).collect();
    FuzzerStats::combine(&all)
}

/// Prints figures, warnings and the next commands, and returns the exit status. `earlier` is the number of
/// executions before this resumption.
///
/// # Errors
/// The one in `result`.
pub fn conclude(
    result: Result<CampaignEnd>,
    instances: &[Instance],
    out: &OutputDir,
    status: &StatusFile,
    group: Option<&ControlGroup>,
    earlier: u64,
) -> Result<u8> {
    let together = combined_stats(instances, out).filter(|stats| stats.executions > 0);
    let of_group = group.map(ControlGroup::warnings).unwrap_or_default();
    let end = result.map_err(|error| {
        // The limits of the control group may be the cause of the error.
        of_group.iter().for_each(|warning| warn(warning));
        match status.count(Counter::ProcessesLost) {
            0 => error,
            _ => lost_process(status).into(),
        }
    })?;
    eprintln!();
    if let CampaignEnd::Reached(limit) = &end {
        eprintln!("stopped: {limit}");
    }
    if let Some(stats) = together {
        eprintln!("{}", report::summary(&stats));
        let answers = AnswerCounts::read(status);
        if answers.has_any() {
            eprintln!("answers: {answers}");
        }
        let connections = ConnectionCounts::read(status);
        if let Some(it) = status.memory_fallback() {
            eprintln!("sockfuzz: transport memory fell back to unix in a part of this campaign: {it}");
        }
        if let Some(found) = status.inline_counters().filter(|found| found.obstacle.is_some()) {
            eprintln!("sockfuzz: {found}");
        }
        let of_server = report::warnings(&stats, stats.executions.saturating_sub(earlier), connections);
        of_server.iter().chain(&of_group).chain(&answers.warning()).for_each(|warning| warn(warning));
    }
    seed_intake::saved_line(out).iter().for_each(|line| eprintln!("{line}"));
    match findings::files(out.path()).iter().filter(|file| is_wrong_answer(file)).count() {
        0 => {}
        count => eprintln!("{}", counted(count as u64, "wrong answer", "wrong answers")),
    }
    if !findings::of_campaign(out.path()).is_empty() {
        eprintln!("replay the findings with:\n  {}", command_with("replay", out.path()));
    }
    let histories = findings::histories(out.path()).len();
    if histories > 0 {
        let ends = counted(histories as u64, "process", "processes");
        let directory = out.path().join(HISTORIES_DIRECTORY);
        eprintln!("all inputs of {ends} that ended are in {}: replay them, too", directory.display());
    }
    eprintln!("to continue, give the same command again; all files are in {}", out.path().display());
    Ok(match end {
        CampaignEnd::Complete | CampaignEnd::Reached(_) => exit_code::OK,
        CampaignEnd::Interrupted(signal) => signal.exit_code(),
    })
}

fn is_wrong_answer(file: &Path) -> bool {
    findings::kind_of(file) == Some(FindingKind::WrongAnswer)
}

fn warn(warning: &str) {
    eprintln!("sockfuzz: WARNING: {warning}");
}

/// Returns the problem of a server that has lost a process which no fork restores, so that afl-fuzz has stopped.
fn lost_process(status: &StatusFile) -> Problem {
    const WHAT: &str = "a process of the server crashed. The process that accepts connections needs it and cannot \
                        restart it, so afl-fuzz has stopped";
    let has_run = status.count(Counter::Processes) > 0;
    let (when, remedy) = match has_run {
        true => ("The input is saved as a crash", "give the same command again: it restarts the server"),
        false => ("It crashed during the warm-up requests", "give --warm-up off"),
    };
    Problem::new(exit_code::AFL_FAILED, format!("{WHAT}. {when}"), remedy)
}

/// Returns a command for the campaign. It reads the server and options from the record.
#[must_use]
pub fn command_with(subcommand: &str, out: &Path) -> String {
    shell_quoted(["sockfuzz".as_ref(), subcommand.as_ref(), out.as_os_str()])
}
