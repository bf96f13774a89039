//! Command line of a fuzz target: what it asks for.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use crate::fuzz_target::flags::{Flags, SUPPORTED};
use crate::fuzz_target::unit::Unit;
use crate::util::problem::Problem;

/// Time limit for one input, as ClusterFuzz and OSS-Fuzz give it.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(25);

/// Exit statuses of libFuzzer.
pub mod status {
    /// libFuzzer's own error.
    pub const ERROR: u8 = 1;
    /// An input does not end in time.
    pub const TIMEOUT: u8 = 70;
    /// The run was interrupted.
    pub const INTERRUPTED: u8 = 72;
    /// An input crashes the target.
    pub const CRASH: u8 = 77;
}

/// What a command line asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TargetTask {
    /// To print the flags.
    Help,
    /// To run files.
    Run,
    /// To fuzz.
    Fuzz,
    /// To merge corpora.
    Merge,
    /// To make a crash shorter.
    Minimize,
    /// To replace what a crash does not need.
    Cleanse,
}

/// Command line of a fuzz target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetLine {
    /// What to do.
    pub task: TargetTask,
    /// Files, or directories of corpora.
    pub paths: Vec<PathBuf>,
    /// Number of runs.
    pub runs: Option<u64>,
    /// Time limit of all.
    pub total_time: Option<Duration>,
    /// Time limit of one input.
    pub timeout: Duration,
    /// Maximum length of new inputs.
    pub max_len: Option<u64>,
    /// Dictionary.
    pub dictionary: Option<PathBuf>,
    /// Seed of the random numbers.
    pub seed: Option<u32>,
    /// Number of instances of afl-fuzz.
    pub instances: usize,
    /// Where crashes are saved.
    pub artifacts: Artifacts,
    /// Whether figures are printed at the end.
    pub final_figures: bool,
    /// Exit status after a crash.
    pub crash_status: u8,
    /// Exit status after a timeout.
    pub timeout_status: u8,
    /// Flags that have no effect here.
    pub without_effect: Vec<String>,
}

/// Where crashes are saved.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Artifacts {
    /// Begins the path.
    pub prefix: String,
    /// The whole path, if it is given.
    pub exact: Option<PathBuf>,
}

impl Artifacts {
    /// Returns the path for an input that crashes (`crash`) or hangs (`timeout`) the server.
    #[must_use]
    pub fn path(&self, kind: &str, unit: &Unit) -> PathBuf {
        self.exact.clone().unwrap_or_else(|| format!("{}{kind}-{}", self.prefix, unit.sha1).into())
    }
}

impl TargetLine {
    /// Reads the words.
    ///
    /// # Errors
    /// A flag without a number where it needs one.
    pub fn parse(words: impl IntoIterator<Item = OsString>) -> Result<Self, Problem> {
        let flags = Flags::parse(words);
        Self::of_flags(flags).map_err(|error| Problem::failed(error, "see -help=1"))
    }

    fn of_flags(flags: Flags) -> Result<Self, String> {
        let status = |name: &str, default: u8| {
            Ok::<_, String>(flags.limit(name)?.and_then(|value| u8::try_from(value).ok()).unwrap_or(default))
        };
        // Not to run any input beyond the corpus is a number of runs, too.
        let runs = flags.number("runs")?.and_then(|runs| u64::try_from(runs).ok());
        Ok(Self {
            task: task(&flags)?,
            runs,
            total_time: flags.limit("max_total_time")?.map(Duration::from_secs),
            timeout: flags.limit("timeout")?.map_or(DEFAULT_TIMEOUT, Duration::from_secs),
            max_len: flags.limit("max_len")?,
            dictionary: flags.value("dict").map(PathBuf::from),
            seed: flags.limit("seed")?.map(|seed| seed as u32),
            instances: instances(&flags)?,
            artifacts: Artifacts {
                prefix: flags.value("artifact_prefix").unwrap_or("./").to_owned(),
                exact: flags.value("exact_artifact_path").map(PathBuf::from),
            },
            final_figures: flags.is_on("print_final_stats")?,
            crash_status: status("error_exitcode", status::CRASH)?,
            timeout_status: status("timeout_exitcode", status::TIMEOUT)?,
            without_effect: flags.without_effect,
            paths: flags.paths,
        })
    }

    /// Returns a line about flags that have no effect; `None` if there are none.
    #[must_use]
    pub fn ignored_line(&self) -> Option<String> {
        let names: Vec<_> = self.without_effect.iter().map(|name| format!("-{name}")).collect();
        (!names.is_empty()).then(|| format!("INFO: sockfuzz: without effect: {}", names.join(" ")))
    }
}

fn task(flags: &Flags) -> Result<TargetTask, String> {
    let tasks = [
        ("help", TargetTask::Help),
        ("merge", TargetTask::Merge),
        ("minimize_crash", TargetTask::Minimize),
        ("cleanse_crash", TargetTask::Cleanse),
    ];
    for (flag, task) in tasks {
        if flags.is_on(flag)? {
            return Ok(task);
        }
    }
    let is_file = |path: &PathBuf| !Path::new(path).is_dir();
    let runs_files = !flags.paths.is_empty() && flags.paths.iter().all(is_file);
    Ok(if runs_files { TargetTask::Run } else { TargetTask::Fuzz })
}

/// Returns the number of instances of afl-fuzz.
fn instances(flags: &Flags) -> Result<usize, String> {
    let processors = thread::available_parallelism().map_or(1, usize::from);
    let jobs = flags.limit("jobs")?.map(|jobs| jobs.min((processors / 2).max(1) as u64));
    let given = flags.limit("fork")?.or(flags.limit("workers")?).or(jobs).unwrap_or(1);
    Ok(usize::try_from(given).unwrap_or(1).min(processors))
}

/// Returns the text of `-help=1`.
#[must_use]
pub fn help() -> String {
    let flags = SUPPORTED.iter().map(|(name, meaning)| format!(" {name:<21}\t{meaning}\n"));
    format!(
        "Usage:\n\nTo fuzz:      NAME_fuzzer [-flag=value…] [CORPUS…]\nTo run files: NAME_fuzzer [-flag=value…] FILE…\n\
         To merge:     NAME_fuzzer -merge=1 CORPUS OTHER…\n\nFlags (libFuzzer's; others are accepted, and have no effect):\n{}",
        flags.collect::<String>()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> TargetLine {
        TargetLine::parse(line.split(' ').map(OsString::from)).expect("valid")
    }

    #[test]
    fn flags_and_paths_choose_the_task() {
        assert_eq!(parse("-timeout=25 /tmp").task, TargetTask::Fuzz);
        assert_eq!(parse("-runs=4").task, TargetTask::Fuzz);
        assert_eq!(parse("-- -timeout=25 /tmp/no-such-crash").task, TargetTask::Run);
        assert_eq!(parse("-merge=1 /tmp /tmp").task, TargetTask::Merge);
        assert_eq!(parse("-minimize_crash=1 -max_total_time=115 crash").task, TargetTask::Minimize);
        assert_eq!(parse("-help=1").task, TargetTask::Help);
    }

    #[test]
    fn values_are_those_of_libfuzzer() {
        let line = parse("-seed=1337 -runs=4 -artifact_prefix=out/ -rss_limit_mb=0 -error_exitcode=9");
        assert_eq!((line.seed, line.runs, line.crash_status), (Some(1337), Some(4), 9));
        let unit = Unit::new(b"abc".to_vec());
        let path = line.artifacts.path("crash", &unit);
        assert_eq!(path, Path::new("out/crash-a9993e364706816aba3e25717850c26c9cd0d89d"));
        assert!(line.ignored_line().expect("one").ends_with("-rss_limit_mb"));
        assert_eq!(parse("-runs=-1").runs, None);
        assert_eq!(parse("-runs=0").runs, Some(0));
    }
}
