//! Witnesses: inputs of one process that end it. A finding that does not happen alone is one with its history.

use std::collections::HashSet;
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
    /// Files of findings with these inputs, or of a history.
    pub paths: Vec<PathBuf>,
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
    /// Files of findings with these inputs, or of a history.
    pub paths: Vec<PathBuf>,
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
        let Self { paths, mut inputs } = self;
        inputs.truncate(ran);
        Ok(Some(Witness { paths, inputs, cause, finding, port, output }))
    }
}

/// Findings of a campaign, all instances and resumptions together.
#[derive(Debug, Default)]
pub struct Candidates {
    /// Inputs that afl-fuzz has saved.
    pub findings: Vec<Candidate>,
    /// Histories of processes.
    pub histories: Vec<Candidate>,
    /// Inputs of all findings, also of those that are left out.
    endings: HashSet<Vec<u8>>,
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
            match findings.iter_mut().find(|other| other.inputs == inputs) {
                Some(other) => other.paths.push(seed.path),
                None => findings.push(Candidate { paths: vec![seed.path], inputs }),
            }
        }
        let mut histories = Vec::new();
        for path in findings::histories(out) {
            let history = History::decode(&fs::read(&path)?);
            histories.extend(history.map(|History { inputs, .. }| Candidate { paths: vec![path], inputs }));
        }
        histories.sort_by_key(|history: &Candidate| history.inputs.len());
        let endings = findings.iter().flat_map(|finding| finding.inputs.clone()).collect();
        Ok(Self { findings, histories, endings })
    }

    /// Leaves out findings and histories that `is_done` tells of all their files. The histories of other findings stay.
    #[must_use]
    pub fn without(mut self, is_done: impl Fn(&Path) -> bool) -> Self {
        let is_new = |candidate: &Candidate| !candidate.paths.iter().all(|path| is_done(path));
        self.findings.retain(is_new);
        let needed: HashSet<_> = self.findings.iter().map(|finding| last(finding).to_vec()).collect();
        self.histories.retain(|history| match self.endings.contains(last(history)) {
            true => needed.contains(last(history)),
            false => is_new(history),
        });
        self
    }

    /// Whether a history ends by the input of a finding.
    #[must_use]
    pub fn belongs_to_finding(&self, history: &Candidate) -> bool {
        self.endings.contains(last(history))
    }

    /// Returns the number of candidates.
    #[must_use]
    pub const fn count(&self) -> usize {
        self.findings.len() + self.histories.len()
    }

    /// Returns the shortest history whose last input is that of the finding.
    #[must_use]
    pub fn history_of(&self, finding: &Candidate) -> Option<&Candidate> {
        self.histories.iter().find(|history| history.inputs.last() == finding.inputs.last())
    }
}

fn last(candidate: &Candidate) -> &[u8] {
    candidate.inputs.last().map_or(&[], Vec::as_slice)
}
