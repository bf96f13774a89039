//! What the user has given on the command line and in the environment.

use std::ffi::{OsStr, OsString};
use std::path::Path;

use anyhow::Result;
use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, Command};

use super::keys::COMMANDS;
use super::words::pair_name;
use crate::campaign::record::CampaignRecord;
use crate::options::flags::is_in_environment;

/// Command that takes the server of a campaign, if its inputs belong to one.
const REPLAY: &str = "replay";

/// Arguments for the output directory of a campaign that have no flag.
const OUTPUT_ARGUMENTS: &[&str] = &["out", "files"];

/// What the user has given.
#[derive(Debug)]
pub(super) struct UserLine {
    /// The subcommand.
    command: Command,
    /// Position of its name.
    position: usize,
    matches: ArgMatches,
}

impl UserLine {
    /// Parses the words as far as possible. What is wrong with them, the parser of the completed line says.
    pub(super) fn parse(root: &Command, words: &[OsString]) -> Option<Self> {
        let mut matches = root.clone().ignore_errors(true).try_get_matches_from(words).ok()?;
        let (name, matches) = matches.remove_subcommand()?;
        let command = root.find_subcommand(&name).filter(|_| COMMANDS.contains(&&*name))?.clone();
        let position = words.iter().skip(1).position(|word| *word == *name)? + 1;
        Some(Self { command, position, matches })
    }

    /// Returns the subcommand.
    pub(super) fn command(&self) -> &Command {
        &self.command
    }

    /// Returns the position of its name among the words.
    pub(super) fn position(&self) -> usize {
        self.position
    }

    /// Whether the user has given this argument, on the command line or in the environment.
    pub(super) fn gives(&self, id: &str) -> bool {
        let is_known = self.command.get_arguments().any(|argument| argument.get_id() == id);
        let source = is_known.then(|| self.matches.value_source(id)).flatten();
        source.is_some_and(|source| source != ValueSource::DefaultValue) || is_in_environment(id)
    }

    /// Whether the user has given an argument with which this one cannot be combined.
    pub(super) fn excludes(&self, argument: &Arg) -> bool {
        let conflicts = |one: &Arg, other: &Arg| {
            self.command.get_arg_conflicts_with(one).iter().any(|it| it.get_id() == other.get_id())
        };
        let given = |other: &&Arg| self.gives(other.get_id().as_str());
        let arguments = self.command.get_arguments();
        arguments.filter(given).any(|other| conflicts(argument, other) || conflicts(other, argument))
    }

    /// Whether the user has given this entry of a list of pairs.
    pub(super) fn gives_pair(&self, argument: &Arg, word: &str) -> bool {
        let given = self.matches.get_raw(argument.get_id().as_str()).into_iter().flatten();
        given.map(OsStr::to_string_lossy).any(|given| pair_name(&given) == pair_name(word))
    }

    /// Whether sockfuzz itself has started this process.
    pub(super) fn is_internal(&self) -> bool {
        let hidden = self.command.get_arguments().filter(|argument| argument.is_hide_set());
        hidden.map(Arg::get_id).any(|id| self.gives(id.as_str()))
    }

    /// Whether the command works on the output directory of a campaign, and the user gives none.
    pub(super) fn lacks_output(&self) -> bool {
        let arguments = self.command.get_arguments().map(|argument| argument.get_id().as_str());
        arguments.filter(|id| OUTPUT_ARGUMENTS.contains(id)).any(|id| !self.gives(id))
    }

    /// Whether the command is `replay`, with inputs that belong to a campaign. `output` is the output directory if none are given.
    pub(super) fn replays_campaign(&self, output: &Path) -> Result<bool> {
        if self.command.get_name() != REPLAY {
            return Ok(false);
        }
        let given = self.matches.get_raw("files");
        let mut paths = given.map_or(vec![output], |given| given.map(Path::new).collect()).into_iter();
        paths.try_fold(false, |found, path| Ok(found || CampaignRecord::find(path)?.is_some()))
    }
}
