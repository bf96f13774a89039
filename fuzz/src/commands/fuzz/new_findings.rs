//! Findings that are known when a campaign starts, and those that are new at its end.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Result;

use crate::campaign::record::program_fingerprint;
use crate::note;
use crate::report::data::CampaignReport;
use crate::server::single_run::RunConfig;
use crate::triage::bugs::KnownBugs;
use crate::triage::earlier_findings::EarlierFindings;
use crate::triage::known_again::play_known_again;
use crate::util::printable::counted;
use crate::util::problem::Problem;

/// Time limit of an input of a known bug. It is the default of `sockfuzz triage`.
pub(super) const KNOWN_TIMEOUT: Duration = Duration::from_secs(2);

/// Maximum number of new findings without a bug that are listed.
const MAX_LISTED: usize = 10;

/// Findings that are known when a campaign starts.
#[derive(Debug)]
pub(super) struct KnownFindings {
    out: PathBuf,
    earlier: EarlierFindings,
    bugs: KnownBugs,
}

impl KnownFindings {
    /// Collects the findings in an output directory, and records them there.
    ///
    /// # Errors
    /// When the record of a bug cannot be read, or the file cannot be written.
    pub(super) fn record(out: &Path) -> Result<Self> {
        let unreadable = |error: anyhow::Error| {
            Problem::failed(format!("{error:#}"), "move its folder away, or repair it")
        };
        let bugs = KnownBugs::read(out).map_err(unreadable)?;
        let earlier = EarlierFindings::collect(out, &bugs);
        earlier.write(out)?;
        Ok(Self { out: out.to_owned(), earlier, bugs })
    }

    /// Learns where the known bugs are in this build of the server.
    ///
    /// # Errors
    /// When the server cannot be started, or the user interrupts.
    pub(super) fn find_again(&mut self, config: &RunConfig<'_>) -> Result<()> {
        let program = program_fingerprint(config.server);
        for folder in play_known_again(config, &mut self.bugs, program.as_deref())? {
            note!("known bug {folder} does not happen with this build of the server");
        }
        Ok(())
    }

    /// Whether a saved input was there, or happened at the place of a known bug.
    pub(super) fn contains(&self, file: &Path) -> bool {
        self.earlier.has_file(&self.out, file) || self.bugs.has_place_of(file)
    }
}

/// Prints what the campaign has found since it was last started, and returns whether there is anything.
///
/// # Errors
/// When the output directory cannot be read.
pub(super) fn report(out: &Path) -> Result<bool> {
    let report = CampaignReport::collect(out)?;
    let known = report.bugs.iter().filter(|bug| bug.is_known).count() as u64;
    let new: Vec<_> = report.new_bugs().collect();
    let files: Vec<_> = report.new_files().collect();
    eprintln!();
    for bug in &new {
        eprintln!("new: {}\n     {}", bug.title, out.join(&bug.folder).display());
    }
    for file in files.iter().take(MAX_LISTED) {
        eprintln!("new, not triaged: {}\n     {}", file.cause, out.join(&file.path).display());
    }
    let mut line = counted(new.len() as u64, "new bug", "new bugs");
    if !files.is_empty() {
        let more = counted(files.len() as u64, "new finding that is", "new findings that are");
        line += &format!(", {more} not triaged");
    }
    if known > 0 {
        line += &format!("; {} known from earlier runs", counted(known, "bug is", "bugs are"));
    }
    eprintln!("{line}");
    Ok(!new.is_empty() || !files.is_empty())
}
