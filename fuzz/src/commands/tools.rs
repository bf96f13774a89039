//! `sockfuzz afl` and `sockfuzz env`: AFL++'s own tools, and the environment for a shell.

use std::env;
use std::ffi::{OsStr, OsString};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};
use clap::Args;

use crate::campaign::cargo_afl::CargoAfl;
use crate::server::command::preload_list;
use crate::toolchain::runtime;
use crate::util::problem::Problem;
use crate::util::shell::shell_quoted;
use crate::util::{exit_code, preload};

/// Shown below the help text of `afl`.
pub const AFL_EXAMPLES: &str = "\
Examples:
  sockfuzz afl fuzz -i seeds -o out -- ./server ARGS
  sockfuzz afl cmin -i out/default/queue -o small -- ./server ARGS
  sockfuzz afl tmin -i out/default/crashes/id:000000,… -o small.bin -- ./server ARGS
  sockfuzz afl showmap -o map -i seeds -- ./server ARGS
  sockfuzz afl plot out/default plots
  sockfuzz afl whatsup out

The tools that run a server get the preload library by AFL_PRELOAD. There is no sandbox: for that, use sockfuzz fuzz.

Exit status: the tool's.";

/// Shown below the help text of `env`.
pub const ENV_EXAMPLES: &str = "\
Example:
  eval \"$(sockfuzz env)\"
  ./configure && make && cargo afl fuzz -i seeds -o out -- ./server ARGS

It installs cargo-afl and its AFL++ if they are missing.";

/// Tools of AFL++ that run the server.
const RUNNERS: &[&str] = &["fuzz", "cmin", "tmin", "showmap", "analyze"];

/// Tool of AFL++ that is a Python script.
const PYTHON_TOOL: &str = "cmin";

/// Variable with libraries that AFL++'s tools preload into the server.
const PRELOAD_VARIABLE: &str = "AFL_PRELOAD";

/// Arguments of `afl`.
#[derive(Debug, Args)]
pub struct AflArguments {
    /// The tool (fuzz, cmin, tmin, showmap, plot, whatsup, …) and its arguments
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, required = true, value_name = "TOOL ARGS")]
    pub arguments: Vec<OsString>,
}

/// Becomes the tool.
///
/// # Errors
/// When cargo-afl cannot be installed, or the preload library cannot be found.
pub fn run_afl(arguments: &AflArguments) -> Result<u8> {
    if arguments.arguments[0] == PYTHON_TOOL && which::which("python3").is_err() {
        let what = format!("AFL++'s {PYTHON_TOOL} is a Python script, and there is no python3 on PATH");
        return Err(Problem::failed(what, "install it (apt-get install python3)").into());
    }
    let cargo_afl = CargoAfl::find_or_install()?;
    let words = cargo_afl.tool(&arguments.arguments[0]);
    let mut command = Command::new(&words[0]);
    command.args(&words[1..]).args(&arguments.arguments[1..]).envs(cargo_afl.environment());
    if RUNNERS.iter().any(|tool| arguments.arguments[0] == *tool) {
        command.env(PRELOAD_VARIABLE, preload_list(PRELOAD_VARIABLE, None, &preload::locate(None)?));
    }
    Err(command.exec()).with_context(|| format!("cannot start {}", words[0].display()))
}

/// Prints lines for a shell.
///
/// # Errors
/// When cargo-afl cannot be installed, or the preload library cannot be found.
pub fn run_env() -> Result<u8> {
    runtime::find_or_install()?;
    let cargo_afl = CargoAfl::find_or_install()?;
    let program = shell_quoted([env::current_exe()?.as_os_str()]);
    let preload: PathBuf = preload::locate(None)?;
    let variables = [
        ("CC", OsString::from(format!("{program} cc"))),
        ("CXX", OsString::from(format!("{program} c++"))),
        (PRELOAD_VARIABLE, preload.into()),
        ("PATH", cargo_afl.search_path()),
    ];
    let own = cargo_afl.environment().filter(|(name, _)| *name != "CARGO");
    for (name, value) in variables.into_iter().chain(own) {
        println!("export {name}={}", shell_quoted([AsRef::<OsStr>::as_ref(&value)]));
    }
    Ok(exit_code::OK)
}
