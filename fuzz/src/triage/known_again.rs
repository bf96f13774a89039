//! Known bugs with another build of the server. Addresses and lines move with every change of the source, so the bugs are
//! played again to learn where they are now: otherwise each would be found as a new one.

use std::path::Path;

use anyhow::Result;

use super::bugs::KnownBugs;
use super::cause::Cause;
use super::examination::{Examination, examine, key};
use super::failure::FailureReport;
use super::finding::{FailureKind, Finding, SourceLocation};
use super::folder::HISTORY_FILE;
use super::witness::{Candidate, Witness, WitnessEnd};
use crate::server::loop_run::ProcessRunner;
use crate::server::single_run::RunConfig;

/// Plays the known bugs that were last seen with another program, and records where they are in this one. Returns the
/// folders of those that do not happen with it. `program` is the fingerprint of the server's program.
///
/// # Errors
/// When the server cannot be started, a record cannot be written, or the user interrupts.
pub fn play_known_again(
    config: &RunConfig<'_>,
    known: &mut KnownBugs,
    program: Option<&str>,
) -> Result<Vec<String>> {
    let mut runner = ProcessRunner::new(*config)?;
    let mut gone = Vec::new();
    // The place of a wrong answer is its operation, which another build does not move.
    let may_have_moved =
        |bug: &Finding| bug.program.as_deref() != program && bug.kind != FailureKind::WrongAnswer;
    for (folder, bug) in known.bugs_mut().filter(|(_, bug)| may_have_moved(bug)) {
        // An earlier release, or the user, may have left a folder without it.
        let Ok(inputs) = Candidate::read(&folder.join(HISTORY_FILE)) else { continue };
        if !find_again(config, &mut runner, inputs, bug)? {
            gone.push(folder.file_name().unwrap_or_default().to_string_lossy().into_owned());
        }
        bug.program = program.map(str::to_owned);
        bug.write(folder)?;
    }
    Ok(gone)
}

/// Records the cause, the key and the place that a bug has now. Returns whether it happens.
fn find_again(
    config: &RunConfig<'_>,
    runner: &mut ProcessRunner<'_>,
    inputs: Vec<Vec<u8>>,
    bug: &mut Finding,
) -> Result<bool> {
    let Some(end) = WitnessEnd::of(&inputs, runner)? else { return Ok(false) };
    runner.stop();
    let witness = Witness { paths: Vec::new(), source: Path::new("").to_owned(), inputs, end };
    let Examination { report, .. } = examine(config, &witness)?;
    let cause = &witness.end.cause;
    if !is_same(bug, cause, report.as_ref()) {
        return Ok(false);
    }
    let name = cause.to_string();
    if !bug.causes.contains(&name) {
        bug.causes.push(name);
    }
    bug.key = key(cause, report.as_ref());
    if let Some(FailureReport { location, stack, .. }) = report {
        bug.location = location;
        bug.stack = stack;
    }
    Ok(true)
}

/// Whether a failure is that of the bug, apart from its line: of the same kind, in the same function or file. The class is
/// not compared, because the message of a panic depends on the input; nor is the function alone, because compilers
/// inline functions in one build and not in the next.
fn is_same(bug: &Finding, cause: &Cause, report: Option<&FailureReport>) -> bool {
    let Some(report) = report else { return bug.location.is_none() && bug.kind == cause.kind() };
    let file = |location: &Option<SourceLocation>| location.as_ref().map(|location| location.file.clone());
    let has_same_file = bug.location.is_some() && file(&bug.location) == file(&report.location);
    bug.kind == report.kind && (has_same_file || function(&report.title()) == function(&bug.title))
}

/// Returns the function in a title, without the place in parentheses behind it.
fn function(title: &str) -> Option<&str> {
    let (_, place) = title.rsplit_once(" in ")?;
    Some(place.split_once(" (").map_or(place, |(function, _)| function))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_has_its_function_before_the_place() {
        assert_eq!(function("heap-buffer-overflow(write) in parse (parser.c:120)"), Some("parse"));
        assert_eq!(function("panic: not in range in part (main.rs:22)"), Some("part"));
        assert_eq!(function("Abort signal in digest"), Some("digest"));
        assert_eq!(function("crash at nginx+4a3c1"), None);
    }
}
