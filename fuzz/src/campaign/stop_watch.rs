//! Watch for the conditions that end a campaign. sockfuzz watches them, not afl-fuzz: all instances stop together, and
//! afl-fuzz's own limits count per instance.

use std::collections::HashMap;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use humantime::format_duration;

use super::findings;
use super::output_dir::OutputDir;
use super::stats::{FuzzerStats, STATS_FILE};
use super::stop_condition::StopCondition;

/// Interval of looking whether a condition is met.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);

/// Whether a saved input is a finding that the campaign had before this start, or happened at the place of a known bug.
pub type IsKnown<'a> = dyn Fn(&Path) -> bool + 'a;

/// Condition that was met.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReachedLimit {
    /// This time has passed.
    Time(Duration),
    /// For this time, no instance has found new coverage.
    Stale(Duration),
    /// A new finding, in this file.
    Finding(PathBuf),
}

/// Watch for conditions.
pub struct StopWatch<'a> {
    conditions: &'a [StopCondition],
    is_known: &'a IsKnown<'a>,
    started: Instant,
    started_at: SystemTime,
    last_look: Instant,
    /// Time at which the instances were first seen to fuzz.
    fuzzing_since: Option<SystemTime>,
    /// Files seen, and whether they are known. The place of a finding is recorded a moment after its file is written, so
    /// a file is judged when it is seen again.
    seen: HashMap<PathBuf, Option<bool>>,
}

impl<'a> StopWatch<'a> {
    /// Creates a watch, whose time begins now.
    #[must_use]
    pub fn start(conditions: &'a [StopCondition], is_known: &'a IsKnown<'a>) -> Self {
        Self {
            conditions,
            is_known,
            started: Instant::now(),
            started_at: SystemTime::now(),
            last_look: Instant::now(),
            fuzzing_since: None,
            seen: HashMap::new(),
        }
    }

    /// Returns the condition that is met, if it is time to look.
    pub fn reached<'b>(
        &mut self,
        out: &OutputDir,
        instances: impl Iterator<Item = &'b str>,
    ) -> Option<ReachedLimit> {
        if self.conditions.is_empty() || self.last_look.elapsed() < LOOK_INTERVAL {
            return None;
        }
        self.last_look = Instant::now();
        let instances: Vec<_> = instances.map(|name| out.instance(name)).collect();
        self.conditions.iter().find_map(|condition| match *condition {
            StopCondition::Time(limit) => {
                (self.started.elapsed() >= limit).then_some(ReachedLimit::Time(limit))
            }
            StopCondition::Stale(limit) => {
                let idle = since_last_find(&mut self.fuzzing_since, self.started_at, &instances)?;
                (idle >= limit).then_some(ReachedLimit::Stale(limit))
            }
            StopCondition::Crash | StopCondition::Finding => {
                new_finding(&mut self.seen, *condition, self.is_known, out.path()).map(ReachedLimit::Finding)
            }
        })
    }
}

/// Returns the time for which the instances have found nothing, or `None` until all of them fuzz. Before that, they run the
/// queue once, which finds nothing new.
fn since_last_find(
    fuzzing_since: &mut Option<SystemTime>,
    started_at: SystemTime,
    instances: &[PathBuf],
) -> Option<Duration> {
    // The file of an earlier run stays until afl-fuzz has run the queue.
    let has_reported = |instance: &PathBuf| {
        let written = fs::metadata(instance.join(STATS_FILE)).and_then(|metadata| metadata.modified());
        written.is_ok_and(|written| written >= started_at)
    };
    if fuzzing_since.is_none() && instances.iter().all(has_reported) {
        *fuzzing_since = Some(SystemTime::now());
    }
    let since = (*fuzzing_since)?;
    let finds =
        instances.iter().filter_map(|instance| FuzzerStats::read(instance)).map(|stats| stats.last_find);
    let last = UNIX_EPOCH + Duration::from_secs(finds.max().unwrap_or(0));
    SystemTime::now().duration_since(since.max(last)).ok()
}

/// Returns a new finding that meets the condition.
fn new_finding(
    seen: &mut HashMap<PathBuf, Option<bool>>,
    condition: StopCondition,
    is_known: &IsKnown<'_>,
    out: &Path,
) -> Option<PathBuf> {
    let is_wanted = |file: &PathBuf| findings::kind_of(file).is_some_and(|kind| condition.is_met_by(kind));
    findings::files(out).into_iter().filter(is_wanted).find(|file| match seen.get_mut(file) {
        None => {
            seen.insert(file.clone(), None);
            false
        }
        Some(known) => !*known.get_or_insert_with(|| is_known(file)),
    })
}

impl fmt::Debug for StopWatch<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StopWatch").field("conditions", &self.conditions).finish_non_exhaustive()
    }
}

impl fmt::Display for ReachedLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Time(limit) => write!(f, "{} have passed", format_duration(*limit)),
            Self::Stale(limit) => write!(f, "no new coverage for {}", format_duration(*limit)),
            Self::Finding(file) => write!(f, "a new finding: {}", file.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_is_judged_when_it_is_seen_again() {
        let directory = tempfile::tempdir().expect("tempdir");
        let out = directory.path();
        let mut seen = HashMap::new();
        let mut look = |condition, is_known: bool| new_finding(&mut seen, condition, &|_| is_known, out);
        let hangs = out.join("main/hangs");
        fs::create_dir_all(&hangs).expect("mkdir");
        fs::write(hangs.join("id:000000"), "x").expect("write");
        assert_eq!(look(StopCondition::Crash, false), None);
        assert_eq!(look(StopCondition::Finding, false), None, "its place may not be recorded yet");
        assert_eq!(look(StopCondition::Finding, false), Some(hangs.join("id:000000")));
        assert_eq!(look(StopCondition::Crash, false), None, "a hang is no crash");
    }

    #[test]
    fn a_known_finding_stops_nothing() {
        let directory = tempfile::tempdir().expect("tempdir");
        let crashes = directory.path().join("main/crashes");
        fs::create_dir_all(&crashes).expect("mkdir");
        let mut seen = HashMap::new();
        fs::write(crashes.join("id:000000"), "x").expect("write");
        let is_known = |file: &Path| file.ends_with("id:000000");
        let mut look = || new_finding(&mut seen, StopCondition::Crash, &is_known, directory.path());
        assert_eq!([look(), look(), look()], [None, None, None]);
        fs::write(crashes.join("id:000001"), "y").expect("write");
        assert_eq!([look(), look()], [None, Some(crashes.join("id:000001"))]);
    }
}
