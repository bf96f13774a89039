//! Command that the launcher becomes: a tool of the bundle, or its server.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::Command;

use sockfuzz_protocol::{MUTATOR_DICTIONARY, MUTATOR_FILE, PRELOAD_FILE, specs};

use crate::description::{Bundle, LIBRARIES};

/// Name of the launcher for sockfuzz.
pub const SOCKFUZZ: &str = "sockfuzz";
/// File of sockfuzz in the directory of programs. It knows the names of fuzz targets' functions, by which fleets recognise
/// a target, but not if its name has an extension.
pub const SOCKFUZZ_FILE: &str = "sockfuzz.bin";
/// Subcommand of it that accepts the command line of a fuzz target.
pub const TARGET_SUBCOMMAND: &str = "target";
/// Dictionary, in the directory of programs.
pub const DICTIONARY_FILE: &str = "http.dict";

/// Variables of the dynamic linker (ld.so(8)).
const LIBRARY_PATH: &str = "LD_LIBRARY_PATH";
const PRELOAD: &str = "LD_PRELOAD";

/// Set by an AFL++ tool for the program that it runs (AFL++'s include/config.h, SHM_ENV_VAR).
const UNDER_AFL: &str = "__AFL_SHM_ID";

/// Variables for afl-fuzz: our mutator, and the time that a server may take to start.
const MUTATOR: &str = "AFL_CUSTOM_MUTATOR_LIBRARY";
const START_TIMEOUT: (&str, &str) = ("AFL_FORKSRV_INIT_TMOUT", "10000");

/// Variables of the process.
pub trait Environment {
    /// Returns the value of a variable.
    fn get(&self, name: &str) -> Option<OsString>;
}

impl<F: Fn(&str) -> Option<OsString>> Environment for F {
    fn get(&self, name: &str) -> Option<OsString> {
        self(name)
    }
}

/// Returns the command for the name by which the launcher was started and its arguments.
#[must_use]
pub fn command(
    bundle: &Bundle,
    name: &str,
    arguments: impl Iterator<Item = OsString>,
    environment: &impl Environment,
) -> Command {
    let is_tool = name == SOCKFUZZ || name.starts_with("afl-");
    let mut command = match (is_tool, environment.get(UNDER_AFL)) {
        (true, _) => tool(bundle, name, environment),
        // afl-fuzz may have been given further words, such as a number of iterations; the server has its own.
        (false, Some(_)) => return server(bundle, environment),
        (false, None) => {
            let mut command = Command::new(bundle.program(SOCKFUZZ_FILE));
            command.arg(TARGET_SUBCOMMAND);
            command
        }
    };
    command.args(arguments);
    set_common(&mut command, bundle, environment);
    command
}

fn tool(bundle: &Bundle, name: &str, environment: &impl Environment) -> Command {
    let file = if name == SOCKFUZZ { SOCKFUZZ_FILE } else { name };
    let mut command = Command::new(bundle.program(file));
    let mutator = (MUTATOR, bundle.program(MUTATOR_FILE).into_os_string());
    let dictionary = (MUTATOR_DICTIONARY, bundle.program(DICTIONARY_FILE).into_os_string());
    let start = (START_TIMEOUT.0, START_TIMEOUT.1.into());
    if name != SOCKFUZZ {
        set_defaults(&mut command, [mutator, dictionary, start], environment);
    }
    command
}

fn server(bundle: &Bundle, environment: &impl Environment) -> Command {
    let mut command = Command::new(bundle.server_program());
    command.args(&bundle.description.server.arguments);
    command.env(PRELOAD, preload_list(bundle, environment));
    if let Some(directory) = bundle.server_directory() {
        command.current_dir(directory);
    }
    set_common(&mut command, bundle, environment);
    command
}

/// Sets what all programs of the bundle need. Options that the user has set stay.
fn set_common(command: &mut Command, bundle: &Bundle, environment: &impl Environment) {
    let libraries = bundle.inside(LIBRARIES);
    if libraries.is_dir() {
        command
            .env(LIBRARY_PATH, list(Some(libraries.as_os_str()), environment.get(LIBRARY_PATH).as_deref()));
    }
    let options = bundle.description.options.iter().map(|(name, value)| (name.as_str(), value.into()));
    set_defaults(command, options, environment);
    let relocated = relocations(bundle);
    set_defaults(command, relocated.map(|value| (specs::RELOCATE.variable, value)), environment);
}

fn set_defaults<'a>(
    command: &mut Command,
    variables: impl IntoIterator<Item = (&'a str, OsString)>,
    environment: &impl Environment,
) {
    let unset = variables.into_iter().filter(|(name, _)| environment.get(name).is_none());
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

/// Returns the libraries to preload: the sanitizer's runtime, which has to be first, those of the user, and ours.
fn preload_list(bundle: &Bundle, environment: &impl Environment) -> OsString {
    let sanitizer = bundle.description.server.sanitizer.as_deref().map(OsStr::new);
    let users = environment.get(PRELOAD);
    let first = list(sanitizer, users.as_deref());
    list(Some(&first), Some(bundle.program(PRELOAD_FILE).as_os_str()))
}

/// Joins two lists, of which each may be missing.
fn list(first: Option<&OsStr>, second: Option<&OsStr>) -> OsString {
    let parts: Vec<_> = [first, second].into_iter().flatten().filter(|part| !part.is_empty()).collect();
    parts.join(OsStr::new(":"))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::description::{Description, ServerEntry};

    fn bundle() -> Bundle {
        let description = Description {
            name: "nginx".to_owned(),
            sockfuzz: "0.2.0".to_owned(),
            glibc: "2.34".to_owned(),
            server: ServerEntry {
                program: "/opt/nginx".into(),
                arguments: vec!["-q".to_owned()],
                directory: None,
                sanitizer: Some("libasan.so.8".to_owned()),
                relocated: vec!["/opt".into()],
            },
            options: BTreeMap::from([("SOCKFUZZ_INPUT".to_owned(), "session".to_owned())]),
        };
        Bundle { files: "/b/nginx_fuzzer_files".into(), description }
    }

    fn line(name: &str, arguments: &[&str], set: &[(&str, &str)]) -> String {
        let get = |name: &str| set.iter().find(|(set, _)| *set == name).map(|(_, value)| value.into());
        let arguments = arguments.iter().map(OsString::from);
        let command = command(&bundle(), name, arguments, &get);
        let variable = |(name, value): (&OsStr, Option<&OsStr>)| {
            format!("{}={}", name.display(), value.unwrap_or_default().display())
        };
        let words = std::iter::once(command.get_program()).chain(command.get_args());
        let words = words.map(|word| word.display().to_string());
        command.get_envs().map(variable).chain(words).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn the_server_is_started_below_afl_without_further_words() {
        let line = line("nginx_fuzzer", &["2147483647"], &[("__AFL_SHM_ID", "1")]);
        assert_eq!(
            line,
            "LD_PRELOAD=libasan.so.8:/b/nginx_fuzzer_files/bin/libsockfuzz_preload.so SOCKFUZZ_INPUT=session \
             SOCKFUZZ_RELOCATE=/opt=/b/nginx_fuzzer_files/root/opt /b/nginx_fuzzer_files/root/opt/nginx -q"
        );
    }

    #[test]
    fn other_command_lines_of_a_target_are_for_sockfuzz() {
        let line = line("nginx_fuzzer", &["crash-1"], &[]);
        assert!(line.ends_with("/b/nginx_fuzzer_files/bin/sockfuzz.bin target crash-1"), "{line}");
    }

    #[test]
    fn tools_get_the_mutator_and_keep_what_the_user_has_set() {
        let line = line(
            "afl-fuzz",
            &["-i", "in"],
            &[("AFL_CUSTOM_MUTATOR_LIBRARY", "/mine.so"), ("SOCKFUZZ_INPUT", "raw")],
        );
        assert!(line.ends_with("/b/nginx_fuzzer_files/bin/afl-fuzz -i in"), "{line}");
        assert!(line.contains("SOCKFUZZ_DICTIONARY=/b/nginx_fuzzer_files/bin/http.dict"), "{line}");
        assert!(!line.contains("MUTATOR_LIBRARY") && !line.contains("SOCKFUZZ_INPUT"), "{line}");
    }
}
