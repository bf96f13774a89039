//! Finding the preload library, or building it: beside the executable, named by the user, or
//! from the workspace.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;
use sockfuzz_contract::PRELOAD_FILE;

use crate::problem::Problem;
use crate::workspace::{self, Workspace};

/// What the library is compiled from, relative to the workspace.
const SOURCES: &[&str] =
    &["preload/src", "preload/Cargo.toml", "preload/contract/src", "preload/contract/Cargo.toml"];

/// The library's path: the given one, or the one that belongs to this executable. In a workspace
/// it is built when it is missing or older than its sources.
///
/// # Errors
/// When there is none and none can be built.
pub fn locate(given: Option<&Path>) -> Result<PathBuf> {
    if let Some(given) = given {
        return fs::canonicalize(given).map_err(|error| {
            let what = format!("the preload library {} cannot be used: {error}", given.display());
            let remedy = format!("give the path of {PRELOAD_FILE}, or leave --preload away");
            Problem::failed(what, remedy).into()
        });
    }
    let beside = env::current_exe()
        .ok()
        .map(|executable| executable.with_file_name(PRELOAD_FILE))
        .filter(|path| path.exists());
    match (Workspace::find(), beside) {
        (Some(workspace), beside) => from_workspace(&workspace, beside),
        (None, Some(beside)) => Ok(beside),
        (None, None) => Err(Problem::failed(
            format!("{PRELOAD_FILE} is not beside the sockfuzz executable"),
            "copy it there from target/release, or give its path with --preload",
        )
        .into()),
    }
}

fn from_workspace(workspace: &Workspace, beside: Option<PathBuf>) -> Result<PathBuf> {
    let built = workspace.target("release").join(PRELOAD_FILE);
    let changed = workspace.newest_change(SOURCES);
    let current = |path: &PathBuf| {
        fs::metadata(path).and_then(|metadata| metadata.modified()).is_ok_and(|modified| modified >= changed)
    };
    if let Some(path) = beside.into_iter().chain([built.clone()]).find(current) {
        return Ok(path);
    }
    eprintln!("sockfuzz: building {PRELOAD_FILE} …");
    let mut command = Command::new(workspace::cargo());
    command
        .args(["build", "--release", "--quiet", "--package", "sockfuzz-preload"])
        .arg("--target-dir")
        .arg(workspace.target(""));
    workspace.build(command, PRELOAD_FILE)?;
    Ok(built)
}
