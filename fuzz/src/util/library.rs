//! Shared libraries of this workspace: named by the user, found beside the executable, or built.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use crate::note;
use crate::util::bundle;
use crate::util::problem::Problem;
use crate::util::workspace::{self, Workspace};

/// Shared library of this workspace.
#[derive(Debug)]
pub struct Library {
    /// Description for messages.
    pub what: &'static str,
    /// File name, as cargo builds it.
    pub file: &'static str,
    /// Package that builds it.
    pub package: &'static str,
    /// Source paths, relative to the workspace.
    pub sources: &'static [&'static str],
    /// Command-line flag that names another file.
    pub flag: &'static str,
}

impl Library {
    /// Returns the path of the library: the given one, or that of the file beside this executable. In a
    /// workspace, builds the library if it is missing or older than its sources.
    ///
    /// # Errors
    /// When the library is missing and cannot be built.
    pub fn locate(&self, given: Option<&Path>) -> Result<PathBuf> {
        let Self { what, file, flag, .. } = self;
        if let Some(given) = given {
            return fs::canonicalize(given).map_err(|error| {
                let what = format!("{what} {} cannot be used: {error}", given.display());
                Problem::failed(what, format!("give the path of {file}, or omit {flag}")).into()
            });
        }
        let beside = env::current_exe()
            .ok()
            .map(|executable| executable.with_file_name(file))
            .filter(|path| path.exists());
        match (Workspace::find(), beside) {
            (Some(workspace), beside) => self.in_workspace(&workspace, beside),
            (None, beside) => self.installed(beside),
        }
    }

    /// Returns the path of the library inside this executable, or beside it.
    fn installed(&self, beside: Option<PathBuf>) -> Result<PathBuf> {
        let Self { file, flag, .. } = self;
        match (bundle::directory()?, beside) {
            (Some(unpacked), _) => Ok(unpacked.join("lib").join(file)),
            (None, Some(beside)) => Ok(beside),
            (None, None) => Err(Problem::failed(
                format!("{file} is not beside the sockfuzz executable"),
                format!("copy it there from target/release, or give its path with {flag}"),
            )
            .into()),
        }
    }

    fn in_workspace(&self, workspace: &Workspace, beside: Option<PathBuf>) -> Result<PathBuf> {
        let built = workspace.target("release").join(self.file);
        let changed = workspace.newest_change(self.sources);
        let current = |path: &PathBuf| {
            fs::metadata(path)
                .and_then(|metadata| metadata.modified())
                .is_ok_and(|modified| modified >= changed)
        };
        if let Some(path) = beside.into_iter().chain([built.clone()]).find(current) {
            return Ok(path);
        }
        note!("building {} …", self.file);
        let mut command = Command::new(workspace::cargo());
        command
            .args(["build", "--release", "--package", self.package])
            .args(workspace::cargo_verbosity())
            .arg("--target-dir")
            .arg(workspace.target(""));
        workspace.build(command, self.file)?;
        Ok(built)
    }
}
