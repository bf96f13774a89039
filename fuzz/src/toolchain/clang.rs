//! Search for clang. AFL++'s runtime takes calls that clang inserts (SanitizerCoverage.html of clang, "trace-pc-guard");
//! gcc has no such option.

use std::env;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};

use crate::util::problem::Problem;

/// Command that installs clang on Debian and its relatives.
const INSTALL: &[&str] = &["apt-get", "install", "--yes", "--no-install-recommends", "clang", "llvm"];

/// Language of a compiler.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// C.
    C,
    /// C++.
    Cxx,
}

impl Language {
    /// Returns the name of gcc's driver for this language.
    #[must_use]
    pub const fn gcc_driver(self) -> &'static str {
        match self {
            Self::C => "gcc",
            Self::Cxx => "g++",
        }
    }

    /// Returns the name of clang's driver for this language.
    #[must_use]
    pub const fn driver(self) -> &'static str {
        match self {
            Self::C => "clang",
            Self::Cxx => "clang++",
        }
    }
}

/// Returns the newest clang on PATH, or checks that `given` is one.
///
/// # Errors
/// When there is none, or the given compiler is another one.
pub fn find(language: Language, given: Option<&OsStr>) -> Result<PathBuf> {
    match given {
        Some(given) => require_clang(given),
        None => {
            let path = env::var_os("PATH").unwrap_or_default();
            newest(language, env::split_paths(&path)).ok_or_else(|| missing(language).into())
        }
    }
}

/// Returns the driver with the highest version in its name (`clang-19`); otherwise the first one without a version.
fn newest(language: Language, directories: impl Iterator<Item = PathBuf>) -> Option<PathBuf> {
    let files = directories.filter_map(|directory| fs::read_dir(directory).ok()).flatten().flatten();
    let drivers = files.filter_map(|file| Some((version(language, &file.file_name())?, file.path())));
    drivers.reduce(|best, next| if next.0 > best.0 { next } else { best }).map(|(_, path)| path)
}

/// Returns the version in the name of a driver, which may have none. `None` for another program.
fn version(language: Language, name: &OsStr) -> Option<Option<u32>> {
    match name.as_bytes().strip_prefix(language.driver().as_bytes())? {
        b"" => Some(None),
        rest => str::from_utf8(rest).ok()?.strip_prefix('-')?.parse().ok().map(Some),
    }
}

fn require_clang(given: &OsStr) -> Result<PathBuf> {
    let output = Command::new(given)
        .arg("--version")
        .output()
        .with_context(|| format!("cannot start the compiler {}", given.display()))?;
    if memchr::memmem::find(&output.stdout, b"clang").is_some() {
        return Ok(given.into());
    }
    let what = format!(
        "{} is not clang: it cannot insert the calls that AFL++'s runtime takes (-fsanitize-coverage=trace-pc-guard)",
        given.display()
    );
    Err(Problem::failed(what, "leave --clang out for the newest clang on PATH, or name a clang").into())
}

fn missing(language: Language) -> Problem {
    Problem::failed(
        format!("{} is not on PATH; gcc cannot instrument a server for AFL++", language.driver()),
        "install clang; on Debian, as root: sockfuzz cc --install-deps",
    )
}

/// Installs clang by apt-get.
///
/// # Errors
/// Another user than root, a system without apt-get, and an installation that fails.
pub fn install() -> Result<()> {
    if !rustix::process::geteuid().is_root() {
        let remedy = format!("run as root: {}", INSTALL.join(" "));
        return Err(Problem::failed("--install-deps needs root", remedy).into());
    }
    let run = |words: &[&str]| {
        Command::new(words[0])
            .args(&words[1..])
            .env("DEBIAN_FRONTEND", "noninteractive")
            .status()
            .context("cannot start apt-get: --install-deps is for Debian and its relatives")
    };
    // A package list that is unreachable may be one that is not needed.
    run(&["apt-get", "update"])?;
    if run(INSTALL)?.success() {
        return Ok(());
    }
    Err(Problem::failed("apt-get failed; its messages are above", "correct the cause, then start again")
        .into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn newest_version_is_found() {
        let directory = tempfile::tempdir().expect("a directory");
        let create = |name: &str| fs::write(directory.path().join(name), "").expect("writable");
        let found = || {
            let path = newest(Language::C, [directory.path().to_owned()].into_iter())?;
            Some(path.file_name().expect("a name").to_string_lossy().into_owned())
        };
        assert_eq!(found(), None);
        ["clang", "clang++", "clang-tidy", "clangd-21"].into_iter().for_each(create);
        assert_eq!(found().as_deref(), Some("clang"));
        ["clang-9", "clang-14", "clang-cpp-19"].into_iter().for_each(create);
        assert_eq!(found().as_deref(), Some("clang-14"));
    }

    #[test]
    fn other_compilers_are_refused_with_the_reason() {
        let error = find(Language::C, Some(OsStr::new("true"))).expect_err("no clang");
        assert!(error.to_string().contains("is not clang: it cannot insert the calls"), "{error}");
    }
}
