//! Histories of a campaign, for replay.

use std::fs;
use std::path::{Path, PathBuf};

use sockfuzz_protocol::history::{History, kind};

use crate::campaign::findings;

/// Whether a process that ended with the finding `found` ended in the same way as the one of this history.
pub(super) fn is_reproduced_by(history: &History, found: Option<&String>) -> bool {
    // A sanitizer replaces the signal of a fault by its own, so any signal will do.
    found.is_some_and(|finding| kind(finding) == kind(&history.finding))
}

/// Whether a finding is a hang, whose place is a hash of all code that ran.
pub(super) fn is_hang(finding: &str) -> bool {
    finding.starts_with("hang")
}

/// Finds the shortest history of the campaign in this output directory whose last input is this one.
pub(super) fn find(out: &Path, input: &[u8]) -> Option<(PathBuf, History)> {
    findings::histories(out)
        .into_iter()
        .filter_map(|file| Some((file.clone(), History::decode(&fs::read(file).ok()?)?)))
        .filter(|(_, history)| history.inputs.last().is_some_and(|last| last == input))
        .min_by_key(|(_, history)| history.inputs.len())
}
