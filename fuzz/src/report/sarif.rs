//! Findings in SARIF 2.1.0, for tools that collect results of analyses.

use std::collections::BTreeMap;

use anyhow::Result;
use serde_sarif::sarif::{
    ArtifactLocation, Location, Message, MultiformatMessageString, PhysicalLocation, PropertyBag, Region,
    ReportingDescriptor, Result as SarifResult, ResultLevel, Run, SCHEMA_URL, Sarif, Stack, StackFrame, Tool,
    ToolComponent,
};

use super::bugs::ReportedBug;
use super::data::{CampaignReport, GENERATOR};
use super::saved_files::{SavedFile, SavedKind};
use super::text::uri_path;
use crate::triage::finding::SourceLocation;

/// Name of the output directory among the bases of addresses.
const BASE: &str = "OUTPUT";

/// Rules: identifier and description.
const RULES: [(&str, &str); 6] = [
    ("crash", "A signal or a sanitizer ends the server"),
    ("panic", "The server panics"),
    ("exit", "The server exits by itself"),
    ("hang", "The server does not answer in time"),
    ("wrong-answer", "The server answers as a rule of the campaign forbids"),
    ("internal-error", "sockfuzz itself fails"),
];

/// Renders the bugs, or before a triage the saved files.
///
/// # Errors
/// When the result is no valid JSON.
pub fn render(report: &CampaignReport) -> Result<String> {
    let results: Vec<_> = match report.bugs.is_empty() {
        false => report.bugs.iter().map(of_bug).collect(),
        true => report.saved_files.iter().map(of_file).collect(),
    };
    let driver = ToolComponent::builder()
        .name("sockfuzz")
        .version(env!("CARGO_PKG_VERSION"))
        .rules(RULES.map(|(id, description)| {
            let text = MultiformatMessageString::builder().text(description).build();
            ReportingDescriptor::builder().id(id).short_description(text).build()
        }))
        .build();
    let base = format!("file://{}/", uri_path(&report.output_directory));
    let run = Run::builder()
        .tool(Tool::builder().driver(driver).build())
        .original_uri_base_ids(BTreeMap::from([(
            BASE.to_owned(),
            ArtifactLocation::builder().uri(base).build(),
        )]))
        .results(results)
        .build();
    let mark = PropertyBag::builder().tags(vec![GENERATOR.to_owned()]).build();
    let log = Sarif::builder().schema(SCHEMA_URL).version("2.1.0").properties(mark).runs(vec![run]).build();
    Ok(serde_json::to_string_pretty(&log)? + "\n")
}

fn of_bug(bug: &ReportedBug) -> SarifResult {
    let mut text = format!("{}. Confirmation: {}.", bug.title, bug.confirmation.summary);
    if let Some(severity) = &bug.severity {
        text += &format!(" Severity: {} ({}).", severity.level, severity.description);
    }
    let fingerprint = bug.causes.first().unwrap_or(&bug.title).clone();
    SarifResult::builder()
        .rule_id(bug.kind.replace(' ', "-"))
        .level(ResultLevel::Error)
        .message(message(&text))
        .locations(bug.place.iter().map(location_in_source).collect::<Vec<_>>())
        .stacks(stack(&bug.stack).into_iter().collect::<Vec<_>>())
        .related_locations(bug.files.iter().map(|file| location_in_output(file)).collect::<Vec<_>>())
        .baseline_state(baseline_state(bug.is_known))
        .partial_fingerprints(BTreeMap::from([("sockfuzzCause/v1".to_owned(), fingerprint)]))
        .build()
}

fn of_file(file: &SavedFile) -> SarifResult {
    let (rule, shown) = match file.kind {
        SavedKind::Crash if file.cause == "exit" => ("exit", ResultLevel::Error),
        SavedKind::Crash => ("crash", ResultLevel::Error),
        SavedKind::Hang => ("hang", ResultLevel::Warning),
        SavedKind::WrongAnswer => ("wrong-answer", ResultLevel::Warning),
    };
    SarifResult::builder()
        .rule_id(rule)
        .level(shown)
        .message(message(&format!("{}, not triaged: {}", file.cause, file.path)))
        .locations(vec![location_in_output(&file.path)])
        .baseline_state(baseline_state(file.is_known))
        .build()
}

/// Returns how a result compares with the start of the campaign.
const fn baseline_state(is_known: bool) -> &'static str {
    if is_known { "unchanged" } else { "new" }
}

fn stack(frames: &[String]) -> Option<Stack> {
    let frame = |text: &String| {
        let location = Location::builder().message(message(text)).build();
        StackFrame::builder().location(location).build()
    };
    (!frames.is_empty())
        .then(|| Stack::builder().frames(frames.iter().map(frame).collect::<Vec<_>>()).build())
}

fn location_in_source(place: &SourceLocation) -> Location {
    let line = i64::try_from(place.line.max(1)).unwrap_or(i64::MAX);
    let region = match i64::try_from(place.column) {
        Ok(column @ 1..) => Region::builder().start_line(line).start_column(column).build(),
        _ => Region::builder().start_line(line).build(),
    };
    let scheme = if place.file.starts_with('/') { "file://" } else { "" };
    let artifact = ArtifactLocation::builder().uri(format!("{scheme}{}", uri_path(&place.file))).build();
    let physical = PhysicalLocation::builder().artifact_location(artifact).region(region).build();
    Location::builder().physical_location(physical).build()
}

fn location_in_output(path: &str) -> Location {
    let artifact = ArtifactLocation::builder().uri(uri_path(path)).uri_base_id(BASE).build();
    Location::builder()
        .physical_location(PhysicalLocation::builder().artifact_location(artifact).build())
        .build()
}

fn message(text: &str) -> Message {
    Message::builder().text(text).build()
}
