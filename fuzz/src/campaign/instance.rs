//! Command lines of the afl-fuzz instances of a campaign, to run and to show.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use sockfuzz_protocol::specs;

use crate::campaign::cargo_afl::CargoAfl;
use crate::campaign::environment::Setting;
use crate::campaign::host_name::HostName;
use crate::campaign::output_dir::{DEFAULT_INSTANCE, MAIN_INSTANCE, OutputDir};
use crate::server::Server;
use crate::util::problem::Problem;
use crate::util::shell::shell_quoted;

/// Configuration of all instances of a campaign.
#[derive(Debug)]
pub struct CampaignPlan<'a> {
    /// cargo-afl.
    pub cargo_afl: &'a CargoAfl,
    /// Environment variables.
    pub settings: &'a [Setting],
    /// Seeds for instances that do not resume.
    pub corpus: &'a Path,
    /// Dictionary.
    pub dictionary: Option<&'a Path>,
    /// Time limit of one execution.
    pub timeout: Duration,
    /// Whether afl-fuzz records the server's comparisons (cmplog).
    pub cmplog: bool,
    /// Whether processes that end by a finding leave their inputs in the output directory.
    pub histories: bool,
    /// Name of this machine, if the campaign runs on several.
    pub host: Option<&'a HostName>,
    /// Additional options of afl-fuzz.
    pub options: &'a [String],
    /// The server.
    pub server: &'a Server,
}

/// One instance of afl-fuzz.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instance {
    /// Name of its directory.
    pub name: String,
    /// Whether it resumes its directory.
    pub resumes: bool,
    words: Vec<OsString>,
    environment: Vec<(String, OsString)>,
    /// Working directory that the server needs.
    directory: Option<PathBuf>,
}

impl CampaignPlan<'_> {
    /// Returns one instance, or one main and `count - 1` secondary instances.
    #[must_use]
    pub fn instances(&self, count: usize, out: &OutputDir) -> Vec<Instance> {
        names(count, self.host, out).into_iter().map(|(role, name)| self.instance(role, name, out)).collect()
    }

    fn instance(&self, role: Option<&str>, name: String, out: &OutputDir) -> Instance {
        let resumes = out.is_resumable(&name);
        let seeds = if resumes { Path::new("-") } else { self.corpus };
        let mut words = self.cargo_afl.tool(OsStr::new("fuzz"));
        let mut option = |option: &str, value: &OsStr| words.extend([option.into(), value.into()]);
        option("-i", seeds.as_ref());
        option("-o", out.path().as_ref());
        if let Some(role) = role {
            option(role, name.as_ref());
        }
        if self.decides_timeout() {
            option("-t", self.timeout.as_millis().to_string().as_ref());
        }
        if !self.options.iter().any(|word| word.starts_with("-c")) {
            // cargo-afl turns on cmplog by default, which starts a second copy of the server.
            match (self.cmplog, self.cargo_afl.adds_options()) {
                (true, true) | (false, false) => {}
                (true, false) => option("-c", "0".as_ref()),
                (false, true) => option("-c", "-".as_ref()),
            }
        }
        if let Some(dictionary) = self.dictionary {
            option("-x", dictionary.as_ref());
        }
        words.extend(self.options.iter().map(OsString::from));
        words.extend(["--".into(), self.server.program.clone().into()]);
        words.extend(self.server.arguments.iter().cloned());
        let histories = self
            .histories
            .then(|| (specs::HISTORIES.variable.to_owned(), OsString::from(out.histories(&name))));
        let environment = self.environment().into_iter().chain(histories).collect();
        Instance { name, resumes, words, environment, directory: self.server.directory().map(Path::to_owned) }
    }

    /// Creates the directories of the instances' histories, if there are any.
    ///
    /// # Errors
    /// When one cannot be created.
    pub fn create_histories(&self, instances: &[Instance], out: &OutputDir) -> io::Result<()> {
        let mut names = instances.iter().filter(|_| self.histories).map(|instance| &instance.name);
        names.try_for_each(|name| fs::create_dir_all(out.histories(name)))
    }

    /// Whether sockfuzz sets the time limit, because the options of afl-fuzz contain no `-t`.
    fn decides_timeout(&self) -> bool {
        !self.options.iter().any(|word| word.starts_with("-t"))
    }

    fn environment(&self) -> Vec<(String, OsString)> {
        let own = self.settings.iter().map(|s| (s.name, s.value.clone()));
        let limit = self
            .decides_timeout()
            .then(|| (specs::TIME_LIMIT.variable, self.timeout.as_millis().to_string().into()));
        let own = self.cargo_afl.environment().chain(own).chain(limit);
        let of_server = self.server.variables.iter().map(|(name, value)| (name.clone(), value.into()));
        own.map(|(name, value)| (name.to_owned(), value)).chain(of_server).collect()
    }
}

/// Returns the option for the role of each instance, and its name.
fn names(count: usize, host: Option<&HostName>, out: &OutputDir) -> Vec<(Option<&'static str>, String)> {
    let name = |local: &str| host.map_or_else(|| local.to_owned(), |host| host.instance(local));
    // Only a main instance takes over inputs of other machines. A campaign of several instances that is resumed with one
    // continues its main instance.
    if count == 1
        && host.is_none()
        && (out.is_resumable(DEFAULT_INSTANCE) || !out.is_resumable(MAIN_INSTANCE))
    {
        return vec![(None, DEFAULT_INSTANCE.to_owned())];
    }
    let main = (Some("-M"), name(MAIN_INSTANCE));
    let others = (1..count).map(|number| (Some("-S"), name(&format!("s{number}"))));
    std::iter::once(main).chain(others).collect()
}

impl Instance {
    /// Returns the command to run.
    #[must_use]
    pub fn command(&self) -> Command {
        let mut command = Command::new(&self.words[0]);
        command.args(&self.words[1..]).envs(self.environment.iter().map(|(name, value)| (name, value)));
        if let Some(directory) = &self.directory {
            command.current_dir(directory);
        }
        command
    }

    /// Returns the command line, quoted for a shell, without the status page, which exists only in this process.
    #[must_use]
    pub fn command_line(&self) -> String {
        let is_lasting = |(name, _): &&(_, _)| *name != specs::STATUS.variable;
        let assignments = self.environment.iter().filter(is_lasting).map(|(name, value)| {
            let value = shell_quoted([value.as_os_str()]);
            format!("{name}={value}")
        });
        assignments
            .chain([shell_quoted(self.words.iter().map(OsString::as_os_str))])
            .collect::<Vec<_>>()
            .join(" ")
    }
}

/// Options that sockfuzz sets itself, each with its replacement.
const RESERVED_OPTIONS: &[(&str, &str)] = &[
    ("-i", "use sockfuzz's own -i"),
    ("-o", "use sockfuzz's own -o"),
    ("-x", "use sockfuzz's own -x"),
    ("-M", "use -j for several instances"),
    ("-S", "use -j for several instances"),
    ("--", "put the server after sockfuzz's own --"),
];

/// Splits a value of `--afl` into words, like a shell.
///
/// # Errors
/// Unbalanced quotes, and options that sockfuzz sets itself.
pub fn split_afl_options(text: &str) -> Result<Vec<String>, String> {
    let words = shell_words::split(text).map_err(|error| error.to_string())?;
    for word in &words {
        if let Some((option, instead)) = RESERVED_OPTIONS.iter().find(|(option, _)| word.starts_with(option))
        {
            return Err(format!("{option} is set by sockfuzz; {instead}"));
        }
    }
    Ok(words)
}

/// Returns the dictionary to use: the given one, or the bundled one if it exists.
///
/// # Errors
/// When the given dictionary does not exist.
pub fn choose_dictionary(
    given: Option<PathBuf>,
    bundled: Option<PathBuf>,
) -> Result<Option<PathBuf>, Problem> {
    match given {
        Some(given) if !given.is_file() => Err(Problem::failed(
            format!("the dictionary {} does not exist", given.display()),
            "give a file in AFL++'s dictionary format, or omit -x for the bundled one",
        )),
        Some(given) => Ok(Some(given)),
        None => Ok(bundled.filter(|path| path.is_file())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_split_as_by_a_shell() {
        let words = split_afl_options("-V 60 -p explore -b '0 1'").expect("balanced");
        assert_eq!(words, ["-V", "60", "-p", "explore", "-b", "0 1"]);
        assert!(split_afl_options("-p 'explore").is_err());
    }

    #[test]
    fn reserved_options_are_refused_with_an_alternative() {
        let error = split_afl_options("-S two").expect_err("reserved");
        assert!(error.contains("use -j"), "{error}");
    }

    #[test]
    fn a_given_dictionary_must_exist_but_the_bundled_one_need_not() {
        let nowhere = || Some(PathBuf::from("/nowhere"));
        assert!(choose_dictionary(nowhere(), None).is_err());
        assert_eq!(choose_dictionary(None, nowhere()), Ok(None));
    }
}
