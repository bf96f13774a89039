//! Search for the project file, and its content.

use std::env;
use std::fmt;
use std::fs;
use std::ops::Range;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::util::problem::Problem;

/// Name of the file.
pub const FILE_NAME: &str = "sockfuzz.toml";

/// What the root of a repository contains. Above it is another project.
const REPOSITORIES: &[&str] = &[".git", ".hg", ".jj"];

/// Project file of the working directory or of one above it.
#[derive(Debug)]
pub(super) struct ProjectFile {
    path: PathBuf,
    /// Working directory.
    here: PathBuf,
    text: String,
}

impl ProjectFile {
    /// Finds and reads the file.
    ///
    /// # Errors
    /// A file that cannot be read, or one of another user above the working directory, because it may run commands.
    pub(super) fn find() -> Result<Option<Self>> {
        let here = env::current_dir().context("the working directory is gone")?;
        let Some(path) = search(&here, env::home_dir().as_deref()) else { return Ok(None) };
        let shown = path.display();
        let owner = fs::metadata(&path).with_context(|| format!("cannot read {shown}"))?.uid();
        let is_ours = [0, rustix::process::geteuid().as_raw()].contains(&owner);
        if !is_ours && path.parent() != Some(&here) {
            let what = format!("{shown} belongs to another user, and could run commands as you");
            return Err(Problem::failed(what, "start sockfuzz in its directory, if you trust it").into());
        }
        let text = fs::read_to_string(&path).with_context(|| format!("cannot read {shown}"))?;
        Ok(Some(Self { path, here, text }))
    }

    /// Returns the content.
    ///
    /// # Errors
    /// Text that is not TOML.
    pub(super) fn table(&self) -> Result<DeTable<'_>, Problem> {
        let table = DeTable::parse(&self.text);
        table.map(Spanned::into_inner).map_err(|error| {
            self.problem(error.span().unwrap_or_default(), format_args!("{}", error.message()))
        })
    }

    /// Returns the directory that contains the file.
    pub(super) fn directory(&self) -> &Path {
        self.path.parent().unwrap_or(&self.path)
    }

    /// Returns that directory, if it is not the working directory, to which paths are relative otherwise.
    pub(super) fn directory_above(&self) -> Option<&Path> {
        Some(self.directory()).filter(|directory| *directory != self.here)
    }

    /// Returns the working directory.
    pub(super) fn here(&self) -> &Path {
        &self.here
    }

    /// Returns the problem of what stands at this place.
    pub(super) fn problem(&self, place: Range<usize>, what: impl fmt::Display) -> Problem {
        let line = self.text.bytes().take(place.start).filter(|byte| *byte == b'\n').count() + 1;
        Problem::failed(
            format!("{self}:{line}: {what}"),
            "correct it; the keys are flags of sockfuzz fuzz, in a table [COMMAND] those of another command (see --help)",
        )
    }

    /// Returns the table that is the value of a key.
    ///
    /// # Errors
    /// Another value.
    pub(super) fn table_of<'a, 'text>(
        &self,
        key: &str,
        value: &'a Spanned<DeValue<'text>>,
    ) -> Result<&'a DeTable<'text>, Problem> {
        let found = || format!("{key}: expected a table ([{key}]), found: {}", value.get_ref().type_str());
        value.get_ref().as_table().ok_or_else(|| self.problem(value.span(), found()))
    }
}

impl fmt::Display for ProjectFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.directory_above() {
            Some(_) => self.path.display().fmt(f),
            None => f.write_str(FILE_NAME),
        }
    }
}

/// Returns the file in a directory or in the nearest one above it, up to the root of a repository or the home directory.
fn search(here: &Path, home: Option<&Path>) -> Option<PathBuf> {
    for directory in here.ancestors() {
        let path = directory.join(FILE_NAME);
        if path.is_file() {
            return Some(path);
        }
        let is_repository = || REPOSITORIES.iter().any(|name| directory.join(name).exists());
        if Some(directory) == home || is_repository() {
            return None;
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_file_counts_and_none_above_a_repository_or_the_home_directory() {
        let directory = tempfile::tempdir().expect("tempdir");
        let below = directory.path().join("a/b/c");
        fs::create_dir_all(&below).expect("created");
        fs::write(directory.path().join(FILE_NAME), "").expect("written");
        let home = directory.path().join("a");
        let found = |home| search(&below, home);
        assert_eq!(found(None), Some(directory.path().join(FILE_NAME)));
        assert_eq!(found(Some(&home)), None);
        fs::create_dir(directory.path().join("a/b/.git")).expect("created");
        assert_eq!(found(None), None);
        fs::write(directory.path().join("a/b").join(FILE_NAME), "").expect("written");
        assert_eq!(found(None), Some(directory.path().join("a/b").join(FILE_NAME)));
    }
}
