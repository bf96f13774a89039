//! Inputs of one process, from its start to its end, as a history has them.

use std::fs;
use std::io;
use std::path::Path;

use anyhow::Result;
use sockfuzz_protocol::history::History;
use sockfuzz_protocol::specs;
use tempfile::TempDir;

use super::{InputEnd, LoopRun};
use crate::options::PreloadOptions;
use crate::server::single_run::RunConfig;

/// Result of a process.
#[derive(Debug)]
pub struct ProcessRun {
    /// Effect of the last input that ran.
    pub end: InputEnd,
    /// Number of inputs that ran.
    pub ran: usize,
    /// Name of the finding, as a campaign would have saved it; `None` without one.
    pub finding: Option<String>,
    /// What the server has written to stdout and stderr.
    pub output: Vec<u8>,
    /// Port at which the server asked to listen; 0 if it did not.
    pub port: u16,
    /// Whether the preload has reported an internal error.
    pub internal_error: bool,
}

/// Plays lists of inputs, each in a fresh process of the same forkserver.
#[derive(Debug)]
pub struct ProcessRunner<'a> {
    config: RunConfig<'a>,
    /// Options of the preload, with a directory for the finding's name.
    options: PreloadOptions,
    saved: TempDir,
    run: Option<LoopRun>,
}

impl<'a> ProcessRunner<'a> {
    /// Prepares for processes of this server.
    ///
    /// # Errors
    /// When no temporary directory can be created.
    pub fn new(config: RunConfig<'a>) -> Result<Self> {
        let saved = tempfile::tempdir()?;
        let directory = saved.path().to_string_lossy().into_owned();
        let options = config.options.with(specs::HISTORIES.variable, directory);
        Ok(Self { config, options, saved, run: None })
    }

    /// Ends the forkserver. To be called before sockfuzz starts another server, whose end is that of all its descendants.
    pub fn stop(&mut self) {
        self.run = None;
    }

    /// Runs inputs in a fresh process in the loop, up to the last one, or to the one that ends the process.
    ///
    /// # Errors
    /// Those of [`RunConfig::start_loop`].
    pub fn play(&mut self, inputs: &[Vec<u8>]) -> Result<ProcessRun> {
        let mut run = match self.run.take() {
            Some(run) => run,
            None => RunConfig { options: &self.options, ..self.config }.start_loop()?,
        };
        empty(self.saved.path())?;
        let (written, errors) = (run.output()?.len(), run.internal_errors());
        let mut end = InputEnd::Answered;
        let mut ran = 0;
        for input in inputs {
            end = run.run(input)?;
            ran += 1;
            if end != InputEnd::Answered {
                break;
            }
        }
        let result = ProcessRun {
            end,
            ran,
            finding: finding_in(self.saved.path()),
            output: run.output()?.split_off(written),
            port: run.status.port(),
            internal_error: run.internal_errors() > errors,
        };
        run.end_process();
        self.run = Some(run);
        Ok(result)
    }
}

/// Removes all files, so that the next finding is saved even if it is the same.
fn empty(directory: &Path) -> io::Result<()> {
    fs::read_dir(directory)?.flatten().try_for_each(|file| fs::remove_file(file.path()))
}

fn finding_in(directory: &Path) -> Option<String> {
    let files = fs::read_dir(directory).ok()?.flatten();
    let histories = files.filter_map(|file| History::decode(&fs::read(file.path()).ok()?));
    histories.map(|history| history.finding).next()
}
