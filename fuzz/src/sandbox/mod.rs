//! Options of the sandbox, and messages about protections that this machine's kernel lacks. The preload
//! applies the sandbox in the server's own process (`preload/src/sandbox`).

mod probe;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use sockfuzz_protocol::{SandboxGap, SandboxMode, specs};
use tempfile::TempDir;

use crate::note;
use crate::options::PreloadOptions;
use crate::util::problem::Problem;

/// Variable that names the directory for temporary files (environ(7)).
const TMPDIR: &str = "TMPDIR";

/// A sandbox for all servers that are started with its options.
#[derive(Debug)]
pub struct Sandbox {
    options: PreloadOptions,
    /// Temporary directory of the server, if the preload cannot create one for it.
    _temporary: Option<TempDir>,
}

impl Sandbox {
    /// Turns the sandbox on, unless the user has turned it off, and reports in one line what it does
    /// not protect on this machine.
    ///
    /// # Errors
    /// A writable directory that does not exist, or a sandbox that is required but does not protect
    /// everything.
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
            note!("on this machine, the sandbox does not protect {gaps}");
        }
        if gaps.has(SandboxGap::Attributes) {
            return Self::with_temporary_directory(&options, parsed.writable.0);
        }
        Ok(Self { options, _temporary: None })
    }

    fn with_temporary_directory(options: &PreloadOptions, mut writable: Vec<PathBuf>) -> Result<Self> {
        let temporary = tempfile::tempdir().context("cannot create a temporary directory for the server")?;
        let shown = temporary.path().to_string_lossy().into_owned();
        writable.push(temporary.path().to_owned());
        let list: Vec<_> = writable.iter().map(|path| path.to_string_lossy()).collect();
        let options = options.with(specs::WRITABLE.variable, list.join(":")).with(TMPDIR, shown);
        Ok(Self { options, _temporary: Some(temporary) })
    }

    /// Returns the options of the preload, including those of the sandbox.
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
                "choose another directory with -o or --writable, so that the server cannot damage findings",
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
        format!("create it with: mkdir {shown}; or omit it"),
    )
}

fn required(gaps: &str) -> Problem {
    Problem::failed(
        format!("the sandbox is required, but on this machine it does not protect {gaps}"),
        "use a machine or a container that allows it, or accept these gaps with --sandbox auto",
    )
}
