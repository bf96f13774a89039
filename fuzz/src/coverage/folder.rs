//! Directory of a coverage, below the output directory of a campaign. It replaces an earlier one in one step, and nothing
//! else.

use std::fs::{self, Permissions};
use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use tempfile::TempDir;

use super::summary::CoverageSummary;
use super::tracefile::Tracefile;
use super::unreached;
use crate::util::problem::Problem;

/// Name of the directory.
const DIRECTORY: &str = "coverage";

/// Name of the directory of HTML, and of its first page.
const HTML: &str = "html";
const INDEX: &str = "index.html";

/// Name of the tracefile.
const TRACEFILE: &str = "coverage.info";

/// Name of the list of functions that did not run.
const FUNCTIONS: &str = "functions.txt";

/// Name of the totals. A directory with this file is one of these, and may be replaced.
const SUMMARY: &str = "summary.json";

/// Coverage that is being written, in a temporary directory.
#[derive(Debug)]
pub struct CoverageFolder {
    place: PathBuf,
    new: TempDir,
}

impl CoverageFolder {
    /// Begins a coverage below `out`, which is created if it is missing.
    ///
    /// # Errors
    /// When there is a directory that is none of a coverage, or nothing can be written.
    pub fn begin(out: &Path) -> Result<Self> {
        let place = out.join(DIRECTORY);
        require_own(&place)?;
        fs::create_dir_all(out).with_context(|| format!("cannot create {}", out.display()))?;
        let new = tempfile::Builder::new()
            .prefix(".coverage-")
            .tempdir_in(out)
            .with_context(|| format!("cannot write to {}", out.display()))?;
        fs::set_permissions(new.path(), Permissions::from_mode(0o755))?;
        Ok(Self { place, new })
    }

    /// Returns the directory for HTML.
    #[must_use]
    pub fn html(&self) -> PathBuf {
        self.new.path().join(HTML)
    }

    /// Writes the tracefile and the list of functions that did not run. Returns the path of the tracefile.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn write_lists(&self, tracefile: &Tracefile) -> Result<PathBuf> {
        self.write(FUNCTIONS, &unreached::describe(tracefile))?;
        self.write(TRACEFILE, &tracefile.to_text())
    }

    /// Writes the totals, and puts the directory in its place. Returns its path.
    ///
    /// # Errors
    /// When the directory cannot be written or moved.
    pub fn finish(self, tracefile: &Tracefile, inputs: usize) -> Result<PathBuf> {
        let index = self.html().join(INDEX).exists().then(|| format!("{DIRECTORY}/{HTML}/{INDEX}"));
        let summary = CoverageSummary::of(tracefile, inputs, index);
        self.write(SUMMARY, &(serde_json::to_string_pretty(&summary)? + "\n"))?;
        let Self { place, new } = self;
        require_own(&place)?;
        let earlier = new.path().with_extension("earlier");
        match fs::rename(&place, &earlier) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error).context("cannot replace"),
            _ => {}
        }
        fs::rename(new.keep(), &place).with_context(|| format!("cannot write {}", place.display()))?;
        if earlier.exists() {
            fs::remove_dir_all(&earlier).with_context(|| format!("cannot remove {}", earlier.display()))?;
        }
        Ok(place)
    }

    fn write(&self, name: &str, content: &str) -> Result<PathBuf> {
        let path = self.new.path().join(name);
        fs::write(&path, content).with_context(|| format!("cannot write {}", path.display()))?;
        Ok(path)
    }
}

/// Reads the coverage below the output directory of a campaign.
///
/// # Errors
/// When there is none.
pub fn read(out: &Path) -> Result<Tracefile> {
    let path = out.join(DIRECTORY).join(TRACEFILE);
    match fs::read_to_string(&path) {
        Ok(text) => Ok(Tracefile::parse(&text)),
        Err(error) => {
            let what = format!("{} has no coverage: {error}", out.display());
            let remedy = format!("make it with: sockfuzz cover {} -- SERVER ARGS", out.display());
            Err(Problem::failed(what, remedy).into())
        }
    }
}

/// Returns an error if a directory holds something else.
fn require_own(place: &Path) -> Result<()> {
    if place.join(SUMMARY).is_file() && place.join(TRACEFILE).is_file()
        || fs::symlink_metadata(place).is_err()
    {
        return Ok(());
    }
    let what = format!("{} is not a directory that sockfuzz cover has written", place.display());
    Err(Problem::failed(what, "move it away, or choose another output directory; nothing was changed").into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_earlier_coverage_is_replaced_and_nothing_else() {
        let out = tempfile::tempdir().expect("a directory");
        let tracefile = Tracefile::parse("SF:a.c\nDA:1,1\nend_of_record\n");
        for inputs in [1, 2] {
            let folder = CoverageFolder::begin(out.path()).expect("nothing else is there");
            folder.write_lists(&tracefile).expect("writable");
            folder.finish(&tracefile, inputs).expect("written");
        }
        assert_eq!(read(out.path()).expect("readable"), tracefile);
        assert_eq!(fs::read_dir(out.path()).expect("readable").count(), 1);
        fs::remove_file(out.path().join("coverage/summary.json")).expect("removed");
        let error = CoverageFolder::begin(out.path()).expect_err("of somebody else");
        assert!(error.to_string().contains("nothing was changed"), "{error}");
    }
}
