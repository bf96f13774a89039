//! Trials of an unknown server: as it is, and through the preload in the sandbox.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Result;
use sockfuzz_protocol::specs;

use crate::bundle::accesses::{Accesses, Use};
use crate::bundle::{machine, tracer};
use crate::options::PreloadOptions;
use crate::sandbox::Sandbox;
use crate::server::inspect::{self, Inspection};
use crate::server::single_run::RunConfig;
use crate::server::{Server, plain_run, seeds};

/// Request to the server.
const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";

/// Directories whose files are not on a disk.
const VIRTUAL: &[&str] = &["/dev", "/proc", "/sys"];

/// An unknown server.
#[derive(Debug, Clone, Copy)]
pub(super) struct Trial<'a> {
    pub(super) server: &'a Server,
    pub(super) library: &'a Path,
    pub(super) timeout: Duration,
}

impl Trial<'_> {
    /// Reports what kind of program it is.
    ///
    /// # Errors
    /// A program that cannot be preloaded into.
    pub(super) fn inspect(self) -> Result<Inspection> {
        let inspection = inspect::inspect(self.server)?;
        println!("file    {inspection}");
        inspection.sparse_instrumentation().iter().for_each(|warning| println!("        WARNING: {warning}"));
        Ok(inspection)
    }

    /// Starts the server without the preload, and returns the ports on which it listens.
    ///
    /// # Errors
    /// A server that never listens.
    pub(super) fn find_ports(self, options: &PreloadOptions) -> Result<Vec<u16>> {
        let run = plain_run::run(&self.config(options), &[REQUEST.to_vec()])?;
        let ports: Vec<_> = run.ports.iter().map(u16::to_string).collect();
        println!("port    {}", ports.join(", "));
        if ports.len() > 1 {
            println!("        of these, {} is fuzzed; another one with port in the file", ports[0]);
        }
        Ok(run.ports)
    }

    /// Starts the server through the preload in the sandbox, and returns all directories that it has to write to,
    /// if it does not serve otherwise.
    ///
    /// # Errors
    /// A server that does not serve with them either.
    pub(super) fn find_writable(self, options: &PreloadOptions, ports: &[u16]) -> Result<Vec<PathBuf>> {
        let options = match ports {
            [port, _, ..] => options.with_default(&specs::PORT, &port.to_string()),
            _ => options.clone(),
        };
        let Err(problem) = self.serve(&options) else { return Ok(Vec::new()) };
        let mut writable = self.written(&options)?;
        writable.extend(options.parsed().writable.0);
        if writable.is_empty() {
            return Err(problem);
        }
        let shown: Vec<_> = writable.iter().map(|path| path.to_string_lossy()).collect();
        let list = shown.join(":");
        if self.serve(&options.with(specs::WRITABLE.variable, list.clone())).is_err() {
            return Err(problem);
        }
        println!("writes  to {list}, without which it does not serve");
        Ok(writable)
    }

    /// Checks that the server serves through the preload.
    fn serve(self, options: &PreloadOptions) -> Result<()> {
        let sandbox = Sandbox::prepare(options, self.library)?;
        let config = self.config(sandbox.options());
        let run = config.run(REQUEST)?;
        if let Some(problem) = config.server_problem(&run)? {
            return Err(problem.into());
        }
        if run.answer().is_empty() {
            return Err(config.diagnosis(&run).never_answers(1).into());
        }
        println!("answer  {}", seeds::summary(&run));
        Ok(())
    }

    /// Returns the directories that the server writes to, without those that it finds empty in the sandbox.
    fn written(self, options: &PreloadOptions) -> Result<Vec<PathBuf>> {
        let notes = tempfile::NamedTempFile::new()?;
        plain_run::run_by(
            &self.config(options),
            tracer::command(self.server, notes.path())?,
            &[REQUEST.to_vec()],
        )?;
        let mut accesses = Accesses::default();
        accesses.add_notes(&fs::read_to_string(notes.path())?);
        let directory = |path: &Path| {
            let directory = if path.is_dir() { path } else { path.parent()? };
            let is_virtual = VIRTUAL.iter().any(|it| directory.starts_with(it));
            let is_own =
                directory.is_dir() && !machine::is_temporary(directory) && !machine::is_shared(directory);
            (is_own && !is_virtual).then(|| directory.to_owned())
        };
        let written = [Use::Written, Use::Made].into_iter().flat_map(|usage| accesses.with(usage));
        let directories: BTreeSet<_> = written.filter_map(directory).collect();
        let is_outermost =
            |path: &&PathBuf| !directories.iter().any(|other| *other != **path && path.starts_with(other));
        Ok(directories.iter().filter(is_outermost).cloned().collect())
    }

    fn config<'a>(&'a self, options: &'a PreloadOptions) -> RunConfig<'a> {
        RunConfig { server: self.server, library: self.library, options, timeout: self.timeout }
    }
}
