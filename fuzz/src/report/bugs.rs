//! Bugs that triage has found, with the texts in their folders.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::Serialize;

use super::text::{visible, visible_start, visible_text};
use crate::triage::earlier_findings::EarlierFindings;
use crate::triage::finding::{Confirmation, DIRECTORY, FailureKind, Finding, Severity, SourceLocation};
use crate::util::printable::counted;
use crate::util::shell::shell_quoted;

/// Maximum number of bytes of a text in the folder of a bug that a report shows.
const MAX_TEXT_BYTES: usize = 20_000;

/// Scripts that show a bug, with their interpreters.
const REPRODUCERS: &[(&str, &str)] = &[("bash", "reproduce.sh"), ("python3", "reproduce.py")];

/// Bug of the server.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct ReportedBug {
    /// Folder, relative to the output directory.
    pub folder: String,
    /// One line that names it.
    pub title: String,
    /// How the server fails: `crash`, `panic`, `exit`, `hang`, `stopped accepting`, `wrong answer` or `internal error`.
    pub kind: &'static str,
    /// Causes in the loop that belong to this bug.
    pub causes: Vec<String>,
    /// Estimate of its severity, if there is one.
    pub severity: Option<Severity>,
    /// Place in the source, if it is known.
    pub place: Option<SourceLocation>,
    /// Stack at the failure, the innermost frame first.
    pub stack: Vec<String>,
    /// Files of the campaign with this bug, relative to the output directory.
    pub files: Vec<String>,
    /// Fuzzing time at which the first of these files was saved, in milliseconds.
    pub first_found_ms: Option<u64>,
    /// Number of inputs that the bug needs.
    pub inputs: usize,
    /// Whether the reduction stopped at its time limit, so that not all of these inputs may be needed.
    pub is_reduction_cut: bool,
    /// Whether it was known when the campaign was last started.
    pub is_known: bool,
    /// Whether it happens on the plain server.
    pub confirmation: BugConfirmation,
    /// The inputs as text.
    pub session: Option<String>,
    /// Answers of the server, if triage has kept them.
    pub answers: Option<String>,
    /// Output of the server.
    pub output: Option<String>,
    /// Commands that show the bug on the plain server, run in the output directory.
    pub reproducers: Vec<String>,
}

/// How often a bug happened on the plain server, over TCP and without the preload.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct BugConfirmation {
    /// Number of attempts.
    pub attempts: u32,
    /// Number of those in which it happened.
    pub happened: u32,
    /// How the server ended, if it happened.
    pub end: Option<String>,
    /// Likely reason for a bug that happens only under sockfuzz.
    pub reason: Option<String>,
    /// All of this in a line.
    pub summary: String,
}

/// What triage left in an output directory.
#[derive(Debug, Clone, Default)]
pub struct TriageResults {
    /// Whether triage has run, in a release that records its bugs.
    pub is_present: bool,
    /// Bugs, sorted by the names of their folders.
    pub bugs: Vec<ReportedBug>,
    /// Notes on folders without a readable record.
    pub notes: Vec<String>,
}

/// Reads the bugs of a campaign.
#[must_use]
pub fn read_all(out: &Path, earlier: &EarlierFindings) -> TriageResults {
    let Ok(entries) = fs::read_dir(out.join(DIRECTORY)) else { return TriageResults::default() };
    let mut folders: Vec<_> =
        entries.flatten().map(|entry| entry.path()).filter(|path| path.is_dir()).collect();
    folders.sort();
    let mut results = TriageResults::default();
    let mut without_record = 0;
    for folder in &folders {
        match Finding::read(folder) {
            Ok(finding) => results.bugs.push(describe(out, folder, &finding, earlier)),
            Err(error) if is_missing(&error) => without_record += 1,
            Err(error) => results.notes.push(visible_text(&format!("{error:#}")).into_owned()),
        }
    }
    if without_record > 0 {
        results.notes.push(format!(
            "{} in {DIRECTORY} without a record of the bug: triage is at work, or an earlier release wrote them. Run \
             sockfuzz triage again to see them here",
            counted(without_record, "folder", "folders")
        ));
    }
    results.is_present = folders.is_empty() || !results.bugs.is_empty();
    results
}

fn is_missing(error: &anyhow::Error) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::NotFound)
}

fn describe(out: &Path, folder: &Path, finding: &Finding, earlier: &EarlierFindings) -> ReportedBug {
    let owned = |text: &str| visible_text(text).into_owned();
    let all = |texts: &[String]| texts.iter().map(|text| owned(text)).collect();
    let text_of = |name: &str| {
        let content = fs::read(folder.join(name)).ok().filter(|content| !content.trim_ascii().is_empty())?;
        Some(visible_start(content.trim_ascii_end(), MAX_TEXT_BYTES))
    };
    let relative =
        |path: &Path| visible(path.strip_prefix(out).unwrap_or(path).as_os_str().as_encoded_bytes());
    let reproducers = REPRODUCERS.iter().filter(|(_, name)| folder.join(name).is_file());
    ReportedBug {
        folder: relative(folder),
        title: owned(&finding.title),
        kind: kind_name(finding.kind),
        causes: all(&finding.causes),
        severity: finding.severity.as_ref().map(|severity| Severity {
            level: owned(&severity.level),
            class: owned(&severity.class),
            description: owned(&severity.description),
        }),
        place: finding.location.as_ref().map(|location| SourceLocation {
            file: owned(&location.file),
            line: location.line,
            column: location.column,
        }),
        stack: all(&finding.stack),
        files: finding.files.iter().map(|file| relative(file)).collect(),
        first_found_ms: finding.first_found_ms,
        inputs: finding.inputs,
        is_reduction_cut: finding.is_reduction_cut,
        is_known: earlier.has_bug(out, folder, finding.files.iter().map(PathBuf::as_path)),
        confirmation: confirmation(&finding.confirmation),
        session: text_of("inputs.txt"),
        answers: text_of("answers.txt"),
        output: text_of("output.txt"),
        reproducers: reproducers
            .map(|(interpreter, name)| {
                format!(
                    "{interpreter} {}",
                    shell_quoted([Path::new(&relative(&folder.join(name))).as_os_str()])
                )
            })
            .collect(),
    }
}

fn confirmation(confirmation: &Confirmation) -> BugConfirmation {
    let text = |text: &Option<String>| text.as_deref().map(|text| visible_text(text).into_owned());
    let Confirmation { attempts, happened, .. } = *confirmation;
    let (end, reason) = (text(&confirmation.end), text(&confirmation.reason));
    let summary = visible_text(&confirmation.to_string()).into_owned();
    BugConfirmation { attempts, happened, end, reason, summary }
}

const fn kind_name(kind: FailureKind) -> &'static str {
    match kind {
        FailureKind::Crash => "crash",
        FailureKind::Panic => "panic",
        FailureKind::Exit => "exit",
        FailureKind::Hang => "hang",
        FailureKind::StoppedAccepting => "stopped accepting",
        FailureKind::WrongAnswer => "wrong answer",
        FailureKind::InternalError => "internal error",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_without_a_readable_record_is_noted() {
        let directory = tempfile::tempdir().expect("tempdir");
        let folder = directory.path().join("findings/01-crash\x1b");
        fs::create_dir_all(&folder).expect("mkdir");
        let read_all = |out: &Path| read_all(out, &EarlierFindings::default());
        let results = read_all(directory.path());
        assert!(
            !results.is_present && results.notes[0].starts_with("1 folder in findings"),
            "{:?}",
            results.notes
        );
        fs::write(folder.join("finding.json"), "{").expect("write");
        let notes = read_all(directory.path()).notes;
        assert!(notes[0].contains("no record") && notes[0].contains("01-crash\\x1b"), "{notes:?}");
    }
}
