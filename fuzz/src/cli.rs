//! The command line: what can be asked for. What is done about it lives in `commands`.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Arg, ArgAction, ArgMatches, Args, FromArgMatches, Parser, Subcommand};
use sockfuzz_protocol::{OptionSpec, Options, specs};

use crate::commands::{bench, check, corpus, fuzz, replay, run, servers, session};
use crate::corpus::{Seed, meaning};
use crate::problem::exit;

/// Fuzz an unmodified HTTP server with cargo afl fuzz.
#[derive(Debug, Parser)]
#[command(version, after_help = exit::HELP, max_term_width = 100)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run a server once: stdin goes to it over one connection, its answer to stdout
    #[command(after_help = run::EXAMPLES)]
    Run(run::Arguments),
    /// Look at a server, answer the seeds through the preload and over real TCP, and compare
    #[command(after_help = check::EXAMPLES)]
    Check(check::Arguments),
    /// Check a server, then fuzz it with cargo afl fuzz; without a server, the bundled one
    #[command(after_help = fuzz::EXAMPLES)]
    Fuzz(fuzz::Arguments),
    /// Run saved inputs again: request, answer, and how the server ended
    #[command(after_help = replay::EXAMPLES)]
    Replay(replay::Arguments),
    /// Make inputs out of what others have recorded
    Corpus(corpus::Arguments),
    /// Show inputs as text, one step of a session a line, and turn such text into inputs
    #[command(after_help = session::EXAMPLES)]
    Session(session::Arguments),
    /// Build real servers, compare their answers, fuzz them for a moment, and print a table
    #[command(after_help = servers::EXAMPLES)]
    Servers(servers::Arguments),
    /// Measure executions per second of everything there is, side by side
    #[command(after_help = bench::EXAMPLES)]
    Bench(bench::Arguments),
}

/// The server's command line, after `--`.
#[derive(Debug, Args)]
pub struct ServerArguments {
    /// The server and its arguments, in the foreground and without helpers
    #[arg(last = true, required = true, value_name = "SERVER ARGS")]
    pub server: Vec<OsString>,
}

/// What every subcommand tells the preload.
#[derive(Debug, Args)]
pub struct PreloadArguments {
    /// The preload library; by default the one beside this executable, built when needed
    #[arg(
        long,
        value_name = "FILE",
        env = "SOCKFUZZ_PRELOAD",
        hide_env = true,
        hide_short_help = true,
        help_heading = HEADING
    )]
    pub preload: Option<PathBuf>,
    /// Options that travel in the environment.
    #[command(flatten)]
    pub options: PreloadOptions,
}

const HEADING: &str = "Preload options";

/// The contract's options as flags. Only those that were given are set, so that the environment
/// still counts for the others.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PreloadOptions(Vec<(&'static str, String)>);

impl PreloadOptions {
    /// The variables to set in the server's environment.
    pub fn variables(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.0.iter().map(|(name, value)| (*name, value.as_str()))
    }

    /// The same, with a value for an option that neither a flag nor the environment sets.
    #[must_use]
    pub fn with_default(&self, spec: &OptionSpec, value: &str) -> Self {
        match self.lookup(spec.variable) {
            Some(_) => self.clone(),
            None => self.with(spec.variable, value.to_owned()),
        }
    }

    /// The same, with what these inputs are, unless that is said.
    #[must_use]
    pub fn for_inputs(&self, inputs: &[Seed]) -> Self {
        self.with_default(&specs::INPUT, &meaning(inputs).to_string())
    }

    /// The same, with this value for the variable.
    #[must_use]
    pub fn with(&self, variable: &'static str, value: String) -> Self {
        let others = self.0.iter().filter(|(name, _)| *name != variable).cloned();
        Self(others.chain([(variable, value)]).collect())
    }

    /// The same, with options that are named by their flags.
    ///
    /// # Errors
    /// A flag that there is not, or a value that its option does not accept.
    pub fn with_flags<'a>(
        &self,
        named: impl IntoIterator<Item = (&'a String, &'a String)>,
    ) -> Result<Self, String> {
        let mut options = self.clone();
        for (flag, value) in named {
            let spec = flags().find(|spec| spec.flag == flag);
            let spec = spec.ok_or_else(|| format!("there is no option {flag}"))?;
            options.0.retain(|(variable, _)| *variable != spec.variable);
            options.0.push((spec.variable, value.clone()));
        }
        Options::from_lookup(|variable| options.lookup(variable)).map_err(|error| error.to_string())?;
        Ok(options)
    }

    /// What the preload will read: the flag, otherwise the environment.
    fn lookup(&self, variable: &str) -> Option<String> {
        self.variables()
            .find(|(name, _)| *name == variable)
            .map(|(_, value)| value.to_owned())
            .or_else(|| std::env::var(variable).ok())
    }

    /// All options as the preload will understand them.
    ///
    /// # Panics
    /// Never: they were checked when the command line was read.
    #[must_use]
    pub fn parsed(&self) -> Options {
        Options::from_lookup(|variable| self.lookup(variable)).expect("checked before")
    }
}

/// Options that a person sets; the others are ours to say.
fn flags() -> impl Iterator<Item = &'static OptionSpec> {
    let ours = [specs::MODE.flag, specs::ANSWERS.flag, specs::STATUS.flag];
    specs::ALL.iter().copied().filter(move |spec| !ours.contains(&spec.flag))
}

/// Options whose flag may be repeated.
fn is_list(spec: &OptionSpec) -> bool {
    spec.flag == specs::WRITABLE.flag
}

/// Paths as the preload takes them, from wherever the server works.
fn absolute(paths: &[&str]) -> String {
    let absolute = |path: &str| match std::path::absolute(path) {
        Ok(path) => path.to_string_lossy().into_owned(),
        Err(_) => path.to_owned(),
    };
    paths.iter().flat_map(|list| list.split(':')).map(absolute).collect::<Vec<_>>().join(":")
}

impl FromArgMatches for PreloadOptions {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let given = |spec: &'static OptionSpec| {
            let values: Vec<&str> = matches.get_many::<String>(spec.flag)?.map(String::as_str).collect();
            let value = if is_list(spec) { absolute(&values) } else { values.concat() };
            Some((spec.variable, value))
        };
        let options = Self(flags().filter_map(given).collect());
        Options::from_lookup(|variable| options.lookup(variable))
            .map_err(|error| clap::Error::raw(clap::error::ErrorKind::InvalidValue, error.to_string()))?;
        Ok(options)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

impl Args for PreloadOptions {
    fn augment_args(command: clap::Command) -> clap::Command {
        flags().fold(command, |command, spec| {
            let default = match spec.default {
                "" => String::new(),
                default => format!(" [default: {default}]"),
            };
            command.arg(
                Arg::new(spec.flag)
                    .long(spec.flag)
                    .value_name(spec.value)
                    .action(if is_list(spec) { ArgAction::Append } else { ArgAction::Set })
                    .help(format!("{}{default}", spec.meaning))
                    .hide_short_help(true)
                    .help_heading(HEADING),
            )
        })
    }

    fn augment_args_for_update(command: clap::Command) -> clap::Command {
        Self::augment_args(command)
    }
}

/// Reads a number of seconds, fractions allowed.
///
/// # Errors
/// What is not a positive number.
pub fn seconds(text: &str) -> Result<Duration, String> {
    let wrong = || "give a positive number of seconds".to_owned();
    let seconds: f64 = text.parse().map_err(|_| wrong())?;
    Duration::try_from_secs_f64(seconds).ok().filter(|duration| !duration.is_zero()).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    fn options_of(arguments: &[&str]) -> Result<PreloadOptions, clap::Error> {
        let line = [&["sockfuzz", "run"], arguments, &["--", "server"]].concat();
        match Cli::try_parse_from(line)?.command {
            Command::Run(arguments) => Ok(arguments.preload.options),
            other => panic!("asked for run, got {other:?}"),
        }
    }

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn flags_become_variables() {
        let options = options_of(&["--transport", "tcp", "--port", "80"]).expect("valid");
        let variables: Vec<_> = options.variables().collect();
        assert_eq!(variables, [("SOCKFUZZ_TRANSPORT", "tcp"), ("SOCKFUZZ_PORT", "80")]);
    }

    #[test]
    fn writable_directories_add_up_and_become_absolute() {
        let options = options_of(&["--writable", "/a:/b", "--writable", "c"]).expect("valid");
        let here = std::env::current_dir().expect("a working directory");
        let list = format!("/a:/b:{}/c", here.display());
        assert_eq!(options.variables().collect::<Vec<_>>(), [("SOCKFUZZ_WRITABLE", list.as_str())]);
    }

    #[test]
    fn a_value_that_the_preload_would_refuse_is_refused_here() {
        let error = options_of(&["--transport", "carrier-pigeon"]).expect_err("unknown");
        assert!(error.to_string().contains("give auto|unix|tcp"), "{error}");
    }

    #[test]
    fn seconds_are_positive() {
        assert_eq!(seconds("0.5"), Ok(Duration::from_millis(500)));
        for wrong in ["0", "-1", "NaN", "soon"] {
            assert!(seconds(wrong).is_err(), "{wrong}");
        }
    }
}
