//! Options that confine the server, and messages about what this machine's kernel cannot confine. The
//! preload applies the sandbox in the server's own process (`preload/src/sandbox`).

mod probe;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use sockfuzz_protocol::{SandboxGap, SandboxMode, specs};
use tempfile::TempDir;

use crate::options::PreloadOptions;
use crate::util::problem::Problem;

/// Directory for temporary files (environ(7)).
const TMPDIR: &str = "TMPDIR";

/// A sandbox for all servers that are started with its options.
#[derive(Debug)]
pub struct Sandbox {
    options: PreloadOptions,
    /// The server's temporary directory, where the preload has no means to give it one.
    _temporary: Option<TempDir>,
}

impl Sandbox {
    /// Turns the sandbox on, unless the user has turned it off, and reports in one line what this
    /// machine's kernel does not protect.
    ///
    /// # Errors
    /// A writable directory that does not exist, and a sandbox that is required where it does not
    /// hold.
    pub fn prepare(options: &PreloadOptions, library: &Path) -> Result<Self> {
        let options = options.with_default(&specs::SANDBOX, &SandboxMode::Auto.to_string());
        let parsed = options.parsed();
        if parsed.sandbox == SandboxMode::Off {
            return Ok(Self { options, _temporary: None });
        }
        if let Some(missing) = parsed.writable.0.iter().find(|path| !path.is_dir()) {
            return Err(no_directory(missing).into());
        }
        let gaps = probe::gaps(&options, library)?;
        if !gaps.is_empty() && parsed.sandbox == SandboxMode::Require {
            return Err(required(&gaps.to_string()).into());
        }
        if !gaps.is_empty() {
            eprintln!("sockfuzz: here, the sandbox does not protect {gaps}");
        }
        if gaps.has(SandboxGap::Attributes) {
            return Self::with_temporary_directory(&options, parsed.writable.0);
        }
        Ok(Self { options, _temporary: None })
    }

    fn with_temporary_directory(options: &PreloadOptions, mut writable: Vec<PathBuf>) -> Result<Self> {
        let temporary = tempfile::tempdir().context("cannot make a temporary directory for the server")?;
        let shown = temporary.path().to_string_lossy().into_owned();
        writable.push(temporary.path().to_owned());
        let list: Vec<_> = writable.iter().map(|path| path.to_string_lossy()).collect();
        let options = options.with(specs::WRITABLE.variable, list.join(":")).with(TMPDIR, shown);
        Ok(Self { options, _temporary: Some(temporary) })
    }

    /// Options of the preload, with those of the sandbox.
    #[must_use]
    pub fn options(&self) -> &PreloadOptions {
        &self.options
    }

    /// Checks that the server cannot write where sockfuzz keeps its own files.
    ///
    /// # Errors
    /// When `own` lies in a writable directory.
    pub fn check_not_writable(&self, own: &Path) -> Result<()> {
        let writable = self.options.parsed().writable.0;
        let resolved = own.ancestors().find_map(|path| path.canonicalize().ok()).unwrap_or_default();
        let below =
            |directory: &&PathBuf| directory.canonicalize().is_ok_and(|path| resolved.starts_with(path));
        match writable.iter().find(below) {
            Some(directory) => Err(Problem::failed(
                format!("{} lies in {}, which the server may write to", own.display(), directory.display()),
                "choose another directory with -o or --writable, so that no server can damage what is found",
            )
            .into()),
            None => Ok(()),
        }
    }
}

fn no_directory(path: &Path) -> Problem {
    let shown = path.display();
    Problem::failed(
        format!("the writable directory {shown} does not exist"),
        format!("create it with: mkdir {shown}; or leave it away"),
    )
}

fn required(gaps: &str) -> Problem {
    Problem::failed(
        format!("the sandbox is required, and here it does not protect {gaps}"),
        "use a machine or a container that allows it, or go on without these with --sandbox auto",
    )
}
