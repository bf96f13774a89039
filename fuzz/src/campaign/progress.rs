//! Progress of the instances over time, in a file of the output directory. afl-fuzz reports stability only for the
//! present, and may begin its `plot_data` a minute late.

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use super::stats::FuzzerStats;

/// Name of the file.
const PROGRESS_FILE: &str = "sockfuzz.progress";

/// Shortest time between two rows of an instance.
const MIN_INTERVAL: Duration = Duration::from_secs(5);

/// Part of the time fuzzed so far that passes between two rows: the file of a long campaign grows slowly.
const INTERVALS_PER_RUN: u32 = 200;

/// Figures of one instance at one time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ProgressRow {
    /// Name of the instance.
    pub instance: String,
    /// Time spent fuzzing, over all resumptions, in seconds.
    pub run_time_s: u64,
    /// Number of executions.
    pub executions: u64,
    /// Edges covered.
    pub edges: u64,
    /// Inputs in the queue.
    pub corpus: u64,
    /// Percentage of the coverage that repeated runs of an input reproduce.
    pub stability: f64,
}

/// Writer of the file.
#[derive(Debug)]
pub struct ProgressLog {
    writer: csv::Writer<File>,
    /// Time of the last row of each instance.
    last: HashMap<String, Duration>,
}

impl ProgressLog {
    /// Opens the file, and creates it if it is missing. Returns `None` if it cannot be written: a campaign does not
    /// depend on it.
    #[must_use]
    pub fn open(out: &Path) -> Option<Self> {
        let file = OpenOptions::new().append(true).create(true).open(out.join(PROGRESS_FILE)).ok()?;
        let is_new = file.metadata().ok()?.len() == 0;
        let writer = csv::WriterBuilder::new().has_headers(is_new).from_writer(file);
        Some(Self { writer, last: HashMap::new() })
    }

    /// Adds a row for an instance, if it is time for one.
    pub fn record(&mut self, instance: &str, stats: &FuzzerStats) {
        let interval = MIN_INTERVAL.max(stats.run_time / INTERVALS_PER_RUN);
        if self.last.get(instance).is_some_and(|last| stats.run_time < *last + interval) {
            return;
        }
        self.last.insert(instance.to_owned(), stats.run_time);
        let row = ProgressRow {
            instance: instance.to_owned(),
            run_time_s: stats.run_time.as_secs(),
            executions: stats.executions,
            edges: stats.edges,
            corpus: stats.corpus,
            stability: stats.stability,
        };
        // Errors, for example of a full disk, are ignored: the next attempt follows soon.
        let _ = self.writer.serialize(row);
        let _ = self.writer.flush();
    }
}

/// Reads the complete rows of a campaign, in the order in which they were written. Returns none if it has no such file.
#[must_use]
pub fn read(out: &Path) -> Vec<ProgressRow> {
    let reader = csv::ReaderBuilder::new().flexible(true).from_path(out.join(PROGRESS_FILE));
    reader.into_iter().flat_map(csv::Reader::into_deserialize).filter_map(Result::ok).collect()
}

/// Writes the rows of several campaigns, whose instances have different names, as those of one.
///
/// # Errors
/// When the file cannot be written.
pub fn write_merged(out: &Path, campaigns: &[PathBuf]) -> Result<()> {
    let path = out.join(PROGRESS_FILE);
    let partial = path.with_extension("partial");
    let mut writer = csv::Writer::from_path(&partial)?;
    for row in campaigns.iter().flat_map(|campaign| read(campaign)) {
        writer.serialize(row)?;
    }
    writer.flush()?;
    fs::rename(&partial, &path).with_context(|| format!("cannot write {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stats(seconds: u64) -> FuzzerStats {
        FuzzerStats {
            run_time: Duration::from_secs(seconds),
            executions: 10 * seconds,
            stability: 99.5,
            ..FuzzerStats::default()
        }
    }

    #[test]
    fn rows_of_all_resumptions_are_read() {
        let directory = tempfile::tempdir().expect("tempdir");
        for seconds in [5, 20] {
            let mut log = ProgressLog::open(directory.path()).expect("writable");
            log.record("main", &stats(seconds));
            log.record("s1", &stats(seconds));
        }
        let rows = read(directory.path());
        let times: Vec<_> = rows.iter().map(|row| (row.instance.as_str(), row.run_time_s)).collect();
        assert_eq!(times, [("main", 5), ("s1", 5), ("main", 20), ("s1", 20)]);
        assert!((rows[0].stability - 99.5).abs() < 1e-9);
    }

    #[test]
    fn rows_of_several_campaigns_are_merged() {
        let directory = tempfile::tempdir().expect("tempdir");
        let campaigns = ["a", "b"].map(|name| directory.path().join(name));
        for campaign in &campaigns {
            fs::create_dir(campaign).expect("mkdir");
            let name = format!("{}-main", campaign.file_name().unwrap_or_default().display());
            ProgressLog::open(campaign).expect("writable").record(&name, &stats(5));
        }
        for _ in 0..2 {
            write_merged(directory.path(), &campaigns).expect("writable");
            let names: Vec<_> = read(directory.path()).into_iter().map(|row| row.instance).collect();
            assert_eq!(names, ["a-main", "b-main"]);
        }
    }

    #[test]
    fn rows_become_rarer_with_time() {
        let directory = tempfile::tempdir().expect("tempdir");
        let mut log = ProgressLog::open(directory.path()).expect("writable");
        for seconds in [5, 6, 9, 10, 100_000, 100_400, 100_600] {
            log.record("main", &stats(seconds));
        }
        let times: Vec<_> = read(directory.path()).iter().map(|row| row.run_time_s).collect();
        assert_eq!(times, [5, 10, 100_000, 100_600]);
    }

    #[test]
    fn a_half_written_row_is_left_out() {
        let directory = tempfile::tempdir().expect("tempdir");
        ProgressLog::open(directory.path()).expect("writable").record("main", &stats(5));
        let path = directory.path().join(PROGRESS_FILE);
        let text = fs::read_to_string(&path).expect("written") + "main,7,3";
        fs::write(&path, text).expect("write");
        assert_eq!(read(directory.path()).len(), 1);
        assert_eq!(read(Path::new("/nonexistent")), []);
    }
}
