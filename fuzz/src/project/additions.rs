//! What the project file adds to a command line.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::{Arg, Command};
use toml::de::{DeTable, DeValue};

use super::file::ProjectFile;
use super::keys::{self, FUZZ, SERVER, is_shared, name};
use super::user_line::UserLine;
use super::words;
use crate::util::problem::Problem;

/// Key of the output directory, on which other commands than `fuzz` work if they are given none.
const OUTPUT: &str = "output";

/// Words that the file adds.
#[derive(Debug, Default)]
pub(super) struct Additions {
    /// Options, and the output directory of a campaign.
    pub(super) options: Vec<String>,
    /// The server's command line.
    pub(super) server: Vec<String>,
}

impl Additions {
    /// Collects what the file gives to the command of the user.
    ///
    /// # Errors
    /// A file without a server, and a campaign whose record cannot be read.
    pub(super) fn collect(
        root: &Command,
        user: &UserLine,
        file: &ProjectFile,
        table: &DeTable<'_>,
    ) -> Result<Self> {
        let base = file.directory_above();
        let output = output(root, table, base)?;
        let command = user.command();
        let server = command.get_arguments().find(|argument| name(argument) == SERVER);
        let takes_server =
            server.is_some_and(|server| !user.excludes(server)) && !user.replays_campaign(&output)?;
        let own = table.get(command.get_name()).and_then(|value| value.get_ref().as_table());
        let is_own = |key: &str| own.is_some_and(|own| own.contains_key(key));
        let is_fuzz = command.get_name() == FUZZ;

        let mut added = Self::default();
        for (key, value) in own.into_iter().flatten() {
            let counts = |argument: &Arg| takes_server || name(argument) != SERVER;
            added.add(user, key.get_ref(), value.get_ref(), base, counts);
        }
        for (key, value) in table.iter().filter(|(key, _)| takes_server && !is_own(key.get_ref())) {
            let counts = |argument: &Arg| is_shared(argument) || (is_fuzz && name(argument) != OUTPUT);
            added.add(user, key.get_ref(), value.get_ref(), base, counts);
        }
        if takes_server && added.server.is_empty() {
            let what = format!("{file} names no server");
            let remedy =
                "add a line such as server = \"./server ARGS\", or put the server's command line after --";
            return Err(Problem::failed(what, remedy).into());
        }
        let shown = output.display();
        if user.lacks_output() {
            added.options.push(shown.to_string());
        } else if is_fuzz && takes_server && !user.gives(OUTPUT) {
            added.options.push(format!("--{OUTPUT}={shown}"));
        }
        Ok(added)
    }

    /// Adds the words of a key that `counts` for the command, and that the user has not given.
    fn add(
        &mut self,
        user: &UserLine,
        key: &str,
        value: &DeValue<'_>,
        base: Option<&Path>,
        counts: impl Fn(&Arg) -> bool,
    ) {
        let argument =
            keys::find(user.command(), key).filter(|argument| counts(argument) && !user.excludes(argument));
        let Some(argument) = argument else { return };
        let given = user.gives(argument.get_id().as_str());
        // The file has been checked.
        let words = words::words(argument, value, base).unwrap_or_default();
        if key == SERVER {
            self.server = words;
        } else if value.is_table() {
            let prefix = format!("--{key}=");
            let is_new = |word: &String| !user.gives_pair(argument, word.trim_start_matches(&prefix));
            self.options.extend(words.into_iter().filter(is_new));
        } else if !given {
            self.options.extend(words);
        }
    }
}

/// Returns the output directory of the campaign: that of the file, or the default one of `fuzz`.
fn output(root: &Command, table: &DeTable<'_>, base: Option<&Path>) -> Result<PathBuf> {
    let fuzz = root.find_subcommand(FUZZ).context("there is no command fuzz")?;
    let default = keys::find(fuzz, OUTPUT).and_then(|argument| argument.get_default_values().first());
    let output = match table.get(OUTPUT).and_then(|value| value.get_ref().as_str()) {
        Some(given) => Path::new(given),
        None => default.map(Path::new).context("there is no default output directory")?,
    };
    Ok(base.map_or_else(|| output.to_owned(), |base| base.join(output)))
}
