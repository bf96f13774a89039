//! Check of the project file against the flags of the commands.

use std::ops::Range;

use anyhow::{Context, Result};
use clap::Command;
use clap::error::ErrorKind;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::file::ProjectFile;
use super::keys::{self, COMMANDS, FUZZ, SERVER};
use super::words;

/// Checks all keys and values, of whichever command.
///
/// # Errors
/// Keys that do not exist, and values that their flags do not accept.
pub(super) fn check(root: &Command, file: &ProjectFile, table: &DeTable<'_>) -> Result<()> {
    let command =
        |name: &str| root.find_subcommand(name).with_context(|| format!("there is no command {name}"));
    for (key, value) in table {
        let name: &str = key.get_ref();
        match COMMANDS.contains(&name) && name != FUZZ {
            true => file.table_of(name, value)?.iter().try_for_each(|(key, value)| {
                check_key(command(name)?, file, key.span(), key.get_ref(), value)
            })?,
            false => check_key(command(FUZZ)?, file, key.span(), name, value)?,
        }
    }
    Ok(())
}

fn check_key(
    command: &Command,
    file: &ProjectFile,
    place: Range<usize>,
    key: &str,
    value: &Spanned<DeValue<'_>>,
) -> Result<()> {
    let Some(argument) = keys::find(command, key) else {
        let nearest =
            keys::nearest(command, key).map_or(String::new(), |key| format!("; did you mean {key}?"));
        let of =
            if command.get_name() == FUZZ { String::new() } else { format!(" in [{}]", command.get_name()) };
        return Err(file.problem(place, format!("unknown key {key}{of}{nearest}")).into());
    };
    let problem = |what: String| file.problem(value.span(), format!("{key}: {what}"));
    let words = words::words(argument, value.get_ref(), None).map_err(problem)?;
    match refusal(command, words).filter(|_| key != SERVER) {
        Some(refusal) => Err(problem(refusal).into()),
        None => Ok(()),
    }
}

/// Returns why the command does not accept these words, whatever other arguments it has.
fn refusal(command: &Command, words: Vec<String>) -> Option<String> {
    let error = command.clone().no_binary_name(true).try_get_matches_from(words).err()?;
    if error.kind() == ErrorKind::MissingRequiredArgument {
        return None;
    }
    let text = error.to_string();
    let first = text.split("\n\n").next().unwrap_or_default();
    Some(first.trim_start_matches("error: ").to_owned())
}
