//! Source tree of sockfuzz. A sockfuzz that runs from the output of cargo builds missing libraries from it, and reads
//! the bundled data there; an installed one has its files inside ([`embedded`]).

use std::env;
use std::ffi::OsString;
use std::fs;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;

use anyhow::{Context, Result};
use sockfuzz_launcher::launch::DICTIONARY_FILE;

use crate::util::embedded;
use crate::util::home_bundle;
use crate::util::interrupt;
use crate::util::notice;
use crate::util::problem::Problem;
use crate::util::user_files;

/// Source tree of sockfuzz, and the directory for its build output.
#[derive(Debug, Clone)]
pub struct Workspace {
    root: PathBuf,
    target: PathBuf,
}

impl Workspace {
    /// Returns the source tree, if this binary is in the output of cargo, not in a bundle, and the tree is still there.
    #[must_use]
    pub fn find() -> Option<Self> {
        if home_bundle::current().is_some() {
            return None;
        }
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent()?;
        let built_into = built_into(root)?;
        let target = env::var_os("CARGO_TARGET_DIR").and_then(|given| std::path::absolute(given).ok());
        root.join("preload/Cargo.toml")
            .exists()
            .then(|| Self { root: root.to_owned(), target: target.unwrap_or(built_into) })
    }

    /// Returns the source tree, or the unpacked files of this executable with a directory of the user for builds.
    ///
    /// # Errors
    /// When the files cannot be unpacked.
    pub fn find_or_unpack() -> Result<Option<Self>> {
        if let Some(found) = Self::find() {
            return Ok(Some(found));
        }
        let Some(unpacked) = embedded::directory()? else { return Ok(None) };
        Ok(Some(Self { root: unpacked.to_owned(), target: user_files::data("build")? }))
    }

    /// Returns a path below the root.
    #[must_use]
    pub fn path(&self, relative: &str) -> PathBuf {
        self.root.join(relative)
    }

    /// Returns a path below the target directory.
    #[must_use]
    pub fn target(&self, relative: &str) -> PathBuf {
        self.target.join(relative)
    }

    /// Returns the time of the latest change below these paths, which are relative to the root.
    #[must_use]
    pub fn newest_change(&self, relative: &[&str]) -> SystemTime {
        relative
            .iter()
            .map(|path| newest_change_below(&self.root.join(path)))
            .max()
            .unwrap_or(SystemTime::UNIX_EPOCH)
    }

    /// Runs a build command in the workspace, with its stdout redirected to stderr.
    ///
    /// # Errors
    /// When the command is missing or fails, or the user interrupts.
    pub fn build(&self, mut command: Command, what: &str) -> Result<()> {
        command.current_dir(&self.root);
        build(command, what)
    }
}

/// Runs a build command, with its stdout redirected to stderr.
///
/// # Errors
/// When the command is missing or fails, or the user interrupts.
pub fn build(mut command: Command, what: &str) -> Result<()> {
    // The command is in the process group of sockfuzz, so Ctrl-C ends it as well.
    notice::print_command(&command);
    let built = command.stdout(std::io::stderr()).status();
    interrupt::check()?;
    if built.with_context(|| format!("cannot start {}", command.get_program().display()))?.success() {
        return Ok(());
    }
    Err(Problem::failed(
        format!("building {what} failed; the output is above"),
        "fix the reported errors, then start again",
    )
    .into())
}

/// Returns the given corpus directory, or the bundled one.
///
/// # Errors
/// When none is given and the bundled one is missing.
pub fn corpus_or_bundled(given: Option<PathBuf>) -> Result<PathBuf> {
    if let Some(given) = given {
        return Ok(given);
    }
    if let Some(bundle) = home_bundle::current() {
        return Ok(bundle.inside(home_bundle::CORPUS));
    }
    let bundled = Workspace::find_or_unpack()?.map(|workspace| workspace.path("corpus/http1"));
    bundled.ok_or_else(|| {
        let what = "the bundled corpus is missing: the source tree is not where sockfuzz was built";
        Problem::failed(what, "give a directory of inputs with -i").into()
    })
}

/// Returns the bundled dictionary, if it is there.
///
/// # Errors
/// When it cannot be unpacked.
pub fn bundled_dictionary() -> Result<Option<PathBuf>> {
    if let Some(bundle) = home_bundle::current() {
        return Ok(Some(bundle.program(DICTIONARY_FILE)));
    }
    Ok(Workspace::find_or_unpack()?.map(|workspace| workspace.path("corpus/http.dict")))
}

/// Returns the cargo on PATH, otherwise the one that runs this process.
#[must_use]
pub fn cargo() -> OsString {
    let on_path = which::which("cargo").is_ok().then(|| "cargo".into());
    on_path.or_else(|| env::var_os("CARGO")).unwrap_or_else(|| "cargo".into())
}

/// Whether there is a cargo.
#[must_use]
pub fn has_cargo() -> bool {
    which::which(cargo()).is_ok()
}

/// Returns options of cargo: on a terminal its progress is shown, in a log only its errors are.
pub fn cargo_verbosity() -> Option<&'static str> {
    (!std::io::stderr().is_terminal()).then_some("--quiet")
}

/// Returns the directory into which cargo built this executable: the default one, or one that cargo has marked as its own.
/// None if the executable was installed.
fn built_into(root: &Path) -> Option<PathBuf> {
    let executable = env::current_exe().ok()?;
    let default = root.join("target");
    let is_output = |directory: &&Path| **directory == default || directory.join("CACHEDIR.TAG").exists();
    executable.ancestors().skip(1).find(is_output).map(Path::to_owned)
}

fn newest_change_below(path: &Path) -> SystemTime {
    let own = fs::metadata(path).and_then(|metadata| metadata.modified()).unwrap_or(SystemTime::UNIX_EPOCH);
    let Ok(entries) = fs::read_dir(path) else {
        return own;
    };
    entries
        .filter_map(Result::ok)
        .map(|entry| newest_change_below(&entry.path()))
        .chain([own])
        .max()
        .unwrap_or(own)
}
