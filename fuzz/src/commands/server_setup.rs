//! What a server needs before it starts: its build, and variables of its environment.

use std::collections::BTreeMap;
use std::env;
use std::ffi::OsString;
use std::process::Command;

use anyhow::Result;
use clap::Args;

use crate::note;
use crate::server::Server;
use crate::util::workspace;

/// Variables whose names begin so are options of sockfuzz.
const OWN_PREFIX: &str = "SOCKFUZZ_";

/// Arguments of all commands that start a server by its command line.
#[derive(Debug, Args)]
pub struct SetupArguments {
    /// Shell command that builds the server, run first; its sockfuzz is this one
    #[arg(long, value_name = "COMMAND")]
    pub build: Option<String>,
    /// Do not run the build command of sockfuzz.toml
    #[arg(long, conflicts_with = "build")]
    pub no_build: bool,
    /// Variable for the environment of the server; may be repeated
    #[arg(long, value_name = "NAME=VALUE", value_parser = variable)]
    pub env: Vec<(String, String)>,
}

impl SetupArguments {
    /// Builds the server, and returns the one with this command line.
    ///
    /// # Errors
    /// A build that fails, an interruption by the user, and a program that is missing or cannot be executed.
    pub fn server(&self, line: &[OsString]) -> Result<Server> {
        if let Some(build) = &self.build {
            run_build(build)?;
        }
        let variables: BTreeMap<_, _> = self.env.iter().cloned().collect();
        Ok(Server::resolve(line)?.with_variables(variables))
    }
}

/// Runs a build command in a shell that finds this program as `sockfuzz`.
///
/// # Errors
/// A build that fails, and an interruption by the user.
pub fn run_build(line: &str) -> Result<()> {
    note!("building the server: {line}");
    let mut command = Command::new("/bin/sh");
    command.args(["-c", line]);
    let own = env::current_exe()?.parent().map(Into::into);
    let path = env::var_os("PATH").unwrap_or_default();
    command.env("PATH", env::join_paths(own.into_iter().chain(env::split_paths(&path)))?);
    workspace::build(command, &format!("the server ({line})"))
}

/// Parses a variable of the server's environment.
fn variable(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, _)) if name.starts_with(OWN_PREFIX) => {
            Err(format!("{name} is an option of sockfuzz: give it by its flag"))
        }
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("give NAME=VALUE".to_owned()),
    }
}
