//! `sockfuzz init`: writes the project file, by asking the server.

mod trial;

use std::env;
use std::ffi::OsString;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result};
use clap::Args;
use sockfuzz_protocol::specs;

use self::trial::Trial;
use crate::commands::server_setup::SetupArguments;
use crate::options::{self, PreloadArguments};
use crate::project::FILE_NAME;
use crate::project::build_system::Build;
use crate::project::first_file::FirstFile;
use crate::util::problem::Problem;
use crate::util::shell::shell_quoted;
use crate::util::{exit_code, interrupt, preload};

/// Shown below the help text.
pub const EXAMPLES: &str = "\
Examples:
  sockfuzz init                              a Cargo project with one program
  sockfuzz init --bin web -- --port 8080     one with several; arguments of the program
  sockfuzz init -- ./server -f server.conf   any server, for example one that make builds
  sockfuzz fuzz                              from then on, here and in directories below

The server is built if its program is missing (and in a Cargo project), started as it is, and asked for one answer; then \
started in the sandbox, through the preload. What is found goes into sockfuzz.toml: the build, the listener, directories that it \
must write to, and the given options and variables. If something is missing, it is told with its remedy, and the file has what \
is known. An existing sockfuzz.toml is never changed.

Exit status: 0 when sockfuzz fuzz can start, 12 if the server is not instrumented, 10 to 17 for one that cannot be fuzzed (see \
sockfuzz --help), 1 when the build fails or it is not known what the server is.";

/// Output directory of a campaign, if the file names none.
const OUTPUT: &str = "out";

/// Arguments of `init`.
#[derive(Debug, Args)]
pub struct InitArguments {
    /// Program of a Cargo project with several
    #[arg(long, value_name = "NAME")]
    pub bin: Option<String>,
    /// Time limit until the server listens, and for its answer, in seconds
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = options::seconds)]
    pub timeout: Duration,
    /// What the server needs before it starts.
    #[command(flatten)]
    pub setup: SetupArguments,
    /// The preload and its options.
    #[command(flatten)]
    pub preload: PreloadArguments,
    /// The server and its arguments; in a Cargo project, arguments of its program suffice
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "SERVER ARGS")]
    pub server: Vec<OsString>,
}

/// Writes the file.
///
/// # Errors
/// A file that exists, and a server that is not known.
pub fn run(arguments: &InitArguments) -> Result<u8> {
    let here = env::current_dir().context("the working directory is gone")?;
    FirstFile::require_none(&here)?;
    let (server, build) = server_and_build(arguments, &here)?;
    let is_missing = which::which(&server[0]).is_err();
    let is_built_by_cargo = build.as_ref().is_some_and(|build| build.program.is_some());
    let is_built =
        !arguments.setup.no_build && (is_built_by_cargo || is_missing || arguments.setup.build.is_some());
    let setup = SetupArguments {
        build: build.as_ref().map(|build| build.line.clone()).filter(|_| is_built),
        no_build: false,
        env: arguments.setup.env.clone(),
    };
    let mut file = FirstFile {
        server: shell_quoted(server.iter().map(OsString::as_os_str)),
        build: build.map(|build| build.line),
        is_suggestion: !is_built,
        options: arguments.preload.options.named(),
        variables: setup.env.iter().cloned().collect(),
        ..FirstFile::default()
    };
    println!("server  {}", file.server);
    let asked = ask(arguments, &setup, &server, &mut file);
    interrupt::check()?;
    file.missing = asked.as_ref().err().map(|error| format!("{error:#}"));
    file.write(&here)?;
    println!("written {FILE_NAME}");
    if let Some(advice) = ignore_advice(&here) {
        println!("        {advice}");
    }
    asked?;
    println!("next    sockfuzz fuzz");
    Ok(exit_code::OK)
}

/// Returns the server's command line, and how it is built.
fn server_and_build(arguments: &InitArguments, here: &Path) -> Result<(Vec<OsString>, Option<Build>)> {
    let given = &arguments.server;
    let is_program = given.first().is_some_and(|word| which::which(word).is_ok());
    let mut build = match Build::find(here, arguments.bin.as_deref()) {
        // The program is known without it.
        Err(_) if is_program => None,
        other => other?,
    };
    let program = build.as_ref().and_then(|build| build.program.clone()).filter(|_| !is_program);
    if let Some(line) = &arguments.setup.build {
        build = Some(Build { line: line.clone(), program: None });
    }
    let server: Vec<_> = program.map(Into::into).into_iter().chain(given.iter().cloned()).collect();
    if server.is_empty() {
        let what = match &build {
            Some(build) => {
                format!("it is not known which program is the server; it could be built by: {}", build.line)
            }
            None => "there is no build system that names a server".to_owned(),
        };
        return Err(Problem::failed(what, "give its command line: sockfuzz init -- ./server ARGS").into());
    }
    Ok((server, build))
}

/// Builds and starts the server, and puts into the file what is found.
fn ask(
    arguments: &InitArguments,
    setup: &SetupArguments,
    server: &[OsString],
    file: &mut FirstFile,
) -> Result<()> {
    let server = setup.server(server)?;
    let library = preload::locate(arguments.preload.preload.as_deref())?;
    let trial = Trial { server: &server, library: &library, timeout: arguments.timeout };
    let inspection = trial.inspect()?;
    let options = &arguments.preload.options;
    let ports = trial.find_ports(options)?;
    file.writable = trial.find_writable(options, &ports)?;
    // What is given stands among the options already.
    if !file.options.contains_key(specs::PORT.flag) {
        file.ports = ports;
    }
    if !file.writable.is_empty() {
        file.options.remove(specs::WRITABLE.flag);
    }
    inspection.require_instrumentation(false)
}

/// Returns how to keep the output directory out of git; `None` if it is, or if there is no repository.
fn ignore_advice(here: &Path) -> Option<String> {
    let mut command = Command::new("git");
    command.args(["check-ignore", "--quiet", OUTPUT]).current_dir(here).stderr(Stdio::null());
    // git-check-ignore(1): 1 if it is not ignored, 128 for a fatal error such as no repository.
    let is_tracked = command.status().ok()?.code() == Some(1);
    is_tracked.then(|| format!("git does not ignore the output directory yet: echo /{OUTPUT} >> .gitignore"))
}
