//! `sockfuzz cargo`: cargo with AFL++'s instrumentation, in a target directory of its own.

use std::env;
use std::ffi::OsString;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context, Result};
use clap::Args;
use serde::Deserialize;

use crate::campaign::cargo_afl::CargoAfl;
use crate::note;
use crate::server::diagnose::shell_status;
use crate::util::shell::shell_quoted;
use crate::util::workspace;

/// Shown below the help text.
pub const EXAMPLES: &str = "\
Examples:
  sockfuzz cargo build --release                     into target/sockfuzz/release, with the paths of the programs
  sockfuzz cargo install --root tools some-server    a server that is published as a crate

Release builds keep their symbols and are not optimised at link time, whatever the profile says: the preload looks for \
AFL++'s runtime in the symbols. Code in C that a crate compiles is not instrumented unless CC is sockfuzz cc, too.

Exit status: cargo's.";

/// Name of the target directory below the one of the project, so that ordinary builds stay as they are.
const TARGET: &str = "sockfuzz";

/// Subcommands that take a target directory from the environment and tell which programs they have built.
const BUILDS: &[&str] = &["build", "b", "rustc"];

/// Settings of the release profile that keep the runtime visible (Cargo reference, "Profiles").
const PROFILE: &[(&str, &str)] = &[
    ("CARGO_PROFILE_RELEASE_STRIP", "none"),
    ("CARGO_PROFILE_RELEASE_LTO", "off"),
    ("CARGO_PROFILE_RELEASE_DEBUG", "line-tables-only"),
];

/// Arguments of `cargo`.
#[derive(Debug, Args)]
pub struct CargoArguments {
    /// Arguments of cargo, its subcommand first
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, required = true, value_name = "ARGS")]
    pub arguments: Vec<OsString>,
}

/// The parts of cargo's messages that are read here (Cargo reference, "External tools").
#[derive(Debug, Deserialize)]
struct Artifact {
    executable: Option<PathBuf>,
}

/// The part of `cargo metadata` that is read here.
#[derive(Debug, Deserialize)]
struct Metadata {
    target_directory: PathBuf,
}

/// Runs cargo to its end.
///
/// # Errors
/// When cargo-afl cannot be installed, or cargo cannot be started.
pub fn run(arguments: &CargoArguments) -> Result<u8> {
    let cargo_afl = CargoAfl::find_or_install()?;
    let mut command = cargo_afl.cargo()?;
    command.args(&arguments.arguments);
    for (variable, value) in PROFILE.iter().filter(|(variable, _)| env::var_os(variable).is_none()) {
        command.env(variable, value);
    }
    let is_build = BUILDS.iter().any(|name| arguments.arguments[0] == *name);
    let given =
        |option: &str| arguments.arguments.iter().any(|word| word.to_string_lossy().starts_with(option));
    if is_build && env::var_os("CARGO_TARGET_DIR").is_none() && !given("--target-dir") {
        command.env("CARGO_TARGET_DIR", project_target(&arguments.arguments)?.join(TARGET));
    }
    let programs = match is_build && !given("--message-format") {
        true => build(command)?,
        false => return Ok(shell_status(command.status().context("cannot start cargo-afl")?)),
    };
    for program in &programs.built {
        let program = shell_quoted([program.as_os_str()]);
        note!("built {program}; next: sockfuzz check -- {program} ARGS");
    }
    Ok(programs.exit_code)
}

struct BuiltPrograms {
    built: Vec<PathBuf>,
    exit_code: u8,
}

/// Runs a build, and reads from its messages which programs there are.
fn build(mut command: Command) -> Result<BuiltPrograms> {
    command.arg("--message-format=json-render-diagnostics").stdout(Stdio::piped());
    let mut cargo = command.spawn().context("cannot start cargo-afl")?;
    let messages = BufReader::new(cargo.stdout.take().context("cargo's messages cannot be read")?);
    let artifacts =
        messages.lines().map_while(Result::ok).filter_map(|line| serde_json::from_str(&line).ok());
    let built = artifacts.filter_map(|artifact: Artifact| artifact.executable).collect();
    Ok(BuiltPrograms { built, exit_code: shell_status(cargo.wait()?) })
}

/// The target directory of the project that the arguments mean.
fn project_target(arguments: &[OsString]) -> Result<PathBuf> {
    let mut command = Command::new(workspace::cargo());
    command.args(["metadata", "--no-deps", "--format-version", "1"]);
    let manifest = arguments.windows(2).find(|pair| pair[0] == "--manifest-path");
    command.args(manifest.into_iter().flatten());
    let output = command.stderr(Stdio::inherit()).output().context("cannot start cargo")?;
    let metadata: Metadata = serde_json::from_slice(&output.stdout)
        .context("cargo metadata did not say where this project is built")?;
    Ok(metadata.target_directory)
}
