//! Keys of the project file: the flags of each command that it may set.

use clap::{Arg, Command};

use crate::options::HEADING;

/// Commands that read the file. Each has a table of its own for its own flags, except [`FUZZ`], whose keys stand at the top.
pub const COMMANDS: [&str; 8] = ["fuzz", "run", "check", "cover", "replay", "triage", "report", "bundle"];

/// Command whose flags are the keys at the top of the file.
pub(super) const FUZZ: &str = "fuzz";

/// Key and argument of the server's command line.
pub const SERVER: &str = "server";

/// Flags that would have no meaning in the file.
const NEVER: &[&str] = &["help", "version", "no-build"];

/// Keys at the top of the file that count for every command that has them, besides the options of the preload.
const SHARED: &[&str] = &[SERVER, "build", "env", "preload", "corpus", "dictionary", "uninstrumented"];

/// Whether a key at the top of the file counts for every command that has it. The others are only of `sockfuzz fuzz`.
#[must_use]
pub fn is_shared(argument: &Arg) -> bool {
    SHARED.contains(&name(argument)) || argument.get_help_heading() == Some(HEADING)
}

/// Returns the name of an argument in the file.
pub(super) fn name(argument: &Arg) -> &str {
    argument.get_long().unwrap_or(argument.get_id().as_str())
}

/// Whether an argument of the command can stand in the file: its server, or a flag that can be combined with it.
#[must_use]
pub fn is_key(command: &Command, argument: &Arg) -> bool {
    let name = name(argument);
    let excludes_server =
        || command.get_arg_conflicts_with(argument).iter().any(|other| other.get_id() == SERVER);
    let is_flag = argument.get_long().is_some() && !argument.is_hide_set() && !NEVER.contains(&name);
    name == SERVER || (is_flag && !excludes_server())
}

/// Returns the argument of a command for a key.
pub(super) fn find<'a>(command: &'a Command, key: &str) -> Option<&'a Arg> {
    command.get_arguments().find(|argument| name(argument) == key && is_key(command, argument))
}

/// Returns what is most similar to a key that does not exist.
pub(super) fn nearest<'a>(command: &'a Command, key: &str) -> Option<&'a str> {
    let keys = command.get_arguments().filter(|argument| is_key(command, argument)).map(name);
    let tables = COMMANDS.into_iter().filter(|_| command.get_name() == FUZZ);
    let similarity = |name: &str| strsim::jaro_winkler(name, key);
    keys.chain(tables).max_by(|one, other| similarity(one).total_cmp(&similarity(other)))
}
