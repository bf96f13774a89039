//! Command-line arguments that several subcommands share: the options of the preload, the server after
//! `--`, and parsers of values. Flags and variables are also accepted by their former names.

pub mod flags;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Arg, ArgAction, ArgMatches, Args, FromArgMatches};
use sockfuzz_protocol::{
    ChildCrashes, DeadAccept, InputFormat, OptionSpec, Options, Panics, Tls, TlsFound, former_names_in_use,
    specs,
};

use self::flags::{LIST_SEPARATOR, is_list, parse, user_specs};
use crate::util::home_bundle;

/// The server's command line, which is the rest of the arguments; `--` before it is optional.
#[derive(Debug, Args)]
pub struct ServerArguments {
    /// The server and its arguments, preferably in the foreground and as a single process
    #[arg(trailing_var_arg = true, required = home_bundle::current().is_none(), value_name = "SERVER ARGS")]
    pub server: Vec<OsString>,
}

/// The preload library and its options.
#[derive(Debug, Args)]
pub struct PreloadArguments {
    /// The preload library [default: the one beside this executable, built if necessary]
    #[arg(
        long,
        value_name = "FILE",
        env = "SOCKFUZZ_PRELOAD",
        hide_env = true,
        hide_short_help = true,
        help_heading = HEADING
    )]
    pub preload: Option<PathBuf>,
    /// Options of the preload, which the server gets in its environment.
    #[command(flatten)]
    pub options: PreloadOptions,
}

/// Heading of the preload's options in help texts.
pub const HEADING: &str = "Preload options";

/// Options of the preload, given as flags. Options that are not given stay unset, so that the environment
/// can set them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PreloadOptions(Vec<(&'static str, String)>);

impl PreloadOptions {
    /// Returns the variables to set in the server's environment.
    pub fn variables(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.0.iter().map(|(name, value)| (*name, value.as_str()))
    }

    /// Returns these options, with `value` for the option `spec` if neither a flag nor the environment sets it.
    #[must_use]
    pub fn with_default(&self, spec: &OptionSpec, value: &str) -> Self {
        let former = || spec.former.and_then(|former| self.lookup(former.variable));
        match self.lookup(spec.variable).or_else(former) {
            Some(_) => self.clone(),
            None => self.with(spec.variable, value.to_owned()),
        }
    }

    /// Returns these options, with the format of the inputs if it is not set.
    #[must_use]
    pub fn with_input_format(&self, format: InputFormat) -> Self {
        self.with_default(&specs::INPUT, &format.to_string())
    }

    /// Returns these options, with TLS as the server was found to speak it, if that was left to find out.
    #[must_use]
    pub fn with_tls_found(&self, found: Option<TlsFound>) -> Self {
        match found {
            Some(found) if self.parsed().tls == Tls::Auto => {
                let tls = if found.is_tls() { Tls::On } else { Tls::Off };
                self.with(specs::TLS.variable, tls.to_string())
            }
            _ => self.clone(),
        }
    }

    /// Returns these options with the definition of a crash that applies in the loop, for options that are not
    /// set: caught panics, crashes of child processes, and a server that accepts no more connections count, too.
    #[must_use]
    pub fn with_crashes_of_the_loop(&self) -> Self {
        self.with_default(&specs::PANICS, &Panics::Crash.to_string())
            .with_default(&specs::DEAD_ACCEPT, &DeadAccept::Crash.to_string())
            .with_default(&specs::CHILDREN, &ChildCrashes::Crash.to_string())
    }

    /// Returns these options, with this value for the variable.
    #[must_use]
    pub fn with(&self, variable: &'static str, value: String) -> Self {
        let others = self.0.iter().filter(|(name, _)| *name != variable).cloned();
        Self(others.chain([(variable, value)]).collect())
    }

    /// Returns these options, with the values of further ones that are named by their flags.
    ///
    /// # Errors
    /// An unknown flag, or a value that its option does not accept.
    pub fn with_flags<'a>(
        &self,
        named: impl IntoIterator<Item = (&'a String, &'a String)>,
    ) -> Result<Self, String> {
        let mut options = self.clone();
        for (flag, value) in named {
            let spec = user_specs().find(|spec| spec.flag == flag);
            let spec = spec.ok_or_else(|| format!("there is no option {flag}"))?;
            options = options.with(spec.variable, value.clone());
        }
        Options::from_lookup(|variable| options.lookup(variable)).map_err(|error| error.to_string())?;
        Ok(options)
    }

    /// Returns all options that are set, here or in the environment, keyed by their flags.
    #[must_use]
    pub fn named(&self) -> BTreeMap<String, String> {
        let value = |spec: &OptionSpec| self.lookup(spec.variable).filter(|value| !value.is_empty());
        user_specs().filter_map(|spec| Some((spec.flag.to_owned(), value(spec)?))).collect()
    }

    /// Returns these options, with the values in `named` (keyed by flag) for options that are not set.
    ///
    /// # Errors
    /// As for [`Self::with_flags`].
    pub fn with_named_defaults(&self, named: &BTreeMap<String, String>) -> Result<Self, String> {
        let own = self.named();
        self.with_flags(named.iter().filter(|(flag, _)| !own.contains_key(*flag)))
    }

    /// Collects the options that `flag` and `environment` set. A former variable is translated into the new one,
    /// unless the new one is also set: then the preload ignores the former one.
    fn collect(
        flag: impl Fn(&'static OptionSpec) -> Option<String>,
        environment: impl Fn(&str) -> Option<String>,
    ) -> Self {
        let set = |variable| environment(variable).filter(|value| !value.is_empty());
        let former_variable = |spec: &OptionSpec| match set(spec.variable) {
            Some(_) => None,
            None => set(spec.former?.variable),
        };
        let value = |spec| flag(spec).or_else(|| former_variable(spec));
        Self(user_specs().filter_map(|spec| Some((spec.variable, value(spec)?))).collect())
    }

    /// Returns the value that the preload will read: from the flag, otherwise from the environment.
    fn lookup(&self, variable: &str) -> Option<String> {
        self.variables()
            .find(|(name, _)| *name == variable)
            .map(|(_, value)| value.to_owned())
            .or_else(|| std::env::var(variable).ok())
    }

    /// Returns all options as the preload will parse them.
    ///
    /// # Panics
    /// Never: the values were checked when the command line was parsed.
    #[must_use]
    pub fn parsed(&self) -> Options {
        Options::from_lookup(|variable| self.lookup(variable))
            .expect("checked by the parser of the command line")
    }
}

/// Returns the flag that an option had in the previous release.
fn former_flag(spec: &OptionSpec) -> Option<&'static str> {
    spec.former.map(|former| former.flag)
}

/// Returns the notice about a former name that the user has given.
fn former_name_notice(former: &str, name: &str) -> String {
    format!("sockfuzz: {former} is now {name}; the next release removes the former name")
}

/// Returns a notice for each option that is set by its former variable.
pub fn former_variable_notices(is_set: impl Fn(&str) -> bool) -> impl Iterator<Item = String> {
    former_names_in_use(is_set).map(|(former, spec)| former_name_notice(former.variable, spec.variable))
}

/// Returns a notice for each option that is given by its former flag.
fn former_flag_notices(matches: &ArgMatches) -> impl Iterator<Item = String> {
    user_specs().filter_map(|spec| {
        let former = former_flag(spec).filter(|flag| matches.contains_id(flag))?;
        Some(former_name_notice(&format!("--{former}"), &format!("--{}", spec.flag)))
    })
}

impl FromArgMatches for PreloadOptions {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let value_of = |flag: &str| {
            let values: Vec<&str> = matches.get_many::<String>(flag)?.map(String::as_str).collect();
            Some(values.join(LIST_SEPARATOR))
        };
        let flag = |spec: &'static OptionSpec| value_of(spec.flag).or_else(|| value_of(former_flag(spec)?));
        let options = Self::collect(flag, |variable| std::env::var(variable).ok());
        Options::from_lookup(|variable| options.lookup(variable))
            .map_err(|error| clap::Error::raw(clap::error::ErrorKind::InvalidValue, error.to_string()))?;
        former_flag_notices(matches).for_each(|notice| eprintln!("{notice}"));
        Ok(options)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

impl Args for PreloadOptions {
    fn augment_args(command: clap::Command) -> clap::Command {
        user_specs().fold(command, |command, spec| {
            let command = command.arg(argument(spec));
            match former_flag(spec) {
                Some(former) => command.arg(former_argument(spec, former)),
                None => command,
            }
        })
    }

    fn augment_args_for_update(command: clap::Command) -> clap::Command {
        Self::augment_args(command)
    }
}

/// Returns the argument for the flag of an option.
fn argument(spec: &'static OptionSpec) -> Arg {
    let default = match spec.default {
        "" => String::new(),
        default => format!(" [default: {default}]"),
    };
    Arg::new(spec.flag)
        .long(spec.flag)
        .value_name(spec.value)
        .value_parser(move |value: &str| parse(spec, value))
        .action(if is_list(spec) { ArgAction::Append } else { ArgAction::Set })
        .help(format!("{}{default}", spec.meaning))
        .hide_short_help(true)
        .help_heading(HEADING)
}

/// Returns the argument for the former flag of an option, which help texts do not show.
fn former_argument(spec: &'static OptionSpec, former: &'static str) -> Arg {
    Arg::new(former)
        .long(former)
        .value_name(spec.value)
        .value_parser(move |value: &str| parse(spec, value))
        .hide(true)
        .conflicts_with(spec.flag)
}

/// Parses a positive number of seconds, fractions allowed.
///
/// # Errors
/// Anything else.
pub fn seconds(text: &str) -> Result<Duration, String> {
    let wrong = || "give a positive number of seconds".to_owned();
    let seconds: f64 = text.parse().map_err(|_| wrong())?;
    Duration::try_from_secs_f64(seconds).ok().filter(|duration| !duration.is_zero()).ok_or_else(wrong)
}

#[cfg(test)]
mod tests;
