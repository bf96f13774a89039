//! Witnesses: inputs of one process that end it. A finding that does not happen alone is one with its history.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Result;
use sockfuzz_protocol::history::History;

use super::cause::Cause;
use crate::campaign::findings;
use crate::input::corpus;
use crate::server::loop_run::{ProcessRun, ProcessRunner};

/// Inputs of one process, and how they end it.
#[derive(Debug, Clone)]
pub struct Witness {
    /// File of the finding or of the history.
    pub path: PathBuf,
    /// Inputs, the last of which ends the process.
    pub inputs: Vec<Vec<u8>>,
    /// How they end it.
    pub cause: Cause,
    /// Name of the finding in a history.
    pub finding: String,
    /// Port at which the server asked to listen; 0 if it did not.
    pub port: u16,
    /// What the server wrote to stdout and stderr.
    pub output: Vec<u8>,
}

/// A finding to be played.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// File of the finding or of the history.
    pub path: PathBuf,
    /// Inputs of one process.
    pub inputs: Vec<Vec<u8>>,
}

impl Candidate {
    /// Plays the inputs in a fresh process; `None` if they do not end it.
    ///
    /// # Errors
    /// When the server cannot be started in the loop, or the user interrupts.
    pub fn play(self, runner: &mut ProcessRunner<'_>) -> Result<Option<Witness>> {
        let ProcessRun { ran, finding, output, port, .. } = runner.play(&self.inputs)?;
        let Some(finding) = finding else { return Ok(None) };
        let Some(cause) = Cause::of_finding(&finding) else { return Ok(None) };
        let Self { path, mut inputs } = self;
        inputs.truncate(ran);
        Ok(Some(Witness { path, inputs, cause, finding, port, output }))
    }
}

/// Findings of a campaign, all instances and resumptions together.
#[derive(Debug, Default)]
pub struct Candidates {
    /// Inputs that afl-fuzz has saved.
    pub findings: Vec<Candidate>,
    /// Histories of processes.
    pub histories: Vec<Candidate>,
}

impl Candidates {
    /// Reads the findings of the campaign in this output directory. Equal inputs are one finding.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub fn read(out: &Path) -> Result<Self> {
        let mut findings: Vec<Candidate> = Vec::new();
        for seed in corpus::read_files(&findings::of_campaign(out))? {
            let inputs = vec![seed.bytes];
            if findings.iter().all(|other| other.inputs != inputs) {
                findings.push(Candidate { path: seed.path, inputs });
            }
        }
        let mut histories = Vec::new();
        for path in findings::histories(out) {
            let history = History::decode(&fs::read(&path)?);
            histories.extend(history.map(|History { inputs, .. }| Candidate { path, inputs }));
        }
        histories.sort_by_key(|history: &Candidate| history.inputs.len());
        Ok(Self { findings, histories })
    }

    /// Returns the shortest history whose last input is that of the finding.
    #[must_use]
    pub fn history_of(&self, finding: &Candidate) -> Option<&Candidate> {
        self.histories.iter().find(|history| history.inputs.last() == finding.inputs.last())
    }
}
