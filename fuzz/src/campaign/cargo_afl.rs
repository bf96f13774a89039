//! Installation of cargo-afl. In a bundle, the bundle's own AFL++; elsewhere the cargo-afl on PATH if its version is
//! supported, otherwise one that is installed once below the target directory or the user's data directory, together with
//! the AFL++ that it builds.

use std::env;
use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use rustix::fs::{FlockOperation, flock};
use sockfuzz_launcher::description::PROGRAMS;

use crate::note;
use crate::util::home_bundle;
use crate::util::problem::Problem;
use crate::util::user_files;
use crate::util::workspace::{self, Workspace};

/// Version that sockfuzz installs and is tested with.
pub const PINNED_VERSION: &str = "0.18.2";

/// Name of the directory of the cargo-afl that sockfuzz installs.
const OWN: &str = "cargo-afl";

/// Oldest supported version.
const MIN_VERSION: (u32, u32) = (0, 18);

/// A usable cargo-afl.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CargoAfl {
    /// Words before the name of a tool; none if AFL++'s own programs are used.
    program: Vec<OsString>,
    /// Directory of these programs; none if they are on PATH.
    tools: Option<PathBuf>,
    environment: Vec<(&'static str, OsString)>,
}

/// State of an installation, according to `cargo afl --version`.
#[derive(Debug, PartialEq, Eq)]
enum Installation {
    /// It does not run, or is too old.
    Missing,
    /// It runs, but its AFL++ was not built for this compiler.
    WithoutAflPlusPlus,
    /// It is complete.
    Ready,
}

impl CargoAfl {
    /// Finds a complete cargo-afl, and installs nothing.
    #[must_use]
    pub fn find() -> Option<Self> {
        if let Some(bundle) = home_bundle::current() {
            return Some(Self::of_tools(Some(bundle.inside(PROGRAMS))));
        }
        let program = vec![workspace::cargo(), "afl".into()];
        let on_path = Self { program, tools: None, environment: Vec::new() };
        let own = own_root().ok().map(|root| Self::below(&root));
        std::iter::once(on_path).chain(own).find(|found| found.installation() == Installation::Ready)
    }

    /// Finds cargo-afl, or installs it.
    ///
    /// # Errors
    /// When there is none, and none can be installed.
    pub fn find_or_install() -> Result<Self> {
        if let Some(found) = Self::find() {
            return Ok(found);
        }
        if !workspace::has_cargo() {
            return match which::which("afl-fuzz") {
                Ok(_) => Ok(Self::of_tools(None)),
                Err(_) => Err(without_cargo("afl-fuzz is not on PATH").into()),
            };
        }
        let root = own_root()?;
        let own = Self::below(&root);
        // Other sockfuzz processes that need cargo-afl wait here for the installation.
        let _lock = lock(&root)?;
        match own.installation() {
            Installation::Ready => {}
            Installation::WithoutAflPlusPlus => own.build_afl_plus_plus()?,
            Installation::Missing => own.install(&root)?,
        }
        Ok(own)
    }

    /// Returns AFL++'s own programs, on PATH or in a directory.
    fn of_tools(tools: Option<PathBuf>) -> Self {
        Self { program: Vec::new(), tools, environment: Vec::new() }
    }

    /// Whether tools are started by cargo-afl, which adds options to those of afl-fuzz.
    #[must_use]
    pub fn adds_options(&self) -> bool {
        !self.program.is_empty()
    }

    /// Returns a cargo-afl that keeps all its files below `root`.
    fn below(root: &Path) -> Self {
        Self {
            program: vec![root.join("bin/cargo-afl").into(), "afl".into()],
            tools: None,
            environment: vec![("XDG_DATA_HOME", root.join("share").into()), ("CARGO", workspace::cargo())],
        }
    }

    /// Returns the words of the command that runs a tool of AFL++: `cargo afl fuzz`, or `afl-fuzz` where there is no cargo.
    #[must_use]
    pub fn tool(&self, name: &OsStr) -> Vec<OsString> {
        let mut words = self.program.clone();
        let mut last = OsString::from(if words.is_empty() { "afl-" } else { "" });
        last.push(name);
        words.push(match &self.tools {
            Some(tools) => tools.join(last).into(),
            None => last,
        });
        words
    }

    /// Returns the environment variables that cargo-afl needs.
    pub fn environment(&self) -> impl Iterator<Item = (&'static str, OsString)> + '_ {
        self.environment.iter().cloned()
    }

    /// Returns PATH with the directory of this cargo-afl.
    #[must_use]
    pub fn search_path(&self) -> OsString {
        let path = env::var_os("PATH").unwrap_or_default();
        let program = self.program.first().map(Path::new);
        let own = program.and_then(Path::parent).filter(|parent| parent.is_absolute());
        let parts = own.map(Path::to_owned).into_iter().chain(env::split_paths(&path));
        env::join_paths(parts).unwrap_or(path)
    }

    /// Returns the command, to which the caller adds a subcommand of cargo-afl.
    ///
    /// # Errors
    /// Where there is no cargo.
    pub fn cargo(&self) -> Result<Command, Problem> {
        match self.program.is_empty() {
            true => Err(without_cargo("cargo is not on PATH")),
            false => Ok(self.command()),
        }
    }

    /// Returns the command of a cargo-afl.
    ///
    /// # Panics
    /// Where there is no cargo.
    #[must_use]
    pub fn command(&self) -> Command {
        let mut command = Command::new(&self.program[0]);
        command.args(&self.program[1..]).envs(self.environment());
        command
    }

    fn installation(&self) -> Installation {
        let output = self.command().arg("--version").output();
        output.map_or(Installation::Missing, |output| parse_version(&String::from_utf8_lossy(&output.stdout)))
    }

    fn install(&self, root: &Path) -> Result<()> {
        note!(
            "installing cargo-afl {PINNED_VERSION} into {}, once; this takes a minute or more …",
            root.display()
        );
        let mut command = Command::new(workspace::cargo());
        command
            .args(["install", "cargo-afl", "--version", PINNED_VERSION, "--locked", "--force", "--root"])
            .arg(root)
            .env_remove("CARGO_TARGET_DIR")
            .envs(self.environment());
        workspace::build(command, "cargo-afl")?;
        self.require_ready()
    }

    fn build_afl_plus_plus(&self) -> Result<()> {
        note!("building AFL++ for this compiler, once …");
        let mut command = self.command();
        command.args(["config", "--build"]);
        workspace::build(command, "AFL++")?;
        self.require_ready()
    }

    /// Checks that AFL++ was built, because cargo reports success even if that build fails.
    fn require_ready(&self) -> Result<()> {
        if self.installation() == Installation::Ready {
            return Ok(());
        }
        Err(Problem::failed(
            "AFL++ could not be built for cargo-afl",
            "install a C compiler and make, then start again",
        )
        .into())
    }
}

/// Returns the directory of the cargo-afl that sockfuzz installs: in the workspace, otherwise in the user's data directory.
fn own_root() -> Result<PathBuf> {
    match Workspace::find() {
        Some(workspace) => Ok(workspace.target(OWN)),
        None => Ok(user_files::data(OWN)?),
    }
}

fn without_cargo(what: &str) -> Problem {
    Problem::failed(
        format!("{what}: this command needs it"),
        "install Rust (https://rustup.rs), from which sockfuzz gets AFL++. Without cargo, sockfuzz run, check and replay \
         work, and sockfuzz fuzz works with an afl-fuzz on PATH (Debian: apt-get install afl++)",
    )
}

/// Returns the directories in which a cargo-afl may keep its files (XDG_DATA_HOME): the one of sockfuzz first.
#[must_use]
pub fn data_directories() -> Vec<PathBuf> {
    let own = own_root().ok().map(|root| root.join("share"));
    own.into_iter().chain(user_files::data_home()).collect()
}

/// Takes the lock for installations, which is released when the file is dropped.
fn lock(root: &Path) -> Result<File> {
    let path = root.with_extension("lock");
    let created = path.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| File::create(&path));
    let file = created.with_context(|| format!("cannot write {}", path.display()))?;
    flock(&file, FlockOperation::LockExclusive).with_context(|| format!("cannot lock {}", path.display()))?;
    Ok(file)
}

/// Parses a version such as `cargo-afl 0.18.2 (AFL++ version 4.40c)`, without parentheses if AFL++ is missing.
fn parse_version(version: &str) -> Installation {
    let number = || {
        let mut parts = version.split_whitespace().nth(1)?.split('.');
        Some((parts.next()?.parse::<u32>().ok()?, parts.next()?.parse::<u32>().ok()?))
    };
    match number() {
        Some(number) if number >= MIN_VERSION && version.contains("AFL++ version") => Installation::Ready,
        Some(number) if number >= MIN_VERSION => Installation::WithoutAflPlusPlus,
        _ => Installation::Missing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_parsed() {
        assert_eq!(parse_version("cargo-afl 0.18.2 (AFL++ version 4.40c)\n"), Installation::Ready);
        assert_eq!(parse_version("cargo-afl 0.18.2\n"), Installation::WithoutAflPlusPlus);
        assert_eq!(parse_version("cargo-afl 0.15.9 (AFL++ version 4.21c)"), Installation::Missing);
        assert_eq!(parse_version("cargo-afl 1.0.0 (AFL++ version 5.0)"), Installation::Ready);
        assert_eq!(parse_version(""), Installation::Missing);
    }
}
