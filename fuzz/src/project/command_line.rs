//! The user's command line, completed from the project file.

use std::env;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::builder::{OsStringValueParser, TypedValueParser};
use clap::{Arg, ArgMatches, Command};

use super::additions::Additions;
use super::check;
use super::file::ProjectFile;
use super::keys::SERVER;
use super::user_line::UserLine;
use super::words::is_path;
use crate::note;
use crate::util::home_bundle;
use crate::util::notice::{self, Verbosity};
use crate::util::shell::shell_quoted;

/// Command line with the arguments that the project file adds.
#[derive(Debug)]
pub struct CompletedLine {
    command: Command,
    words: Vec<OsString>,
    /// The file, if it adds anything.
    source: Option<String>,
    /// Directory of the file, if the server is its own.
    directory: Option<PathBuf>,
}

impl CompletedLine {
    /// Completes the words, of which the first is the name of this program, unless they give a server.
    ///
    /// # Errors
    /// A project file with errors.
    pub fn new(command: Command, words: Vec<OsString>) -> Result<Self> {
        let user = UserLine::parse(&command, &words).filter(|user| !user.gives(SERVER));
        let line = Self { command, words, source: None, directory: None };
        let Some(user) = user.filter(|_| home_bundle::current().is_none()) else { return Ok(line) };
        let Some(file) = ProjectFile::find()? else { return Ok(line) };
        let table = file.table()?;
        check::check(&line.command, &file, &table)?;
        let added = Additions::collect(&line.command, &user, &file, &table)?;
        Ok(line.with(&user, &file, added))
    }

    fn with(mut self, user: &UserLine, file: &ProjectFile, added: Additions) -> Self {
        if added.options.is_empty() && added.server.is_empty() {
            return self;
        }
        // The server's words come last, after the dashes that the user may have given without a server.
        let dashes = self.words.pop_if(|last| !added.server.is_empty() && last == "--");
        let dashes = dashes.or_else(|| (!added.server.is_empty()).then(|| "--".into()));
        let after_name = user.position() + 1;
        self.words.splice(after_name..after_name, added.options.into_iter().map(Into::into));
        self.words.extend(dashes.into_iter().chain(added.server.iter().map(Into::into)));
        self.source = Some(file.to_string()).filter(|_| !user.is_internal());
        self.directory = (!added.server.is_empty()).then(|| file.directory().to_owned());
        if file.directory_above().is_some() {
            // The working directory will be that of the file.
            let here = file.here().to_owned();
            self.command = self.command.mut_subcommand(user.command().get_name(), |command| {
                command.mut_args(|argument| with_paths_from(argument, &here))
            });
        }
        self
    }

    /// Parses the completed line. Like clap, prints errors and help texts itself, and ends this process.
    #[must_use]
    pub fn matches(&self) -> ArgMatches {
        self.command.clone().try_get_matches_from(&self.words).unwrap_or_else(|error| {
            if let Some(source) = self.source.as_ref().filter(|_| error.use_stderr()) {
                eprintln!("sockfuzz: with {source}, the command is: {}", self.text());
            }
            error.exit()
        })
    }

    /// Says which file is used, and changes to the directory of the server.
    ///
    /// # Errors
    /// When the directory cannot be entered.
    pub fn enter(&self) -> Result<()> {
        if let Some(source) = &self.source {
            note!("using {source}");
            if notice::is_at_least(Verbosity::Verbose) {
                eprintln!("sockfuzz: + {}", self.text());
            }
        }
        let Some(directory) = &self.directory else { return Ok(()) };
        env::set_current_dir(directory).with_context(|| format!("cannot enter {}", directory.display()))
    }

    fn text(&self) -> String {
        let words = self.words.iter().skip(1).map(OsString::as_os_str);
        shell_quoted([OsStr::new("sockfuzz")].into_iter().chain(words))
    }
}

/// Makes the paths that an argument takes relative to this directory.
fn with_paths_from(argument: Arg, directory: &Path) -> Arg {
    if !is_path(&argument) {
        return argument;
    }
    let directory = directory.to_owned();
    argument.value_parser(OsStringValueParser::new().map(move |path| directory.join(path)))
}
