//! Findings in the XML of JUnit, which CI systems show as tests: one for the campaign, one for each bug, and one for each
//! saved input of no bug. What is new has failed; what was known is skipped.

use std::fmt::Write;
use std::time::Duration;

use anyhow::Result;
use indicatif::HumanCount;
use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use super::bugs::ReportedBug;
use super::data::CampaignReport;
use super::saved_files::{FileTriage, SavedFile};
use super::text::duration;
use crate::util::shell::shell_quoted;

/// Class of the test for the campaign.
const CAMPAIGN_CLASS: &str = "sockfuzz.campaign";
/// Class of the tests for bugs.
const BUG_CLASS: &str = "sockfuzz.bugs";
/// Class of the tests for saved inputs of no bug.
const INPUT_CLASS: &str = "sockfuzz.inputs";

/// Renders the campaign.
///
/// # Errors
/// When the XML library fails.
pub fn render(report: &CampaignReport) -> Result<String> {
    let time = Duration::from_secs(report.summary.run_time_s);
    let mut suite = TestSuite::new(format!("sockfuzz fuzz {}", report.repetition.server));
    suite.set_time(time);
    suite.add_test_case(campaign(report, time));
    suite.add_test_cases(report.bugs.iter().map(|bug| of_bug(bug, report)));
    let is_of_no_bug = |file: &&SavedFile| file.triage != FileTriage::OfBug;
    suite.add_test_cases(report.saved_files.iter().filter(is_of_no_bug).map(|file| of_file(file, report)));
    let mut xml = Report::new(report.generator);
    xml.set_time(time);
    xml.add_test_suite(suite);
    Ok(xml.to_string()?)
}

/// The test of the campaign fails if nothing was fuzzed.
fn campaign(report: &CampaignReport, time: Duration) -> TestCase {
    let it = &report.summary;
    let status = match it.executions {
        0 => failure(NonSuccessKind::Error, "no-executions", "afl-fuzz has reported no execution", ""),
        _ => TestCaseStatus::success(),
    };
    let mut case = TestCase::new("campaign", status);
    let mut text = format!(
        "{} of fuzzing: {} executions, {} edges, {} inputs in the corpus, stability {:.2} %\n",
        duration(time),
        HumanCount(it.executions),
        HumanCount(it.edges),
        HumanCount(it.corpus),
        it.stability
    );
    for warning in &report.warnings {
        let _ = writeln!(text, "WARNING: {warning}");
    }
    case.set_classname(CAMPAIGN_CLASS).set_time(time).set_system_out(text);
    case
}

fn of_bug(bug: &ReportedBug, report: &CampaignReport) -> TestCase {
    let text = description(bug, report);
    let mut case = TestCase::new(
        bug.title.as_str(),
        match bug.is_known {
            true => skipped(&format!("known before this run: {}", bug.folder), &text),
            false => failure(NonSuccessKind::Failure, bug.kind, &bug.title, &text),
        },
    );
    case.set_classname(BUG_CLASS);
    if let Some(output) = &bug.output {
        case.set_system_err(output.as_str());
    }
    case
}

/// Returns all that helps to repeat and to understand a bug.
fn description(bug: &ReportedBug, report: &CampaignReport) -> String {
    let mut text = format!("{}\n", bug.confirmation.summary);
    if let Some(found) = bug.first_found_ms {
        let _ = writeln!(text, "found after {} of fuzzing", duration(Duration::from_millis(found)));
    }
    if let Some(severity) = &bug.severity {
        let _ = writeln!(text, "severity: {} ({})", severity.level, severity.description);
    }
    if let Some(place) = &bug.place {
        let _ = writeln!(text, "place: {}:{}", place.file, place.line);
    }
    let _ = writeln!(text, "\nin {}:", report.output_directory);
    let _ =
        writeln!(text, "  sockfuzz replay {}", shell_quoted([format!("{}/history", bug.folder).as_ref()]));
    for command in &bug.reproducers {
        let _ = writeln!(text, "  {command}");
    }
    if !bug.stack.is_empty() {
        let _ = writeln!(text, "\nstack:\n{}", bug.stack.join("\n"));
    }
    if let Some(session) = &bug.session {
        let _ = writeln!(text, "\ninputs:\n{session}");
    }
    text
}

fn of_file(file: &SavedFile, report: &CampaignReport) -> TestCase {
    let replay = shell_quoted([file.path.as_ref()]);
    let text = format!("{}\n\nin {}:\n  sockfuzz replay {replay}\n", file.cause, report.output_directory);
    let status = match (file.triage, file.is_known) {
        (FileTriage::NotReproduced, _) => skipped("it did not happen again", &text),
        (_, true) => skipped("known before this run, not triaged", &text),
        (_, false) => {
            failure(NonSuccessKind::Failure, &file.cause, &format!("{}, not triaged", file.cause), &text)
        }
    };
    let mut case = TestCase::new(file.path.as_str(), status);
    case.set_classname(INPUT_CLASS);
    case
}

fn failure(kind: NonSuccessKind, class: &str, message: &str, text: &str) -> TestCaseStatus {
    let mut status = TestCaseStatus::non_success(kind);
    status.set_type(class).set_message(message).set_description(text);
    status
}

fn skipped(message: &str, text: &str) -> TestCaseStatus {
    let mut status = TestCaseStatus::skipped();
    status.set_message(message).set_description(text);
    status
}
