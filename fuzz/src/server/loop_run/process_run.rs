//! Inputs of one process, from its start to its end, as a history has them.

use std::fs;
use std::path::Path;

use anyhow::Result;
use sockfuzz_protocol::history::History;
use sockfuzz_protocol::specs;

use super::InputEnd;
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

impl RunConfig<'_> {
    /// Runs inputs in a fresh process in the loop, up to the last one, or to the one that ends the process.
    ///
    /// # Errors
    /// Those of [`RunConfig::start_loop`].
    pub fn run_process(&self, inputs: &[Vec<u8>]) -> Result<ProcessRun> {
        let saved = tempfile::tempdir()?;
        let directory = saved.path().to_string_lossy().into_owned();
        let options = self.options.with(specs::HISTORIES.variable, directory);
        let mut run = RunConfig { options: &options, ..*self }.start_loop()?;
        let mut end = InputEnd::Answered;
        let mut ran = 0;
        for input in inputs {
            end = run.run(input)?;
            ran += 1;
            if end != InputEnd::Answered {
                break;
            }
        }
        let (output, port, internal_error) = (run.output()?, run.status.port(), run.has_internal_error());
        Ok(ProcessRun { end, ran, finding: finding_in(saved.path()), output, port, internal_error })
    }
}

fn finding_in(directory: &Path) -> Option<String> {
    let file = fs::read_dir(directory).ok()?.flatten().next()?;
    History::decode(&fs::read(file.path()).ok()?).map(|history| history.finding)
}
