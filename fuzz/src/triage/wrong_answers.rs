//! Triage of wrong answers: each fault of an operation is a bug of its own. It is confirmed on the plain server, as the
//! campaign has done once before it saved the input.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::bugs::{self, KnownBugs};
use super::cause::Cause;
use super::finding::{Confirmation, FailureKind, Finding};
use super::folder::BugFolder;
use super::pipeline::TriageLimits;
use super::witness::{Witness, WitnessEnd};
use crate::campaign::findings::{self, value_in_name};
use crate::campaign::judging::{self, KEY};
use crate::campaign::record::program_fingerprint;
use crate::input::judge::{Fault, Judge};
use crate::server::loop_run::ProcessRunner;
use crate::server::single_run::{FindingKind, RunConfig};
use crate::server::tcp_client::TcpAnswers;

/// Results of the attempts to see a fault on the plain server.
struct Attempts {
    happened: u32,
    /// The fault in the last attempt in which it happened.
    fault: Option<Fault>,
    answers: Vec<TcpAnswers>,
}

/// Triages the wrong answers of a campaign that are new. `on_found` gets the folder of each new bug with its record. Returns
/// the number of findings that did not happen again.
///
/// # Errors
/// When the server cannot be started, a file cannot be read or written, or the user interrupts.
pub fn triage(
    config: &RunConfig<'_>,
    limits: TriageLimits,
    known: &mut KnownBugs,
    out: &Path,
    mut on_found: impl FnMut(&Path, &Finding),
) -> Result<u64> {
    let is_new =
        |file: &PathBuf| findings::kind_of(file) == Some(FindingKind::WrongAnswer) && !known.has_file(file);
    let new: Vec<_> = findings::files(out).into_iter().filter(is_new).collect();
    let Some(rules) = judging::read(out)?.filter(|_| !new.is_empty()) else { return Ok(0) };
    let judge = Judge::new(rules);
    let mut lost = Vec::new();
    for file in new {
        let input = fs::read(&file).with_context(|| format!("cannot read {}", file.display()))?;
        let key: String = value_in_name(&file, KEY).unwrap_or_default();
        let tried = attempts(config, &judge, &input, &key, limits.attempts)?;
        let Some(fault) = &tried.fault else {
            lost.push(file);
            continue;
        };
        let cause = Cause::WrongAnswer(fault.to_string());
        if !known.add_files(&cause, std::slice::from_ref(&file))? {
            let finding = record(config, fault, &cause, &file, out, &tried, limits.attempts);
            let folder = write(config, known, &finding, cause, &file, input, &tried.answers)?;
            on_found(&folder, &finding);
            known.add(folder, finding);
        }
    }
    if !lost.is_empty() {
        known.add_not_reproduced(&lost)?;
    }
    Ok(lost.len() as u64)
}

fn attempts(config: &RunConfig<'_>, judge: &Judge, input: &[u8], key: &str, count: u32) -> Result<Attempts> {
    let mut attempts = Attempts { happened: 0, fault: None, answers: Vec::new() };
    for _ in 0..count {
        let (faults, answers) = judging::confirm(config, judge, input)?;
        if let Some(fault) = faults.into_iter().find(|fault| fault.key() == key) {
            attempts = Attempts { happened: attempts.happened + 1, fault: Some(fault), answers };
        }
    }
    Ok(attempts)
}

fn record(
    config: &RunConfig<'_>,
    fault: &Fault,
    cause: &Cause,
    file: &Path,
    out: &Path,
    tried: &Attempts,
    attempts: u32,
) -> Finding {
    let files = vec![file.strip_prefix(out).unwrap_or(file).to_owned()];
    let detail = if fault.detail.is_empty() { String::new() } else { format!(": {}", fault.detail) };
    Finding {
        title: fault.to_string(),
        kind: FailureKind::WrongAnswer,
        key: fault.key(),
        causes: vec![cause.to_string()],
        severity: None,
        location: None,
        stack: Vec::new(),
        first_found_ms: bugs::first_found_ms(&files),
        files,
        inputs: 1,
        is_reduction_cut: false,
        confirmation: Confirmation {
            attempts,
            happened: tried.happened,
            end: Some(format!("it answers {}{detail}", fault.status)),
            reason: None,
        },
        program: program_fingerprint(config.server),
    }
}

/// Writes the folder of a new bug.
fn write(
    config: &RunConfig<'_>,
    known: &KnownBugs,
    finding: &Finding,
    cause: Cause,
    file: &Path,
    input: Vec<u8>,
    answers: &[TcpAnswers],
) -> Result<PathBuf> {
    let inputs = vec![input];
    let mut runner = ProcessRunner::new(*config)?;
    let played = runner.play(&inputs)?;
    // The end of the next server is that of all.
    runner.stop();
    let end = WitnessEnd {
        cause,
        finding: FindingKind::WrongAnswer.to_string(),
        ran: inputs.len(),
        port: played.port,
        output: played.output,
    };
    let witness = Witness { paths: vec![file.to_owned()], source: file.to_owned(), inputs, end };
    let path = known.new_folder(&finding.title);
    let folder = BugFolder { path, finding, witness: &witness, answers, config };
    folder.write()?;
    Ok(folder.path)
}
