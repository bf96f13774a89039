//! The server under test: its command line, looking at its file, running it, and finding out
//! what it does when it does not serve.

pub mod backtrace;
pub mod diagnose;
pub mod inspect;
pub mod plain_run;
pub mod process_tree;
pub mod running;
pub mod sanitizers;
pub mod single_run;

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;
use sockfuzz_protocol::{Mode, specs};

use crate::afl::environment::preload_list;
use crate::cli::PreloadOptions;
use crate::problem::{Problem, exit};
use crate::status_file::StatusFile;

/// A server's command line, its program found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    /// The program's absolute path.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<OsString>,
    /// The sanitizer's shared runtime that is to be preloaded before ours, if there is one.
    pub sanitizer: Option<String>,
}

impl Server {
    /// Finds the program as a shell would: a name on PATH, a path where it is.
    ///
    /// # Errors
    /// A program that is missing or cannot be executed.
    pub fn resolve(line: &[OsString]) -> Result<Self> {
        let (name, arguments) = line.split_first().ok_or_else(|| {
            Problem::new(exit::NOT_EXECUTABLE, "no server is given", "put the server's command line after --")
        })?;
        let program = which::which(name).map_err(|_| not_executable(name))?;
        Ok(Self::new(std::path::absolute(program)?, arguments.to_vec()))
    }

    /// The server in this file.
    #[must_use]
    pub fn new(program: PathBuf, arguments: Vec<OsString>) -> Self {
        let sanitizer = sanitizers::shared_runtime(&program);
        Self { program, arguments, sanitizer }
    }

    /// The command line as one would type it.
    #[must_use]
    pub fn shown(&self) -> String {
        quoted(std::iter::once(self.program.as_os_str()).chain(self.words()))
    }

    /// The arguments, borrowed.
    pub fn words(&self) -> impl Iterator<Item = &OsStr> {
        self.arguments.iter().map(OsString::as_os_str)
    }

    /// The server as a command, without the preload.
    #[must_use]
    pub fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.args(&self.arguments);
        command
    }

    /// The server as a command with the preload in it, for a single run.
    #[must_use]
    pub fn preloaded(&self, library: &Path, options: &PreloadOptions, status: &StatusFile) -> Command {
        let mut command = self.command();
        command
            .env("LD_PRELOAD", preload_list("LD_PRELOAD", self.sanitizer.as_deref(), library))
            .envs(options.variables())
            .env(specs::MODE.variable, Mode::Once.to_string())
            .env(specs::STATUS.variable, status.path());
        command
    }
}

/// Words as a shell would take them apart again.
pub fn quoted<'a>(words: impl IntoIterator<Item = &'a OsStr>) -> String {
    let words: Vec<_> = words.into_iter().map(OsStr::to_string_lossy).collect();
    shell_words::join(words)
}

fn not_executable(name: &OsStr) -> Problem {
    let path = Path::new(name);
    let shown = path.display();
    let (what, remedy) = if path.is_dir() {
        (format!("the server {shown} is a directory"), "give the path of the program itself".to_owned())
    } else if path.exists() {
        (format!("the server {shown} is not executable"), format!("make it so with: chmod +x {shown}"))
    } else if path.components().count() > 1 {
        (format!("the server {shown} does not exist"), "check the path, or build the server first".to_owned())
    } else {
        (
            format!("the server {shown} is not on PATH"),
            format!("install it, or give its path (./{shown} for the current directory)"),
        )
    };
    Problem::new(exit::NOT_EXECUTABLE, what, remedy)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(name: &str) -> String {
        Server::resolve(&[name.into()]).expect_err("not a server").to_string()
    }

    #[test]
    fn each_unusable_program_has_its_own_remedy() {
        assert!(refusal("/").contains("directory"));
        assert!(refusal("/proc/self/status").contains("chmod +x"));
        assert!(refusal("./no-such-server").contains("check the path"));
        assert!(refusal("no-such-server").contains("not on PATH"));
    }

    #[test]
    fn a_shown_line_reads_back_as_the_same_words() {
        let words = ["/bin/a b", "it's", "$HOME", "daemon off;", ""];
        let line = quoted(words.iter().map(OsStr::new));
        assert_eq!(shell_words::split(&line).expect("valid"), words);
    }
}
