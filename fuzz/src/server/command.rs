//! The server's command line, and the commands that run it with and without the preload.

use std::env;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;
use sockfuzz_protocol::{Mode, specs};

use super::sanitizers;
use super::status_file::StatusFile;
use crate::options::PreloadOptions;
use crate::util::shell::shell_quoted;
use crate::util::{exit_code, problem::Problem};

/// Command line of a server, with the absolute path of its program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    /// Absolute path of the program.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<OsString>,
    /// Shared runtime of the server's sanitizer, if it has one. It is preloaded before our library.
    pub sanitizer: Option<String>,
}

impl Server {
    /// Resolves a command line. Like a shell, searches PATH for a program name without a slash.
    ///
    /// # Errors
    /// When the program is missing or cannot be executed.
    pub fn resolve(line: &[OsString]) -> Result<Self> {
        let (name, arguments) = line.split_first().ok_or_else(|| {
            Problem::new(
                exit_code::NOT_EXECUTABLE,
                "no server is given",
                "put the server's command line after --",
            )
        })?;
        let program = which::which(name).map_err(|_| not_executable(name))?;
        Ok(Self::new(std::path::absolute(program)?, arguments.to_vec()))
    }

    /// Returns the server with the given program and arguments.
    #[must_use]
    pub fn new(program: PathBuf, arguments: Vec<OsString>) -> Self {
        let sanitizer = sanitizers::shared_runtime(&program);
        Self { program, arguments, sanitizer }
    }

    /// Returns the command line, quoted for a shell.
    #[must_use]
    pub fn command_line(&self) -> String {
        let arguments = self.arguments.iter().map(OsString::as_os_str);
        shell_quoted(std::iter::once(self.program.as_os_str()).chain(arguments))
    }

    /// Returns the command that runs the server without the preload.
    #[must_use]
    pub fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.args(&self.arguments);
        command
    }

    /// Returns the command that runs the server once, with the preload.
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

/// Returns the value of a variable such as `LD_PRELOAD`: the sanitizer's runtime, which has to be first, the
/// libraries that the user preloads through the variable, and our library.
#[must_use]
pub fn preload_list(variable: &str, sanitizer: Option<&str>, library: &Path) -> OsString {
    let users = env::var_os(variable).filter(|list| !list.is_empty());
    let first = sanitizer.map(OsString::from);
    let all: Vec<_> = first.into_iter().chain(users).chain([library.into()]).collect();
    all.join(OsStr::new(":"))
}

fn not_executable(name: &OsStr) -> Problem {
    let path = Path::new(name);
    let shown = path.display();
    let (what, remedy) = if path.is_dir() {
        (format!("the server {shown} is a directory"), "give the path of the program itself".to_owned())
    } else if path.exists() {
        (format!("the server {shown} is not executable"), format!("make it executable: chmod +x {shown}"))
    } else if path.components().count() > 1 {
        (format!("the server {shown} does not exist"), "check the path, or build the server first".to_owned())
    } else {
        (
            format!("the server {shown} is not on PATH"),
            format!("install it, or give its path (./{shown} for the current directory)"),
        )
    };
    Problem::new(exit_code::NOT_EXECUTABLE, what, remedy)
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
}
