//! Build system of a directory: how its server is built with instrumentation, and what it builds.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result};
use serde::Deserialize;

use crate::util::problem::Problem;
use crate::util::shell::shell_quoted;
use crate::util::workspace;

/// Files that tell the build system, and the commands that build with instrumentation; what is generated comes first.
const SYSTEMS: &[(&str, &str)] = &[
    (
        "CMakeLists.txt",
        "CC='sockfuzz cc' CXX='sockfuzz c++' cmake -B build-sockfuzz && cmake --build build-sockfuzz",
    ),
    (
        "meson.build",
        "test -d build-sockfuzz || CC='sockfuzz cc' CXX='sockfuzz c++' meson setup build-sockfuzz; ninja -C build-sockfuzz",
    ),
    ("configure", "test -e Makefile || ./configure CC='sockfuzz cc' CXX='sockfuzz c++'; make"),
    (
        "configure.ac",
        "test -e configure || autoreconf -i; test -e Makefile || ./configure CC='sockfuzz cc'; make",
    ),
    ("Makefile", "make CC='sockfuzz cc' CXX='sockfuzz c++'"),
    ("GNUmakefile", "make CC='sockfuzz cc' CXX='sockfuzz c++'"),
];

/// Directory of the programs that `sockfuzz cargo build --release` builds, below the target directory.
const CARGO_PROGRAMS: &str = "sockfuzz/release";

/// How a server is built.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Build {
    /// Command line for a shell.
    pub line: String,
    /// The program, if the build system tells.
    pub program: Option<PathBuf>,
}

/// The parts of `cargo metadata` that are read here (cargo-metadata(1)).
#[derive(Debug, Deserialize)]
struct CargoMetadata {
    target_directory: PathBuf,
    packages: Vec<CargoPackage>,
}

#[derive(Debug, Deserialize)]
struct CargoPackage {
    default_run: Option<String>,
    targets: Vec<CargoTarget>,
}

#[derive(Debug, Deserialize)]
struct CargoTarget {
    name: String,
    kind: Vec<String>,
}

impl Build {
    /// Looks for a build system in a directory. Of several programs of cargo, `bin` chooses one.
    ///
    /// # Errors
    /// A Cargo project that cannot be read, and one from which no program can be chosen.
    pub fn find(directory: &Path, bin: Option<&str>) -> Result<Option<Self>> {
        if directory.join("Cargo.toml").is_file() {
            return of_cargo(directory, bin).map(Some);
        }
        let system = SYSTEMS.iter().find(|(file, _)| directory.join(file).is_file());
        Ok(system.map(|(_, line)| Self { line: (*line).to_owned(), program: None }))
    }
}

fn of_cargo(directory: &Path, bin: Option<&str>) -> Result<Build> {
    let mut command = Command::new(workspace::cargo());
    command.args(["metadata", "--no-deps", "--format-version", "1"]).current_dir(directory);
    let output = command.stderr(Stdio::inherit()).output().context("cannot start cargo")?;
    let metadata: CargoMetadata =
        serde_json::from_slice(&output.stdout).context("cargo metadata did not describe this project")?;
    let name = choose(&metadata.packages, bin)?;
    let program = metadata.target_directory.join(CARGO_PROGRAMS).join(&name);
    let program = program.strip_prefix(directory).map_or(program.clone(), Path::to_owned);
    let line = format!("sockfuzz cargo build --release --bin {}", shell_quoted([name.as_ref()]));
    Ok(Build { line, program: Some(program) })
}

/// Chooses a program of the packages: the given one, the only one, or the only one that `cargo run` runs.
fn choose(packages: &[CargoPackage], bin: Option<&str>) -> Result<String, Problem> {
    let is_bin = |target: &&CargoTarget| target.kind.iter().any(|kind| kind == "bin");
    let targets = packages.iter().flat_map(|package| &package.targets);
    let names: Vec<_> = targets.filter(is_bin).map(|target| target.name.as_str()).collect();
    let defaults: Vec<_> = packages.iter().filter_map(|package| package.default_run.as_deref()).collect();
    let listed = || names.join(", ");
    match (bin, &names[..], &defaults[..]) {
        (Some(bin), _, _) if names.contains(&bin) => Ok(bin.to_owned()),
        (Some(bin), _, _) => {
            let what = format!("this Cargo project has no program {bin}");
            Err(Problem::failed(what, format!("choose one with --bin: {}", listed())))
        }
        (None, [name], _) | (None, _, [name]) => Ok((*name).to_owned()),
        (None, [], _) => Err(Problem::failed(
            "this Cargo project has no program",
            "start sockfuzz init in the project of a server, or give the server: sockfuzz init -- ./server ARGS",
        )),
        (None, _, _) => Err(Problem::failed(
            format!("this Cargo project has several programs: {}", listed()),
            "choose the server with --bin NAME",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(default_run: Option<&str>, names: &[&str]) -> CargoPackage {
        let target = |name: &&str| CargoTarget { name: (*name).to_owned(), kind: vec!["bin".to_owned()] };
        CargoPackage {
            default_run: default_run.map(str::to_owned),
            targets: names.iter().map(target).collect(),
        }
    }

    #[test]
    fn the_only_program_or_that_of_cargo_run_is_chosen() {
        let choose = |package: CargoPackage, bin| choose(&[package], bin);
        assert_eq!(choose(package(None, &["a"]), None), Ok("a".to_owned()));
        assert_eq!(choose(package(Some("b"), &["a", "b"]), None), Ok("b".to_owned()));
        assert_eq!(choose(package(None, &["a", "b"]), Some("b")), Ok("b".to_owned()));
        let several = choose(package(None, &["a", "b"]), None).expect_err("two").to_string();
        assert!(several.contains("a, b") && several.contains("--bin"), "{several}");
        assert!(choose(package(None, &["a"]), Some("c")).is_err());
    }

    #[test]
    fn other_build_systems_are_known_by_their_files() {
        let directory = tempfile::tempdir().expect("tempdir");
        assert_eq!(Build::find(directory.path(), None).expect("readable"), None);
        std::fs::write(directory.path().join("Makefile"), "").expect("written");
        let build = Build::find(directory.path(), None).expect("readable").expect("make");
        assert_eq!(build.line, "make CC='sockfuzz cc' CXX='sockfuzz c++'");
    }
}
