//! The server's command line, and the commands that run it with and without the preload.

use std::collections::BTreeMap;
use std::env;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;
use sockfuzz_launcher::launch::{self, PRELOAD};
use sockfuzz_protocol::{Mode, PRELOAD_FILE, Tls, specs};

use super::sanitizers;
use super::status_file::StatusFile;
use crate::options::PreloadOptions;
use crate::util::home_bundle;
use crate::util::memory_file::MemoryFile;
use crate::util::shell::shell_quoted;
use crate::util::{exit_code, problem::Problem};

/// Command line of a server, with the absolute path of its program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    /// Absolute path of the program.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<OsString>,
    /// Variables of its environment, in addition to those of this process.
    pub variables: BTreeMap<String, String>,
    /// Shared runtime of the server's sanitizer, if it has one. It is preloaded before our library.
    pub sanitizer: Option<String>,
    /// What it needs to find its files, if it is in a bundle.
    pub surroundings: Surroundings,
}

/// Surroundings of a server that is not where it was built.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Surroundings {
    /// Working directory.
    directory: Option<PathBuf>,
    /// Variables by which it finds its files when it runs without the rest of the preload.
    variables: Vec<(&'static str, OsString)>,
}

impl Surroundings {
    fn of_program(program: &Path) -> Self {
        let bundle = home_bundle::current().filter(|bundle| bundle.server_program() == program);
        let Some(bundle) = bundle else { return Self::default() };
        let sanitizer = bundle.description.server.sanitizer.as_deref();
        let preload = preload_list(PRELOAD, sanitizer, &bundle.program(PRELOAD_FILE));
        let variables = [(PRELOAD, preload), (specs::MODE.variable, Mode::Off.to_string().into())];
        let is_relocated = !bundle.description.server.relocated.is_empty();
        Self {
            directory: bundle.server_directory(),
            variables: variables.into_iter().filter(|_| is_relocated).collect(),
        }
    }
}

impl Server {
    /// Resolves a command line. Like a shell, searches PATH for a program name without a slash. In a bundle, an empty one
    /// means the bundle's server.
    ///
    /// # Errors
    /// When the program is missing or cannot be executed.
    pub fn resolve(line: &[OsString]) -> Result<Self> {
        let Some((name, arguments)) = line.split_first() else { return Self::of_bundle() };
        let program = which::which(name).map_err(|_| not_executable(name))?;
        Ok(Self::new(std::path::absolute(program)?, arguments.to_vec()))
    }

    /// Returns the server with the given program and arguments.
    #[must_use]
    pub fn new(program: PathBuf, arguments: Vec<OsString>) -> Self {
        let sanitizer = sanitizers::shared_runtime(&program);
        let surroundings = Surroundings::of_program(&program);
        Self { program, arguments, variables: BTreeMap::new(), sanitizer, surroundings }
    }

    /// Returns this server with these variables in its environment.
    #[must_use]
    pub fn with_variables(self, variables: BTreeMap<String, String>) -> Self {
        Self { variables, ..self }
    }

    fn of_bundle() -> Result<Self> {
        let Some(bundle) = home_bundle::current() else {
            let what = "no server is given";
            let remedy = "put the server's command line after --";
            return Err(Problem::new(exit_code::NOT_EXECUTABLE, what, remedy).into());
        };
        let arguments = bundle.description.server.arguments.iter().map(OsString::from).collect();
        Ok(Self::new(bundle.server_program(), arguments))
    }

    /// Returns the working directory that the server needs; any will do if there is none.
    #[must_use]
    pub fn directory(&self) -> Option<&Path> {
        self.surroundings.directory.as_deref()
    }

    /// Returns the command line, quoted for a shell.
    #[must_use]
    pub fn command_line(&self) -> String {
        let arguments = self.arguments.iter().map(OsString::as_os_str);
        shell_quoted(std::iter::once(self.program.as_os_str()).chain(arguments))
    }

    /// Returns the words that run the server in any shell or program, with its variables by env(1).
    #[must_use]
    pub fn portable_line(&self) -> Vec<OsString> {
        let env = (!self.variables.is_empty()).then(|| "env".to_owned());
        let assignments = self.variables.iter().map(|(name, value)| format!("{name}={value}"));
        let words = env.into_iter().chain(assignments).map(OsString::from);
        words.chain([self.program.clone().into()]).chain(self.arguments.iter().cloned()).collect()
    }

    /// Returns the command that runs the server without the preload.
    #[must_use]
    pub fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command
            .args(&self.arguments)
            .envs(&self.variables)
            .envs(self.surroundings.variables.iter().map(|(name, value)| (name, value)));
        if let Some(directory) = self.directory() {
            command.current_dir(directory);
        }
        command
    }

    /// Returns the command that runs the server once, with the preload.
    #[must_use]
    pub fn preloaded(&self, library: &Path, options: &PreloadOptions, status: &StatusFile) -> Command {
        let mut command = self.command();
        command
            .env(PRELOAD, preload_list(PRELOAD, self.sanitizer.as_deref(), library))
            .envs(options.variables())
            .env(specs::MODE.variable, Mode::Once.to_string())
            .env(specs::STATUS.variable, status.path())
            .envs(openssl_setting(options));
        if let Some(file) = env::var_os(KEY_LOG_VARIABLE)
            && let Ok(file) = std::path::absolute(file)
        {
            command.env(specs::KEY_LOG.variable, file);
        }
        command
    }

    /// Returns the command that runs the server as it is, with the preload, which saves what its clients send.
    #[must_use]
    pub fn recorded(&self, library: &Path, recording: &MemoryFile) -> Command {
        let mut command = self.command();
        command
            .env(PRELOAD, preload_list(PRELOAD, self.sanitizer.as_deref(), library))
            .env(specs::MODE.variable, Mode::Record.to_string())
            .env(specs::RECORDING.variable, recording.path());
        command
    }
}

/// Variable of the file to which clients of TLS write their secrets, by a convention of NSS that curl and browsers follow.
const KEY_LOG_VARIABLE: &str = "SSLKEYLOGFILE";

/// Variable that masks features of the processor for OpenSSL (OPENSSL_ia32cap(3)), and its value: no time stamp counter, no
/// RDRAND and no RDSEED, which give other values in each run.
const OPENSSL_FEATURES: (&str, &str) = ("OPENSSL_ia32cap", "~0x4000000000000010:~0x00040000");

/// Returns the variable that makes OpenSSL repeatable, unless the server speaks no TLS, or the user has set it.
pub fn openssl_setting(options: &PreloadOptions) -> Option<(&'static str, &'static str)> {
    let is_wanted = options.parsed().tls != Tls::Off && env::var_os(OPENSSL_FEATURES.0).is_none();
    is_wanted.then_some(OPENSSL_FEATURES)
}

/// Returns the value of a variable such as `LD_PRELOAD`: the sanitizer's runtime, which has to be first, the
/// libraries that the user preloads through the variable, and our library.
#[must_use]
pub fn preload_list(variable: &str, sanitizer: Option<&str>, library: &Path) -> OsString {
    launch::preload_list(sanitizer, env::var_os(variable).as_deref(), library)
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
