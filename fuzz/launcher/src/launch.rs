//! Command that the launcher becomes: a tool of the bundle, or its server.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::Command;

use sockfuzz_protocol::{MUTATOR_DICTIONARY, MUTATOR_FILE, PRELOAD_FILE, TARGET_VARIABLE, specs};

use crate::afl_line::AflLine;
use crate::description::{Bundle, LIBRARIES};
use crate::sanitizers::{self, ASAN, ASAN_OPTIONS, UBSAN, UBSAN_OPTIONS};

/// Program of the bundle that does what the launcher itself does not, as it is started.
pub const SOCKFUZZ: &str = "sockfuzz";
/// File of that program. ClusterFuzz takes a file without an extension for a fuzz target if it contains the name of
/// libFuzzer's function, as the parser of stacks in sockfuzz does.
pub const SOCKFUZZ_FILE: &str = "sockfuzz.elf";
/// Subcommand of it that accepts the command line of a fuzz target.
pub const TARGET_SUBCOMMAND: &str = "target";
/// Subcommand of it that runs afl-fuzz as ClusterFuzz expects it.
pub const ENGINE_SUBCOMMAND: &str = "engine-fuzz";
/// Variable by which ClusterFuzz names the file for reports of crashes (AFL++'s utils/aflpp_driver/aflpp_driver.c).
pub const REPORT_FILE: &str = "AFL_DRIVER_STDERR_DUPLICATE_FILENAME";
/// Variable that keeps the search for leaks which the user has turned on for AddressSanitizer, with any value.
pub const KEEP_LEAKS: &str = "SOCKFUZZ_DETECT_LEAKS";
/// Dictionary, in the directory of programs.
pub const DICTIONARY_FILE: &str = "http.dict";

/// Variable with the libraries that the dynamic linker loads first (ld.so(8)).
pub const PRELOAD: &str = "LD_PRELOAD";
/// Variable with directories in which it looks for libraries.
const LIBRARY_PATH: &str = "LD_LIBRARY_PATH";

/// Name of the tool that has a role of its own below ClusterFuzz.
const FUZZER: &str = "afl-fuzz";
/// Option of it that excludes custom mutators (MOpt).
const MOPT: char = 'L';

/// Set by an AFL++ tool for the program that it runs (AFL++'s include/config.h, SHM_ENV_VAR).
const UNDER_AFL: &str = "__AFL_SHM_ID";

/// Variable that names custom mutators for afl-fuzz.
pub const MUTATOR: &str = "AFL_CUSTOM_MUTATOR_LIBRARY";
/// Variable for afl-fuzz with the time that a server may take to start, which may be longer than an execution; in
/// milliseconds.
pub const START_TIMEOUT: (&str, &str) = ("AFL_FORKSRV_INIT_TMOUT", "10000");

/// What the launcher becomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// The program of its own name.
    Tool,
    /// afl-fuzz as ClusterFuzz runs it: sockfuzz waits for it, and reports its crashes.
    Engine,
    /// A fuzz target with a command line: sockfuzz.
    Target,
    /// The server, below an AFL++ tool.
    Server,
}

impl Role {
    /// Returns the role for the name by which the launcher was started.
    #[must_use]
    pub fn of(name: &str, environment: &impl Fn(&str) -> Option<OsString>) -> Self {
        let has = |variable| environment(variable).is_some();
        match name {
            FUZZER if has(REPORT_FILE) => Self::Engine,
            _ if name == SOCKFUZZ || name.starts_with("afl-") => Self::Tool,
            _ if has(UNDER_AFL) => Self::Server,
            _ => Self::Target,
        }
    }
}

/// Returns the command for the name by which the launcher was started and its arguments.
#[must_use]
pub fn command(
    bundle: &Bundle,
    name: &str,
    arguments: impl Iterator<Item = OsString>,
    environment: &impl Fn(&str) -> Option<OsString>,
) -> Command {
    let mut command = match Role::of(name, environment) {
        Role::Tool => tool(bundle, name, arguments, environment),
        Role::Engine => of_sockfuzz(bundle, ENGINE_SUBCOMMAND, arguments),
        Role::Target => of_sockfuzz(bundle, TARGET_SUBCOMMAND, arguments),
        // afl-fuzz may have been given further words, such as a number of iterations; the server has its own.
        Role::Server => server(bundle, environment),
    };
    set_common(&mut command, bundle, environment);
    command
}

fn of_sockfuzz(bundle: &Bundle, subcommand: &str, arguments: impl Iterator<Item = OsString>) -> Command {
    let mut command = Command::new(bundle.program(SOCKFUZZ_FILE));
    // The words may begin with a dash.
    command.args([subcommand, "--"]).args(arguments);
    command
}

fn tool(
    bundle: &Bundle,
    name: &str,
    arguments: impl Iterator<Item = OsString>,
    environment: &impl Fn(&str) -> Option<OsString>,
) -> Command {
    if name == SOCKFUZZ {
        let mut command = Command::new(bundle.program(SOCKFUZZ_FILE));
        command.args(arguments);
        return command;
    }
    let mut command = Command::new(bundle.program(name));
    let line = AflLine::parse(arguments);
    let words = if name == FUZZER { for_our_mutator(line, environment) } else { line };
    command.args(words.words());
    set_tool_defaults(&mut command, bundle, environment);
    command
}

/// Sets what tools of AFL++ need, unless the user has set it: our mutator and its dictionary, the time that a server may
/// take to start, and options of sanitizers by which their reports are crashes.
pub fn set_tool_defaults(
    command: &mut Command,
    bundle: &Bundle,
    environment: &impl Fn(&str) -> Option<OsString>,
) {
    let mutator = (MUTATOR, bundle.program(MUTATOR_FILE).into_os_string());
    let dictionary = (MUTATOR_DICTIONARY, bundle.program(DICTIONARY_FILE).into_os_string());
    let start = (START_TIMEOUT.0, START_TIMEOUT.1.into());
    set_defaults(command, [mutator, dictionary, start], environment);
    set_defaults(command, sanitizer_options(), environment);
}

fn sanitizer_options() -> [(&'static str, OsString); 2] {
    [(ASAN, ASAN_OPTIONS.into()), (UBSAN, UBSAN_OPTIONS.into())]
}

/// Returns a command line of afl-fuzz without MOpt, with which it accepts no custom mutator: ClusterFuzz asks for it in 4 of
/// 10 runs, and ours finds more. With a mutator of the user, the conflict is theirs.
#[must_use]
pub fn for_our_mutator(line: AflLine, environment: &impl Fn(&str) -> Option<OsString>) -> AflLine {
    if environment(MUTATOR).is_some() {
        return line;
    }
    let (line, had_mopt) = line.without(MOPT);
    if had_mopt {
        eprintln!(
            "sockfuzz: -{MOPT} is left out, because afl-fuzz accepts it with no custom mutator; to have it instead of \
             sockfuzz's, set {MUTATOR} to an empty value"
        );
    }
    line
}

fn server(bundle: &Bundle, environment: &impl Fn(&str) -> Option<OsString>) -> Command {
    let mut command = Command::new(bundle.server_program());
    command.args(&bundle.description.server.arguments);
    let sanitizer = bundle.description.server.sanitizer.as_deref();
    let libraries = preload_list(sanitizer, environment(PRELOAD).as_deref(), &bundle.program(PRELOAD_FILE));
    command.env(PRELOAD, libraries);
    if let Some(directory) = bundle.server_directory() {
        command.current_dir(directory);
    }
    set_defaults(&mut command, sanitizer_options(), environment);
    command
}

/// Sets what all programs of the bundle need. Options that the user has set stay.
fn set_common(command: &mut Command, bundle: &Bundle, environment: &impl Fn(&str) -> Option<OsString>) {
    let libraries = bundle.inside(LIBRARIES);
    if libraries.is_dir() {
        command.env(LIBRARY_PATH, list(Some(libraries.as_os_str()), environment(LIBRARY_PATH).as_deref()));
    }
    let options = bundle.description.options.iter().map(|(name, value)| (name.as_str(), value.into()));
    set_defaults(command, options, environment);
    let relocated = relocations(bundle);
    set_defaults(command, relocated.map(|value| (specs::RELOCATE.variable, value)), environment);
    let given = environment(ASAN).filter(|_| environment(KEEP_LEAKS).is_none());
    if let Some(options) = given.and_then(|options| sanitizers::without_leaks(&options)) {
        command.env(ASAN, options);
    }
    // They are for the launcher only: the server reports what it does not know.
    command.env_remove(TARGET_VARIABLE).env_remove(KEEP_LEAKS);
}

fn set_defaults<'a>(
    command: &mut Command,
    variables: impl IntoIterator<Item = (&'a str, OsString)>,
    environment: &impl Fn(&str) -> Option<OsString>,
) {
    let unset = variables.into_iter().filter(|(name, _)| environment(name).is_none());
    command.envs(unset);
}

/// Returns the pairs of old and new paths: `/old=/new:…`.
fn relocations(bundle: &Bundle) -> Option<OsString> {
    let pair = |old: &Path| -> OsString {
        let mut pair = old.as_os_str().to_owned();
        pair.push("=");
        pair.push(bundle.relocate(old));
        pair
    };
    let relocated = &bundle.description.server.relocated;
    // A bundle that lies where the server was keeps its own paths.
    let own = relocated.iter().any(|old| bundle.files.starts_with(old)).then_some(bundle.directory());
    let pairs: Vec<_> = relocated.iter().map(PathBuf::as_path).chain(own).map(pair).collect();
    (!pairs.is_empty()).then(|| pairs.join(OsStr::new(":")))
}

/// Returns a list of libraries to preload: the sanitizer's runtime, which has to be first, those of the user, and ours.
#[must_use]
pub fn preload_list(sanitizer: Option<&str>, users: Option<&OsStr>, library: &Path) -> OsString {
    let first = list(sanitizer.map(OsStr::new), users);
    list(Some(&first), Some(library.as_os_str()))
}

/// Joins two lists, of which each may be missing.
fn list(first: Option<&OsStr>, second: Option<&OsStr>) -> OsString {
    let parts: Vec<_> = [first, second].into_iter().flatten().filter(|part| !part.is_empty()).collect();
    parts.join(OsStr::new(":"))
}

#[cfg(test)]
mod tests;
