//! Watch of a running campaign of afl-fuzz: copies new inputs to the corpus, has findings played, and ends the campaign at
//! the first one that happens alone, or when its time is over.

use std::collections::{BTreeSet, VecDeque};
use std::fs;
use std::mem;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Result;

use crate::campaign::output_dir::OutputDir;
use crate::campaign::runner;
use crate::campaign::stats::FuzzerStats;
use crate::fuzz_target::finding_check::{ConfirmedFinding, FindingCheck};
use crate::fuzz_target::log::{Event, Figures, RunLog};
use crate::fuzz_target::unit::Unit;

/// Interval of the watch.
const POLL_INTERVAL: Duration = Duration::from_millis(200);

/// Names of the directories of an instance.
const QUEUE: &str = "queue";
const CRASHES: &str = "crashes";
const HANGS: &str = "hangs";

/// Parts of the names of inputs that are no discoveries: seeds, and those of other instances.
const NOT_NEW: [&str; 2] = [",orig:", ",sync:"];

/// What a campaign is watched with.
#[derive(Debug)]
pub(super) struct CampaignWatch<'a> {
    pub(super) out: &'a OutputDir,
    pub(super) instances: Vec<String>,
    /// Directory that gets new inputs.
    pub(super) corpus: Option<&'a Path>,
    /// Time limit of one input.
    pub(super) timeout: Duration,
    pub(super) deadline: Option<Instant>,
    pub(super) log: &'a RunLog,
    /// Figures before the campaign began, to which its own are added.
    pub(super) before: Figures,
}

/// What a watch has seen.
#[derive(Debug, Default)]
pub(super) struct Sightings {
    /// Files that have been taken in.
    known: BTreeSet<PathBuf>,
    /// Files that afl-fuzz may still be writing.
    fresh: BTreeSet<PathBuf>,
    pub(super) figures: Figures,
    pub(super) crashes: VecDeque<Unit>,
    hangs: VecDeque<Unit>,
    /// Crashes that did not happen alone.
    pub(super) not_alone: Vec<Unit>,
    pub(super) confirmed: Option<ConfirmedFinding>,
    playing: [Option<FindingCheck>; 2],
    next_pulse: u64,
}

impl CampaignWatch<'_> {
    /// Watches until the campaign `is_over`.
    ///
    /// # Errors
    /// When files cannot be read or written.
    pub(super) fn watch(&self, is_over: &AtomicBool) -> Result<Sightings> {
        let mut seen = Sightings { figures: self.before, ..Sightings::default() };
        while !is_over.load(Relaxed) {
            self.look(&mut seen, false)?;
            let is_late = self.deadline.is_some_and(|deadline| Instant::now() >= deadline);
            if is_late || seen.confirmed.is_some() {
                // Asked again, because an instance may just be starting.
                runner::ask_to_end();
            }
            thread::sleep(POLL_INTERVAL);
        }
        self.look(&mut seen, true)?;
        let unfinished = mem::take(&mut seen.playing).into_iter().next().flatten();
        if let Some(crash) = unfinished {
            seen.crashes.push_front(crash.into_unit());
        }
        Ok(seen)
    }

    /// Looks once. At the end, no file is still being written.
    fn look(&self, seen: &mut Sightings, at_end: bool) -> Result<()> {
        self.update_figures(seen);
        for name in &self.instances {
            let instance = self.out.instance(name);
            for unit in seen.new_files(&instance.join(QUEUE), at_end) {
                let (unit, runs) = unit?;
                self.take_in(&unit, runs, seen)?;
            }
            for unit in seen.new_files(&instance.join(CRASHES), at_end) {
                seen.crashes.push_back(unit?.0);
            }
            for unit in seen.new_files(&instance.join(HANGS), at_end) {
                seen.hangs.push_back(unit?.0);
            }
        }
        if seen.figures.runs >= seen.next_pulse.max(1) {
            seen.next_pulse = seen.figures.runs.saturating_mul(2);
            self.log.progress(Event::Pulse, &seen.figures);
        }
        if !at_end && seen.confirmed.is_none() {
            self.confirm(seen)?;
        }
        Ok(())
    }

    fn take_in(&self, unit: &Unit, runs: u64, seen: &mut Sightings) -> Result<()> {
        if let Some(corpus) = self.corpus {
            unit.write_into(corpus)?;
        }
        let figures = &mut seen.figures;
        figures.added += 1;
        figures.corpus += 1;
        figures.runs = figures.runs.max(self.before.runs + runs);
        figures.corpus_bytes = figures.corpus_bytes.map(|bytes| bytes + unit.bytes.len() as u64);
        self.log.progress(Event::New, figures);
        Ok(())
    }

    fn update_figures(&self, seen: &mut Sightings) {
        let directories = || self.instances.iter().map(|name| self.out.instance(name));
        let all: Vec<_> = directories().filter_map(|directory| FuzzerStats::read(&directory)).collect();
        let Some(stats) = FuzzerStats::combine(&all) else { return };
        let figures = &mut seen.figures;
        figures.runs = figures.runs.max(self.before.runs + stats.executions);
        figures.edges = figures.edges.max(stats.edges);
        figures.features = figures.features.max(stats.edges);
        let rss = directories().filter_map(|directory| peak_rss(&directory)).max();
        figures.rss_mib = figures.rss_mib.max(rss.unwrap_or(0));
    }

    /// Has findings played, a crash and a hang at a time: a hang takes its whole time limit.
    fn confirm(&self, seen: &mut Sightings) -> Result<()> {
        for (slot, playing) in seen.playing.iter_mut().enumerate() {
            if playing.is_none() {
                let waiting = if slot == 0 { &mut seen.crashes } else { &mut seen.hangs };
                *playing =
                    waiting.pop_front().map(|unit| FindingCheck::start(unit, self.timeout)).transpose()?;
            }
            let Some(result) = playing.as_mut().map(FindingCheck::poll).transpose()?.flatten() else {
                continue;
            };
            let unit = playing.take().map(FindingCheck::into_unit);
            match result {
                Some(finding) => seen.confirmed = Some(finding),
                None if slot == 0 => seen.not_alone.extend(unit),
                None => {}
            }
        }
        Ok(())
    }
}

impl Sightings {
    /// Returns the new inputs in a directory of afl-fuzz, each with the number of executions before it.
    fn new_files(&mut self, directory: &Path, at_end: bool) -> Vec<Result<(Unit, u64)>> {
        let names = fs::read_dir(directory).into_iter().flatten().flatten().map(|entry| entry.path());
        let mut inputs: Vec<_> = names.filter(|path| is_input(path) && !self.known.contains(path)).collect();
        inputs.sort();
        let (fresh, ready): (Vec<_>, Vec<_>) =
            inputs.into_iter().partition(|path| !at_end && !self.fresh.contains(path));
        self.fresh.extend(fresh);
        let take = |path: PathBuf| {
            let unit = Unit::new(fs::read(&path)?);
            let runs = executions(&path);
            self.fresh.remove(&path);
            self.known.insert(path);
            Ok((unit, runs))
        };
        ready.into_iter().map(take).collect()
    }
}

/// Whether a file is an input that afl-fuzz has found.
fn is_input(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name.starts_with("id:") && !NOT_NEW.iter().any(|part| name.contains(part))
}

/// Returns the number of executions in a name such as `id:000001,src:000000,time:12,execs:345,op:havoc`.
fn executions(path: &Path) -> u64 {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let number = name.split(',').find_map(|part| part.strip_prefix("execs:"));
    number.and_then(|number| number.parse().ok()).unwrap_or(0)
}

fn peak_rss(instance: &Path) -> Option<u64> {
    let text = fs::read_to_string(instance.join("fuzzer_stats")).ok()?;
    FuzzerStats::fields(&text).get("peak_rss_mb")?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn discoveries_are_taken_in_once_they_are_complete() {
        let directory = tempfile::tempdir().expect("a directory");
        let names = ["id:000000,time:0,execs:0,orig:a", "id:000001,src:000000,time:1,execs:345,op:havoc"];
        for name in names {
            fs::write(directory.path().join(name), "abc").expect("written");
        }
        let mut seen = Sightings::default();
        assert!(seen.new_files(directory.path(), false).is_empty(), "still being written");
        let new = seen.new_files(directory.path(), false);
        let new: Vec<_> = new.into_iter().map(|unit| unit.expect("readable")).collect();
        assert_eq!(new.iter().map(|(_, runs)| *runs).collect::<Vec<_>>(), [345]);
        assert!(seen.new_files(directory.path(), true).is_empty(), "known");
    }
}
