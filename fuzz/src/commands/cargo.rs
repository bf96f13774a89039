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
use crate::toolchain::coverage;
use crate::util::shell::shell_quoted;
use crate::util::workspace;

/// Shown below the help text.
pub const EXAMPLES: &str = "\
Examples:
  sockfuzz cargo build --release                     into target/sockfuzz/release, with the paths of the programs
  sockfuzz cargo install --root tools some-server    a server that is published as a crate
  sockfuzz cargo --coverage build --release          into target/sockfuzz-coverage/release, for sockfuzz cover

Release builds keep their symbols and are not optimised at link time, whatever the profile says: the preload looks for \
AFL++'s runtime in the symbols. Code in C that a crate compiles is not instrumented unless CC is sockfuzz cc, too.

With --coverage, crates are built with -C instrument-coverage instead (rustc's own coverage of source lines), the \
dependencies, too. Such a build is for sockfuzz cover, not for fuzzing.

Exit status: cargo's.";

/// Name of the target directory below the one of the project, so that ordinary builds stay as they are.
const TARGET: &str = "sockfuzz";

/// The same, of builds with coverage of source lines.
const COVERAGE_TARGET: &str = "sockfuzz-coverage";

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
    /// Build with coverage of source lines instead of AFL++'s: for sockfuzz cover
    #[arg(long)]
    pub coverage: bool,
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
/// When cargo-afl is needed and cannot be installed, or cargo cannot be started.
pub fn run(arguments: &CargoArguments) -> Result<u8> {
    let (mut command, target, next) = match arguments.coverage {
        true => (coverage_cargo(), COVERAGE_TARGET, "cover OUT"),
        false => (CargoAfl::find_or_install()?.cargo()?, TARGET, "check"),
    };
    command.args(&arguments.arguments);
    for (variable, value) in PROFILE.iter().filter(|(variable, _)| env::var_os(variable).is_none()) {
        command.env(variable, value);
    }
    let is_build = BUILDS.iter().any(|name| arguments.arguments[0] == *name);
    let given =
        |option: &str| arguments.arguments.iter().any(|word| word.to_string_lossy().starts_with(option));
    if is_build && env::var_os("CARGO_TARGET_DIR").is_none() && !given("--target-dir") {
        command.env("CARGO_TARGET_DIR", project_target(&arguments.arguments)?.join(target));
    }
    let programs = match is_build && !given("--message-format") {
        true => build(command)?,
        false => return Ok(shell_status(command.status().context("cannot start cargo")?)),
    };
    for program in &programs.built {
        let program = shell_quoted([program.as_os_str()]);
        note!("built {program}; next: sockfuzz {next} -- {program} ARGS");
    }
    Ok(programs.exit_code)
}

/// Returns cargo with rustc's own coverage.
fn coverage_cargo() -> Command {
    let mut flags = vec!["-Cinstrument-coverage".to_owned()];
    flags.extend(coverage::LLVM_FUNCTIONS.iter().map(|name| format!("-Clink-arg={}", coverage::kept(name))));
    let mut command = Command::new(workspace::cargo());
    // Cargo takes the flags from the first of these that is set (Cargo reference, "build.rustflags").
    if let Some(encoded) = env::var_os("CARGO_ENCODED_RUSTFLAGS") {
        let all = [encoded, flags.join("\x1f").into()].join("\x1f".as_ref());
        command.env("CARGO_ENCODED_RUSTFLAGS", all);
    } else {
        let users = env::var_os("RUSTFLAGS").unwrap_or_default();
        command.env("RUSTFLAGS", [users, flags.join(" ").into()].join(" ".as_ref()));
    }
    // Build scripts are built with coverage, too, and would write theirs into the project.
    command.env("LLVM_PROFILE_FILE", "/dev/null");
    command
}

struct BuiltPrograms {
    built: Vec<PathBuf>,
    exit_code: u8,
}

/// Runs a build, and reads from its messages which programs there are.
fn build(mut command: Command) -> Result<BuiltPrograms> {
    command.arg("--message-format=json-render-diagnostics").stdout(Stdio::piped());
    let mut cargo = command.spawn().context("cannot start cargo")?;
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
