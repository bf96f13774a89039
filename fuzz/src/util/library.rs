//! Shared libraries and programs of this workspace: named by the user, found beside the executable, or built.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use crate::note;
use crate::util::embedded;
use crate::util::home_bundle;
use crate::util::problem::Problem;
use crate::util::workspace::{self, Workspace};

/// Flags of rustc for a program that needs no library, without symbols, because a bundle has several copies of it.
const STATIC_FLAGS: &str = "-Ctarget-feature=+crt-static -Cstrip=symbols";

/// How a library or program is built.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A shared library.
    Shared,
    /// A program that needs no library of the machine that runs it.
    StaticProgram,
}

/// Shared library or program of this workspace.
#[derive(Debug)]
pub struct Library {
    /// Description for messages.
    pub what: &'static str,
    /// File name, as cargo builds it.
    pub file: &'static str,
    /// Package that builds it.
    pub package: &'static str,
    /// How it is built.
    pub kind: Kind,
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
        if let (Some(_), Some(beside)) = (home_bundle::current(), &beside) {
            return Ok(beside.clone());
        }
        match (Workspace::find(), beside) {
            (Some(workspace), beside) => self.in_workspace(&workspace, beside),
            (None, beside) => self.installed(beside),
        }
    }

    /// Returns the path of the library inside this executable, or beside it.
    fn installed(&self, beside: Option<PathBuf>) -> Result<PathBuf> {
        let Self { file, flag, .. } = self;
        match (embedded::directory()?, beside) {
            (Some(unpacked), _) => Ok(unpacked.join("lib").join(file)),
            (None, Some(beside)) => Ok(beside),
            (None, None) => Err(Problem::failed(
                format!("{file} is not beside the sockfuzz executable"),
                format!("copy it there from target/release, or give its path with {flag}"),
            )
            .into()),
        }
    }

    /// Returns where cargo puts it.
    fn output(&self, workspace: &Workspace) -> PathBuf {
        match self.kind {
            Kind::Shared => workspace.target("release").join(self.file),
            Kind::StaticProgram => {
                workspace.target(self.package).join(native_target()).join("release").join(self.file)
            }
        }
    }

    fn in_workspace(&self, workspace: &Workspace, beside: Option<PathBuf>) -> Result<PathBuf> {
        let built = self.output(workspace);
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
            .arg("--target-dir");
        match self.kind {
            Kind::Shared => command.arg(workspace.target("")),
            Kind::StaticProgram => command
                .arg(workspace.target(self.package))
                .args(["--target", &native_target()])
                .env("RUSTFLAGS", STATIC_FLAGS),
        };
        workspace.build(command, self.file)?;
        Ok(built)
    }
}

/// Returns the target for which this executable was built. With it, flags do not apply to build scripts and macros, which
/// cannot be linked statically.
fn native_target() -> String {
    format!("{}-unknown-linux-gnu", env::consts::ARCH)
}
