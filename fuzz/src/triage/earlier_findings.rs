//! Findings and bugs that a campaign had when it was last started. The output directory keeps this list, so that a report
//! of a resumed campaign can mark the bugs that the last run has added.

use std::collections::BTreeSet;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use super::bugs::KnownBugs;
use crate::campaign::findings;

/// Name of the file, in the output directory.
const EARLIER_FILE: &str = "sockfuzz.earlier";

/// Findings and bugs at the last start of a campaign.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EarlierFindings {
    /// Names of the folders of bugs.
    bugs: BTreeSet<String>,
    /// Saved inputs and histories, by what does not change when afl-fuzz moves them.
    files: BTreeSet<String>,
}

impl EarlierFindings {
    /// Collects what an output directory has now, besides its known bugs.
    #[must_use]
    pub fn collect(out: &Path, known: &KnownBugs) -> Self {
        let saved = findings::files(out).into_iter().chain(findings::histories(out));
        let of_bugs = known.bugs().flat_map(|(_, bug)| bug.files.clone());
        Self {
            bugs: known.bugs().filter_map(|(folder, _)| file_name(folder)).collect(),
            files: saved.chain(of_bugs).filter_map(|file| findings::identity(out, &file)).collect(),
        }
    }

    /// Reads what [`Self::write`] has written. It is empty for a campaign of a release that did not do so.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn read(out: &Path) -> Result<Self> {
        let path = out.join(EARLIER_FILE);
        match fs::read(&path) {
            Ok(text) => {
                serde_json::from_slice(&text).with_context(|| format!("cannot read {}", path.display()))
            }
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
        }
    }

    /// Writes it into the output directory.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write(&self, out: &Path) -> Result<()> {
        let path = out.join(EARLIER_FILE);
        fs::write(&path, serde_json::to_vec(self)?)
            .with_context(|| format!("cannot write {}", path.display()))
    }

    /// Whether a saved input or history was there. The path may be relative to the output directory.
    #[must_use]
    pub fn has_file(&self, out: &Path, file: &Path) -> bool {
        findings::identity(out, file).is_some_and(|identity| self.files.contains(&identity))
    }

    /// Whether a bug was there: its folder, or one of its files, which triage had not come to.
    #[must_use]
    pub fn has_bug<'a>(&self, out: &Path, folder: &Path, mut files: impl Iterator<Item = &'a Path>) -> bool {
        file_name(folder).is_some_and(|name| self.bugs.contains(&name))
            || files.any(|file| self.has_file(out, file))
    }
}

fn file_name(path: &Path) -> Option<String> {
    Some(path.file_name()?.to_string_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_afl_has_moved_is_known() {
        let directory = tempfile::tempdir().expect("tempdir");
        let out = directory.path();
        let crashes = out.join("main/crashes");
        fs::create_dir_all(&crashes).expect("mkdir");
        fs::write(crashes.join("id:000000,sig:06,time:7"), "x").expect("write");
        let known = KnownBugs::read(out).expect("none");
        EarlierFindings::collect(out, &known).write(out).expect("written");
        let earlier = EarlierFindings::read(out).expect("readable");
        let moved = Path::new("main/crashes.2026-11-28-21:36:49/id:000000,sig:06,time:7");
        assert!(earlier.has_file(out, moved) && earlier.has_file(out, &out.join(moved)));
        assert!(!earlier.has_file(out, Path::new("s1/crashes/id:000000,sig:06,time:7")));
        assert!(earlier.has_bug(out, &out.join("findings/01-x"), [moved].into_iter()));
        assert!(!earlier.has_bug(out, &out.join("findings/01-x"), [].into_iter()));
    }

    #[test]
    fn nothing_is_known_without_a_record() {
        let directory = tempfile::tempdir().expect("tempdir");
        assert_eq!(EarlierFindings::read(directory.path()).expect("none"), EarlierFindings::default());
    }
}
