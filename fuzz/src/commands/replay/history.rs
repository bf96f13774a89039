//! Replay of a history: all inputs of a process, in one process, in the loop.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Result;
use sockfuzz_protocol::history::History;
use sockfuzz_protocol::specs;

use super::outcome::ReplayOutcome;
use crate::campaign::findings;
use crate::server::loop_run::InputEnd;
use crate::server::single_run::RunConfig;

/// Result of the replay of a history.
pub(super) struct HistoryReplay {
    /// Effect of the last input that ran.
    pub(super) outcome: ReplayOutcome,
    /// Number of inputs that ran.
    pub(super) ran: usize,
    /// Name of the finding, as a campaign would have saved it; `None` without one.
    pub(super) finding: Option<String>,
    /// What the server has written to stdout and stderr.
    pub(super) output: Vec<u8>,
}

impl HistoryReplay {
    /// Whether the process ended in the same way as the one whose history this is.
    pub(super) fn reproduces(&self, history: &History) -> bool {
        // A sanitizer replaces the signal of a fault by its own, so any signal will do.
        let kind = |finding: &str| finding.split([':', ',']).next().map(str::to_owned);
        self.finding.as_ref().is_some_and(|finding| kind(finding) == kind(&history.finding))
    }
}

/// Plays a history up to its end, or to the input that ends the process.
pub(super) fn play(config: &RunConfig<'_>, history: &History) -> Result<HistoryReplay> {
    let saved = tempfile::tempdir()?;
    let directory = saved.path().to_string_lossy().into_owned();
    let options = config.options.with(specs::HISTORIES.variable, directory);
    let mut run = RunConfig { options: &options, ..*config }.start_loop()?;
    let mut end = InputEnd::Answered;
    let mut ran = 0;
    for input in &history.inputs {
        end = run.run(input)?;
        ran += 1;
        if end != InputEnd::Answered {
            break;
        }
    }
    let output = run.output()?;
    let outcome = ReplayOutcome::of_loop(end, run.has_internal_error(), &output);
    Ok(HistoryReplay { outcome, ran, finding: saved_finding(saved.path()), output })
}

fn saved_finding(directory: &Path) -> Option<String> {
    let file = fs::read_dir(directory).ok()?.flatten().next()?;
    History::decode(&fs::read(file.path()).ok()?).map(|history| history.finding)
}

/// Finds the shortest history of the campaign in this output directory whose last input is this one.
pub(super) fn find(out: &Path, input: &[u8]) -> Option<(PathBuf, History)> {
    findings::histories(out)
        .into_iter()
        .filter_map(|file| Some((file.clone(), History::decode(&fs::read(file).ok()?)?)))
        .filter(|(_, history)| history.inputs.last().is_some_and(|last| last == input))
        .min_by_key(|(_, history)| history.inputs.len())
}
