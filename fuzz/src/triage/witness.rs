//! Witnesses: inputs of one process that end it. A finding that does not happen alone is one with its history.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use sockfuzz_protocol::history::{History, PlaceLine};

use super::cause::Cause;
use crate::campaign;
use crate::input::corpus;
use crate::server::loop_run::{ProcessRun, ProcessRunner};
use crate::server::single_run::FindingKind;

/// Inputs of one process that end it.
#[derive(Debug, Clone)]
pub struct Witness {
    /// Files of findings with these inputs, or of a history.
    pub paths: Vec<PathBuf>,
    /// File from which the inputs were read.
    pub source: PathBuf,
    /// Inputs, the last of which ends the process.
    pub inputs: Vec<Vec<u8>>,
    /// How they end it.
    pub end: WitnessEnd,
}

/// How the inputs of a witness end the process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WitnessEnd {
    /// Cause, as far as the loop can tell.
    pub cause: Cause,
    /// Name of the finding in a history.
    pub finding: String,
    /// Number of inputs that ran.
    pub ran: usize,
    /// Port at which the server asked to listen; 0 if it did not.
    pub port: u16,
    /// What the server wrote to stdout and stderr.
    pub output: Vec<u8>,
}

impl WitnessEnd {
    /// Plays inputs in a fresh process; `None` if they do not end it.
    ///
    /// # Errors
    /// When the server cannot be started in the loop, or the user interrupts.
    pub fn of(inputs: &[Vec<u8>], runner: &mut ProcessRunner<'_>) -> Result<Option<Self>> {
        let ProcessRun { ran, finding, output, port, .. } = runner.play(inputs)?;
        let cause = finding.as_deref().and_then(|finding| Cause::of_process(finding, &output));
        Ok(cause.zip(finding).map(|(cause, finding)| Self { cause, finding, ran, port, output }))
    }
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
    /// Reads the inputs in the file of a finding or of a history.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn read(file: &Path) -> Result<Vec<Vec<u8>>> {
        let bytes = fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
        Ok(match History::decode(&bytes) {
            Some(History { inputs, .. }) => inputs,
            None => vec![bytes],
        })
    }

    /// Returns the first of its files.
    #[must_use]
    pub fn file(&self) -> &Path {
        self.paths.first().map_or(Path::new(""), PathBuf::as_path)
    }

    /// Returns the witness for findings in `paths` that the inputs of this candidate are, since they end so.
    #[must_use]
    pub fn witness(&self, paths: &[PathBuf], end: WitnessEnd) -> Witness {
        let inputs = self.inputs[..end.ran.min(self.inputs.len())].to_vec();
        Witness { paths: paths.to_vec(), source: self.file().to_owned(), inputs, end }
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
    /// How inputs ended processes of the campaign.
    places: HashMap<u64, String>,
}

impl Candidates {
    /// Reads the crashes and hangs of the campaign in this output directory. Equal inputs are one finding.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub fn read(out: &Path) -> Result<Self> {
        let mut findings: Vec<Candidate> = Vec::new();
        for seed in corpus::read_files(&campaign::findings::of_campaign(out))? {
            if campaign::findings::kind_of(&seed.path) == Some(FindingKind::WrongAnswer) {
                continue;
            }
            let inputs = vec![seed.bytes];
            match findings.iter_mut().find(|other| other.inputs == inputs) {
                Some(other) => other.paths.push(seed.path),
                None => findings.push(Candidate { paths: vec![seed.path], inputs }),
            }
        }
        let mut histories = Vec::new();
        for path in campaign::findings::histories(out) {
            let history = History::decode(&fs::read(&path)?);
            histories.extend(history.map(|History { inputs, .. }| Candidate { paths: vec![path], inputs }));
        }
        histories.sort_by_key(|history: &Candidate| history.inputs.len());
        let endings = findings.iter().flat_map(|finding| finding.inputs.clone()).collect();
        let places = campaign::findings::places(out);
        Ok(Self { findings, histories, endings, places })
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

    /// Returns all findings with their histories, and then the histories of no finding.
    pub fn with_histories(&self) -> impl Iterator<Item = (&Candidate, Option<&Candidate>)> {
        let findings = self.findings.iter().map(|finding| (finding, self.history_of(finding)));
        let others = self.histories.iter().filter(|history| !self.endings.contains(last(history)));
        findings.chain(others.map(|history| (history, None)))
    }

    /// Returns how a finding ended its process in the campaign, if that is known.
    #[must_use]
    pub fn recorded_cause(&self, finding: &Candidate) -> Option<Cause> {
        let hash = PlaceLine::new(last(finding), "").input;
        Cause::of_finding(self.places.get(&hash)?)
    }

    /// Returns the shortest history whose last input is that of the finding.
    fn history_of(&self, finding: &Candidate) -> Option<&Candidate> {
        self.histories.iter().find(|history| history.inputs.last() == finding.inputs.last())
    }
}

fn last(candidate: &Candidate) -> &[u8] {
    candidate.inputs.last().map_or(&[], Vec::as_slice)
}
