//! Runs in one process of the server, without afl-fuzz: of a corpus, and of mutations of it.

use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Result;
use sockfuzz_mutator::{Dictionary, Mutator};

use super::FuzzRun;
use crate::fuzz_target::finding_check::ConfirmedFinding;
use crate::fuzz_target::log::{self, Event, Figures};
use crate::fuzz_target::target_loop::TargetLoop;
use crate::fuzz_target::unit::Unit;
use crate::server::coverage_set::NewCoverage;
use crate::server::loop_run::InputEnd;

/// Maximum length of a new input, if none is given.
const MAX_LEN: usize = 4096;

/// Number of all runs.
#[derive(Debug, Clone, Copy)]
pub(super) struct RunLimit(pub(super) u64);

/// Runs in one process.
#[derive(Debug)]
pub(super) struct CorpusRun<'a, 'server> {
    run: &'a FuzzRun<'a>,
    server: &'a mut TargetLoop<'server>,
    figures: &'a mut Figures,
    usable: Vec<Unit>,
}

impl<'a, 'server> CorpusRun<'a, 'server> {
    pub(super) fn new(
        run: &'a FuzzRun<'a>,
        server: &'a mut TargetLoop<'server>,
        figures: &'a mut Figures,
    ) -> Self {
        Self { run, server, figures, usable: Vec::new() }
    }

    /// Plays inputs, and returns the first that fails, alone in a fresh process.
    pub(super) fn play(&mut self, units: &[Unit]) -> Result<Option<ConfirmedFinding>> {
        for unit in units {
            if self.run.is_late() {
                break;
            }
            let (end, _) = self.run_one(unit)?;
            if end == InputEnd::Answered {
                self.add(unit.clone());
                continue;
            }
            self.server.pause();
            if let Some(found) = self.run.play(unit)? {
                return Ok(Some(found));
            }
            eprintln!("INFO: sockfuzz: {} fails after other inputs only, and is left out", unit.sha1);
        }
        Ok(None)
    }

    /// Returns the inputs that the server answered.
    pub(super) fn into_usable(self) -> Vec<Unit> {
        self.usable
    }

    /// Runs mutations of the inputs up to a number of runs. Those that reach something new are added to the corpus.
    pub(super) fn mutate(&mut self, units: Vec<Unit>, limit: RunLimit) -> Result<Option<ConfirmedFinding>> {
        let line = self.run.line;
        let seed = line.seed.map_or_else(random_seed, u64::from);
        let format = self.run.target.options().parsed().input;
        let mut mutator = Mutator::new(seed, format, Dictionary::read(line.dictionary.as_deref()));
        let max_len = line.max_len.and_then(|len| usize::try_from(len).ok()).unwrap_or(MAX_LEN);
        let mut parents: Vec<Vec<u8>> = units.into_iter().map(|unit| unit.bytes).collect();
        if parents.is_empty() {
            parents.push(Vec::new());
        }
        for number in 0usize.. {
            if self.figures.runs >= limit.0 || self.run.is_late() {
                break;
            }
            let count = parents.len();
            let (parent, other) = (&parents[number % count], &parents[(number / count) % count]);
            let unit = Unit::new(mutator.mutate(parent, other, max_len).to_vec());
            let (end, new) = self.run_one(&unit)?;
            if end != InputEnd::Answered {
                self.server.pause();
                if let Some(found) = self.run.play(&unit)? {
                    return Ok(Some(found));
                }
            } else if new.features > 0 {
                if let Some(corpus) = self.run.corpus {
                    unit.write_into(corpus)?;
                }
                parents.push(unit.bytes.clone());
                self.figures.added += 1;
                self.add(unit);
                self.run.log.progress(Event::New, self.figures);
            }
        }
        Ok(None)
    }

    fn run_one(&mut self, unit: &Unit) -> Result<(InputEnd, NewCoverage)> {
        let (end, new) = self.server.run(&unit.bytes)?;
        let coverage = &self.server.coverage;
        self.figures.runs += 1;
        self.figures.edges = coverage.edges;
        self.figures.features = coverage.features;
        self.figures.rss_mib = log::own_rss_mib();
        Ok((end, new))
    }

    fn add(&mut self, unit: Unit) {
        self.figures.corpus += 1;
        self.figures.corpus_bytes = Some(self.figures.corpus_bytes.unwrap_or(0) + unit.bytes.len() as u64);
        self.usable.push(unit);
    }
}

fn random_seed() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(1, |time| time.as_nanos() as u64)
}
