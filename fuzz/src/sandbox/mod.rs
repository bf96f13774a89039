//! The sandbox, seen from outside: what the preload is told when it confines the server, and what
//! the user is told where it cannot. The confining itself happens in the server's own process
//! (`preload/src/sandbox`).

mod probe;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use sockfuzz_protocol::{SandboxGap, SandboxMode, specs};
use tempfile::TempDir;

use crate::cli::PreloadOptions;
use crate::problem::Problem;

/// Tells a program where to keep temporary files (environ(7)).
const TEMPORARY: &str = "TMPDIR";

/// A sandbox for every server that is started with its options.
#[derive(Debug)]
pub struct Sandbox {
    options: PreloadOptions,
    /// The server's temporary directory, where the preload has no means to give it one.
    _temporary: Option<TempDir>,
}

impl Sandbox {
    /// Decides what the preload is told: a sandbox, unless the user says otherwise. Says in one line
    /// what this machine's kernel does not protect.
    ///
    /// # Errors
    /// A writable directory that does not exist, and a sandbox that is required where it does not
    /// hold.
    pub fn prepare(given: &PreloadOptions, library: &Path) -> Result<Self> {
        let options = given.with_default(&specs::SANDBOX, &SandboxMode::Auto.to_string());
        let told = options.parsed();
        if told.sandbox == SandboxMode::Off {
            return Ok(Self { options, _temporary: None });
        }
        if let Some(missing) = told.writable.0.iter().find(|path| !path.is_dir()) {
            return Err(no_directory(missing).into());
        }
        let gaps = probe::gaps(&options, library)?;
        if !gaps.is_empty() && told.sandbox == SandboxMode::Require {
            return Err(required(&gaps.to_string()).into());
        }
        if !gaps.is_empty() {
            eprintln!("sockfuzz: here, the sandbox does not protect {gaps}");
        }
        if gaps.has(SandboxGap::Attributes) {
            return Self::with_temporary_directory(&options, told.writable.0);
        }
        Ok(Self { options, _temporary: None })
    }

    fn with_temporary_directory(options: &PreloadOptions, mut writable: Vec<PathBuf>) -> Result<Self> {
        let temporary = tempfile::tempdir().context("cannot make a temporary directory for the server")?;
        let shown = temporary.path().to_string_lossy().into_owned();
        writable.push(temporary.path().to_owned());
        let list: Vec<_> = writable.iter().map(|path| path.to_string_lossy()).collect();
        let options = options.with(specs::WRITABLE.variable, list.join(":")).with(TEMPORARY, shown);
        Ok(Self { options, _temporary: Some(temporary) })
    }

    /// What the preload is told, the sandbox included.
    #[must_use]
    pub fn options(&self) -> &PreloadOptions {
        &self.options
    }

    /// Refuses to let the server write where sockfuzz keeps its own files.
    ///
    /// # Errors
    /// When `own` lies in a writable directory.
    pub fn keep_out_of(&self, own: &Path) -> Result<()> {
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

/// What to do about a server that serves without the sandbox, and not in it.
pub const TOO_TIGHT: &str = "let it write where it has to with --writable DIR, reach the machine's \
     network with --network host, or, if you trust it with your files, give --sandbox off";

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
