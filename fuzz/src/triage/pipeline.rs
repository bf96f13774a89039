//! From candidates to bugs: plays them, groups them, and gives each new bug its folder.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::Result;

use super::bugs::{self, KnownBugs};
use super::cause::Cause;
use super::confirmation::{confirm, reason};
use super::examination::{Examination, WitnessReduction, examine, key};
use super::failure::FailureReport;
use super::finding::Finding;
use super::folder::BugFolder;
use super::group::{self, Group};
use super::job::{Job, JobResult};
use super::witness::{Candidate, Candidates};
use super::workers::WorkerCommand;
use crate::campaign::record::program_fingerprint;
use crate::server::loop_run::ProcessRunner;
use crate::server::single_run::RunConfig;
use crate::server::tcp_client::TcpAnswers;

/// Limits of the work on one bug.
#[derive(Debug, Clone, Copy)]
pub struct TriageLimits {
    /// Time limit of its reduction.
    pub reduction: Duration,
    /// Number of attempts on the plain server.
    pub attempts: u32,
}

/// Triage of one campaign.
#[derive(Debug)]
pub struct Triage<'a> {
    config: RunConfig<'a>,
    limits: TriageLimits,
    runner: ProcessRunner<'a>,
    /// Processes that share the work in the loop.
    workers: Option<WorkerCommand>,
    known: KnownBugs,
    lost: u64,
}

impl<'a> Triage<'a> {
    /// Prepares the triage of a server's findings.
    ///
    /// # Errors
    /// When no temporary directory can be created.
    pub fn new(
        config: RunConfig<'a>,
        limits: TriageLimits,
        workers: Option<WorkerCommand>,
        known: KnownBugs,
    ) -> Result<Self> {
        Ok(Self { config, limits, runner: ProcessRunner::new(config)?, workers, known, lost: 0 })
    }

    /// Returns the bugs that are known so far.
    #[must_use]
    pub const fn known(&self) -> &KnownBugs {
        &self.known
    }

    /// Returns the number of findings that did not happen again.
    #[must_use]
    pub const fn lost(&self) -> u64 {
        self.lost
    }

    /// Plays all candidates, each finding alone and then with its history, and groups them by their causes in the loop, the
    /// simplest witness first.
    ///
    /// # Errors
    /// When the server cannot be started in the loop, or the user interrupts.
    pub fn group(&mut self, candidates: &Candidates, on_played: impl FnMut()) -> Result<Vec<Group>> {
        let all: Vec<_> = candidates.with_histories().collect();
        let jobs = all.iter().map(|(candidate, history)| {
            let files = [Some(*candidate), *history].into_iter().flatten();
            Job::Play(files.map(|candidate| candidate.file().to_owned()).collect())
        });
        let results = self.run(&jobs.collect::<Vec<_>>(), on_played)?;
        let mut groups = Vec::new();
        let mut others = Vec::new();
        for ((candidate, history), result) in all.into_iter().zip(results) {
            match result {
                JobResult::Played(Some((index, end))) => {
                    let played = history.filter(|_| index > 0).unwrap_or(candidate);
                    group::add(&mut groups, played.witness(&candidate.paths, end));
                }
                _ => others.push(candidate),
            }
        }
        let mut lost: Vec<PathBuf> = Vec::new();
        for candidate in others {
            if !self.add_by_record(&mut groups, candidates.recorded_cause(candidate), candidate)? {
                self.lost += 1;
                lost.extend_from_slice(&candidate.paths);
            }
        }
        if !lost.is_empty() {
            self.known.add_not_reproduced(&lost)?;
        }
        group::sort(&mut groups);
        Ok(groups)
    }

    /// Adds a finding that did not happen again to the group or the known bug at whose place it happened in the campaign.
    /// Returns `false` if there is none.
    fn add_by_record(
        &mut self,
        groups: &mut [Group],
        cause: Option<Cause>,
        finding: &Candidate,
    ) -> Result<bool> {
        let Some(cause) = cause else { return Ok(false) };
        if let Some(group) = groups.iter_mut().find(|group| group.recorded_cause().as_ref() == Some(&cause)) {
            group.files.extend_from_slice(&finding.paths);
            return Ok(true);
        }
        self.known.add_files(&cause, &finding.paths)
    }

    /// Leaves out inputs that a group's cause does not need, but for hangs: each attempt at these takes its whole time
    /// limit, so [`Self::finish`] first looks whether they are known.
    ///
    /// # Errors
    /// When the server cannot be started in the loop, or the user interrupts.
    pub fn reduce(&mut self, groups: &mut [Group], on_reduced: impl FnMut()) -> Result<()> {
        let known = &self.known;
        let mut new: Vec<_> =
            groups.iter_mut().filter(|group| !group.is_hang() && !known.has_cause(&group.cause)).collect();
        let jobs = new.iter().map(|group| Job::Reduce {
            source: group.best.source.clone(),
            end: group.best.end.clone(),
            limit: self.limits.reduction / 2,
        });
        let jobs: Vec<_> = jobs.collect();
        for (group, result) in new.iter_mut().zip(self.run(&jobs, on_reduced)?) {
            if let JobResult::Reduced(Some((inputs, end))) = result {
                group.best.inputs = inputs;
                group.best.end = end;
            }
        }
        Ok(())
    }

    /// Runs jobs, side by side if there are workers.
    fn run(&mut self, jobs: &[Job], mut on_done: impl FnMut()) -> Result<Vec<JobResult>> {
        if let Some(workers) = &self.workers {
            self.runner.stop();
            return workers.run(jobs, on_done);
        }
        let mut results = Vec::new();
        for job in jobs {
            results.push(job.run(&mut self.runner)?);
            on_done();
        }
        Ok(results)
    }

    /// Finds the bug of a group. A new one is reduced, confirmed, and written into a folder, which is returned.
    /// `on_step` gets a description of each step before that begins.
    ///
    /// # Errors
    /// When the server cannot be started, a file cannot be written, or the user interrupts.
    pub fn finish(&mut self, mut group: Group, on_step: &dyn Fn(&str)) -> Result<Option<(PathBuf, Finding)>> {
        if self.known.add_by_cause(&group)? {
            return Ok(None);
        }
        let config = self.config;
        let deadline = Instant::now() + self.limits.reduction / 2;
        let mut reduction = WitnessReduction { config: &config, runner: &mut self.runner, deadline };
        on_step("looking for the stack");
        reduction.runner.stop();
        let Examination { report, on_plain } = examine(&config, &group.best)?;
        let key = key(&group.cause, report.as_ref());
        if self.known.add_by_key(&group, &key)? {
            return Ok(None);
        }
        on_step("reducing");
        if group.is_hang() {
            group.best = reduction.needed_inputs(group.best)?;
        }
        group.best = reduction.needed_bytes(group.best, on_plain)?;
        let is_cut = Instant::now() >= deadline;
        on_step("confirming on the plain server");
        let (finding, answers) = self.confirmed(&group, report, key, is_cut)?;
        let folder = BugFolder {
            answers: &answers,
            path: self.known.new_folder(&finding.title),
            finding: &finding,
            witness: &group.best,
            config: &self.config,
        };
        on_step("writing and trying the scripts");
        folder.write()?;
        let path = folder.path;
        self.known.add(path.clone(), finding.clone());
        Ok(Some((path, finding)))
    }

    fn confirmed(
        &mut self,
        group: &Group,
        report: Option<FailureReport>,
        key: String,
        is_reduction_cut: bool,
    ) -> Result<(Finding, Vec<TcpAnswers>)> {
        self.runner.stop();
        let Group { cause, best, .. } = group;
        let (mut confirmation, answers) =
            confirm(&self.config, cause, report.as_ref(), &best.inputs, self.limits.attempts)?;
        if confirmation.happened == 0 {
            confirmation.reason = Some(reason(&self.config, best)?);
        }
        let files = self.known.files_of(group);
        let finding = Finding {
            title: report.as_ref().map_or_else(|| cause.to_string(), FailureReport::title),
            kind: report.as_ref().map_or(cause.kind(), |report| report.kind),
            key,
            causes: vec![cause.to_string()],
            severity: report.as_ref().and_then(|report| report.severity.clone()),
            location: report.as_ref().and_then(|report| report.location.clone()),
            stack: report.map_or_else(Vec::new, |report| report.stack),
            first_found_ms: bugs::first_found_ms(&files),
            files,
            inputs: best.inputs.len(),
            is_reduction_cut,
            confirmation,
            program: program_fingerprint(self.config.server),
        };
        Ok((finding, answers))
    }
}
