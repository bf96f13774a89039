//! The command line of each afl-fuzz instance, as it is shown and as it is run: the same words.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::afl::cargo_afl::CargoAfl;
use crate::afl::environment::Setting;
use crate::afl::output_dir::OutputDir;
use crate::problem::Problem;
use crate::server::{Server, quoted};

/// Name of the only instance, as afl-fuzz calls it.
const ONLY: &str = "default";
/// Name of the main instance among several.
const MAIN: &str = "main";

/// What every instance of a campaign is started with.
#[derive(Debug)]
pub struct Plan<'a> {
    /// cargo-afl.
    pub cargo_afl: &'a CargoAfl,
    /// Variables.
    pub settings: &'a [Setting],
    /// Seeds for instances that start afresh.
    pub corpus: &'a Path,
    /// Dictionary.
    pub dictionary: Option<&'a Path>,
    /// Limit per execution.
    pub timeout: Duration,
    /// Whether the server's comparisons can be watched (cmplog).
    pub cmplog: bool,
    /// Further options of afl-fuzz.
    pub options: &'a [String],
    /// The server.
    pub server: &'a Server,
}

/// One afl-fuzz.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instance {
    /// Name of its directory.
    pub name: String,
    /// Whether it goes on where it was.
    pub resumes: bool,
    words: Vec<OsString>,
    environment: Vec<(&'static str, OsString)>,
}

impl Plan<'_> {
    /// One instance, or one main and `count - 1` secondary ones.
    #[must_use]
    pub fn instances(&self, count: usize, out: &OutputDir) -> Vec<Instance> {
        names(count, out).into_iter().map(|(role, name)| self.instance(role, name, out)).collect()
    }

    fn instance(&self, role: Option<&str>, name: String, out: &OutputDir) -> Instance {
        let resumes = out.is_resumable(&name);
        let seeds = if resumes { Path::new("-") } else { self.corpus };
        let mut words: Vec<OsString> = self.cargo_afl.program().map(OsStr::to_owned).collect();
        words.push("fuzz".into());
        let mut option = |option: &str, value: &OsStr| words.extend([option.into(), value.into()]);
        option("-i", seeds.as_ref());
        option("-o", out.path().as_ref());
        if let Some(role) = role {
            option(role, name.as_ref());
        }
        if !self.options.iter().any(|word| word.starts_with("-t")) {
            option("-t", self.timeout.as_millis().to_string().as_ref());
        }
        if !self.cmplog && !self.options.iter().any(|word| word.starts_with("-c")) {
            // cargo-afl asks for it otherwise: a second copy of the server, for nothing.
            option("-c", "-".as_ref());
        }
        if let Some(dictionary) = self.dictionary {
            option("-x", dictionary.as_ref());
        }
        words.extend(self.options.iter().map(OsString::from));
        words.extend(["--".into(), self.server.program.clone().into()]);
        words.extend(self.server.arguments.iter().cloned());
        Instance { name, resumes, words, environment: self.environment() }
    }

    fn environment(&self) -> Vec<(&'static str, OsString)> {
        let own = self.settings.iter().map(|s| (s.name, s.value.clone()));
        self.cargo_afl.environment().iter().cloned().chain(own).collect()
    }
}

/// Each instance's option and name.
fn names(count: usize, out: &OutputDir) -> Vec<(Option<&'static str>, String)> {
    // A campaign of several that goes on alone goes on as its main instance.
    if count == 1 && (out.is_resumable(ONLY) || !out.is_resumable(MAIN)) {
        return vec![(None, ONLY.to_owned())];
    }
    let main = (Some("-M"), MAIN.to_owned());
    let others = (1..count).map(|number| (Some("-S"), format!("s{number}")));
    std::iter::once(main).chain(others).collect()
}

impl Instance {
    /// It as a command.
    #[must_use]
    pub fn command(&self) -> Command {
        let mut command = Command::new(&self.words[0]);
        command.args(&self.words[1..]).envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }

    /// It as one types it.
    #[must_use]
    pub fn shown(&self) -> String {
        let assignments = self.environment.iter().map(|(name, value)| {
            let value = quoted([value.as_os_str()]);
            format!("{name}={value}")
        });
        assignments.chain([quoted(self.words.iter().map(OsString::as_os_str))]).collect::<Vec<_>>().join(" ")
    }
}

/// Options that sockfuzz sets itself, and how to ask for them.
const OURS: &[(&str, &str)] = &[
    ("-i", "use sockfuzz's own -i"),
    ("-o", "use sockfuzz's own -o"),
    ("-x", "use sockfuzz's own -x"),
    ("-M", "use -j for several instances"),
    ("-S", "use -j for several instances"),
    ("--", "put the server after sockfuzz's own --"),
];

/// Takes apart the values of `--afl`, as a shell would.
///
/// # Errors
/// Unbalanced quotes, and options that sockfuzz sets itself.
pub fn afl_words(text: &str) -> Result<Vec<String>, String> {
    let words = shell_words::split(text).map_err(|error| error.to_string())?;
    for word in &words {
        if let Some((option, instead)) = OURS.iter().find(|(option, _)| word.starts_with(option)) {
            return Err(format!("{option} is set by sockfuzz; {instead}"));
        }
    }
    Ok(words)
}

/// The dictionary to use: the given one, or the bundled one where it exists.
///
/// # Errors
/// A given one that does not exist.
pub fn dictionary(given: Option<PathBuf>, bundled: Option<PathBuf>) -> Result<Option<PathBuf>, Problem> {
    match given {
        Some(given) if !given.is_file() => Err(Problem::failed(
            format!("the dictionary {} does not exist", given.display()),
            "give a file in AFL++'s dictionary format, or leave -x away for the bundled one",
        )),
        Some(given) => Ok(Some(given)),
        None => Ok(bundled.filter(|path| path.is_file())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_taken_apart_as_by_a_shell() {
        let words = afl_words("-V 60 -p explore -b '0 1'").expect("balanced");
        assert_eq!(words, ["-V", "60", "-p", "explore", "-b", "0 1"]);
        assert!(afl_words("-p 'explore").is_err());
    }

    #[test]
    fn what_sockfuzz_sets_itself_is_refused_with_the_way_to_ask_for_it() {
        let error = afl_words("-S two").expect_err("ours");
        assert!(error.contains("use -j"), "{error}");
    }

    #[test]
    fn a_given_dictionary_must_exist_and_a_bundled_one_may() {
        let nowhere = || Some(PathBuf::from("/nowhere"));
        assert!(dictionary(nowhere(), None).is_err());
        assert_eq!(dictionary(None, nowhere()), Ok(None));
    }
}
