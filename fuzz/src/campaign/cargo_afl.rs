//! cargo-afl: the one on PATH if its version is supported, otherwise one that is installed once below the
//! target directory, together with the AFL++ that it builds.

use std::env;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use rustix::fs::{FlockOperation, flock};

use crate::util::problem::Problem;
use crate::util::workspace::{self, Workspace};

/// The version that sockfuzz installs, and is tested with.
pub const PINNED_VERSION: &str = "0.18.2";

/// The oldest supported version.
const MIN_VERSION: (u32, u32) = (0, 18);

/// A usable cargo-afl.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CargoAfl {
    program: Vec<OsString>,
    environment: Vec<(&'static str, OsString)>,
}

/// State of an installation, by `cargo afl --version`.
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
    /// Finds cargo-afl where it is complete, and installs nothing.
    #[must_use]
    pub fn find() -> Option<Self> {
        let on_path = Self { program: vec![workspace::cargo(), "afl".into()], environment: Vec::new() };
        let own = Workspace::find().map(|workspace| Self::below(workspace.target("cargo-afl")));
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
        let Some(workspace) = Workspace::find() else {
            return Err(Problem::failed(
                "cargo-afl is not installed, or its AFL++ is not built for this compiler",
                format!(
                    "cargo install cargo-afl --version {PINNED_VERSION} --locked --force, then start again"
                ),
            )
            .into());
        };
        let own = Self::below(workspace.target("cargo-afl"));
        // Another sockfuzz that needs it meanwhile waits for the installation.
        let _lock = lock(&workspace)?;
        match own.installation() {
            Installation::Ready => {}
            Installation::WithoutAflPlusPlus => own.build_afl_plus_plus(&workspace)?,
            Installation::Missing => own.install(&workspace)?,
        }
        Ok(own)
    }

    /// A cargo-afl that keeps everything below `root`.
    fn below(root: PathBuf) -> Self {
        Self {
            program: vec![root.join("bin/cargo-afl").into(), "afl".into()],
            environment: vec![("XDG_DATA_HOME", root.join("share").into()), ("CARGO", workspace::cargo())],
        }
    }

    /// The words of the command before a subcommand.
    pub fn program(&self) -> impl Iterator<Item = &OsStr> {
        self.program.iter().map(OsString::as_os_str)
    }

    /// Environment variables that it needs.
    #[must_use]
    pub fn environment(&self) -> &[(&'static str, OsString)] {
        &self.environment
    }

    /// PATH with the directory of this cargo-afl.
    #[must_use]
    pub fn search_path(&self) -> OsString {
        let path = env::var_os("PATH").unwrap_or_default();
        let own = Path::new(&self.program[0]).parent().filter(|parent| parent.is_absolute());
        let parts = own.map(Path::to_owned).into_iter().chain(env::split_paths(&path));
        env::join_paths(parts).unwrap_or(path)
    }

    /// The command, to which a subcommand is added.
    #[must_use]
    pub fn command(&self) -> Command {
        let mut command = Command::new(&self.program[0]);
        command.args(&self.program[1..]).envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }

    fn installation(&self) -> Installation {
        let output = self.command().arg("--version").output();
        output.map_or(Installation::Missing, |output| parse_version(&String::from_utf8_lossy(&output.stdout)))
    }

    fn install(&self, workspace: &Workspace) -> Result<()> {
        let root = workspace.target("cargo-afl");
        eprintln!(
            "sockfuzz: installing cargo-afl {PINNED_VERSION} into {}, once; it takes a minute or more …",
            root.display()
        );
        let mut command = Command::new(workspace::cargo());
        command
            .args(["install", "cargo-afl", "--version", PINNED_VERSION, "--locked", "--force", "--root"])
            .arg(&root)
            .env_remove("CARGO_TARGET_DIR")
            .envs(self.environment.iter().map(|(name, value)| (name, value)));
        workspace.build(command, "cargo-afl")?;
        self.require_ready()
    }

    fn build_afl_plus_plus(&self, workspace: &Workspace) -> Result<()> {
        eprintln!("sockfuzz: building AFL++ for this compiler, once …");
        let mut command = self.command();
        command.args(["config", "--build"]);
        workspace.build(command, "AFL++")?;
        self.require_ready()
    }

    /// An installation whose AFL++ failed to build counts as success for cargo.
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

/// The right to install, until it is dropped.
fn lock(workspace: &Workspace) -> Result<File> {
    let path = workspace.target("cargo-afl.lock");
    let file = File::create(&path).with_context(|| format!("cannot write {}", path.display()))?;
    flock(&file, FlockOperation::LockExclusive).with_context(|| format!("cannot lock {}", path.display()))?;
    Ok(file)
}

/// Reads `cargo-afl 0.18.2 (AFL++ version 4.40c)`; the parenthesis is missing where AFL++ is.
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
