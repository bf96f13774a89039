//! Project file that `sockfuzz init` writes: keys with what it has found out, and comments that name other keys.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::fs::OpenOptions;
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use toml::Value;

use super::FILE_NAME;
use crate::util::problem::Problem;

/// Content of a new project file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FirstFile {
    /// Command line of the server, quoted for a shell.
    pub server: String,
    /// Command that builds it.
    pub build: Option<String>,
    /// Whether the build is only a suggestion, because the server is there.
    pub is_suggestion: bool,
    /// Ports at which it listens, that of the fuzzed listener first.
    pub ports: Vec<u16>,
    /// Directories that it has to write to.
    pub writable: Vec<PathBuf>,
    /// Further options, keyed by flag.
    pub options: BTreeMap<String, String>,
    /// Variables of its environment.
    pub variables: BTreeMap<String, String>,
    /// What is still missing.
    pub missing: Option<String>,
}

impl FirstFile {
    /// Checks that there is no file yet.
    ///
    /// # Errors
    /// When there is one.
    pub fn require_none(directory: &Path) -> Result<(), Problem> {
        if directory.join(FILE_NAME).symlink_metadata().is_ok() { Err(existing()) } else { Ok(()) }
    }

    /// Writes the file into a directory.
    ///
    /// # Errors
    /// When there is one, or it cannot be written.
    pub fn write(&self, directory: &Path) -> Result<()> {
        let path = directory.join(FILE_NAME);
        let mut file = match OpenOptions::new().write(true).create_new(true).open(&path) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => return Err(existing().into()),
            other => other.with_context(|| format!("cannot write {}", path.display()))?,
        };
        file.write_all(self.to_string().as_bytes())
            .with_context(|| format!("cannot write {}", path.display()))
    }

    fn text(&self) -> Result<String, fmt::Error> {
        let quoted = |text: &str| Value::from(text).to_string();
        let mut text = "# Read by sockfuzz fuzz, run, check, cover, replay, triage, report and bundle, here and in directories below.\n\
                        # Keys are the flags of sockfuzz fuzz (sockfuzz fuzz --help); flags on the command line win.\n\n"
            .to_owned();
        for line in self.missing.iter().flat_map(|missing| missing.lines()) {
            writeln!(text, "# Missing: {line}")?;
        }
        writeln!(text, "# The server and its arguments; relative paths are relative to this file.")?;
        writeln!(text, "server = {}", quoted(&self.server))?;
        if let Some(build) = &self.build {
            let begin = if self.is_suggestion { "# " } else { "" };
            writeln!(text, "\n# Run in a shell before the server is used; --no-build leaves it out.")?;
            writeln!(text, "{begin}build = {}", quoted(build))?;
        }
        match &self.ports[..] {
            [] => {}
            [port] => writeln!(text, "\n# It listens on port {port} only.\n# port = {port}")?,
            [port, others @ ..] => {
                let others: Vec<_> = others.iter().map(u16::to_string).collect();
                writeln!(
                    text,
                    "\n# The listener to fuzz; the server also listens on {}.",
                    others.join(", ")
                )?;
                writeln!(text, "port = {port}")?;
            }
        }
        if !self.writable.is_empty() {
            let paths: Vec<_> = self.writable.iter().map(|path| quoted(&path.to_string_lossy())).collect();
            writeln!(
                text,
                "\n# What it may write to, in spite of the sandbox; without that, it does not serve."
            )?;
            writeln!(text, "writable = [{}]", paths.join(", "))?;
        }
        for (flag, value) in &self.options {
            writeln!(text, "{flag} = {}", quoted(value))?;
        }
        writeln!(text, "\n# corpus = \"seeds\"      # directory of requests of your own")?;
        writeln!(text, "# output = \"out\"        # what the campaign finds")?;
        writeln!(text, "# jobs = 1")?;
        writeln!(text, "# timeout = 200         # milliseconds for one input")?;
        writeln!(text, "# until = \"10min\"\n\n# Variables of the server's environment.\n[env]")?;
        for (name, value) in &self.variables {
            writeln!(text, "{} = {}", quoted(name), quoted(value))?;
        }
        Ok(text)
    }
}

impl fmt::Display for FirstFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text()?)
    }
}

fn existing() -> Problem {
    Problem::failed(
        format!("{FILE_NAME} exists, and is left as it is"),
        "edit it, or move it away to have another one written",
    )
}
