//! Instances of afl-fuzz in an output directory, with their figures, now and over time.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use procfs::process::Process;
use schemars::JsonSchema;
use serde::Serialize;

use super::plot_data;
use super::text::visible;
use crate::campaign::progress::ProgressRow;
use crate::campaign::stats::{FuzzerStats, STATS_FILE};

/// Instance of afl-fuzz.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct ReportedInstance {
    /// Name of its directory.
    pub name: String,
    /// Whether a process of afl-fuzz has the id that the instance reported, on this machine and now.
    pub is_running: bool,
    /// Time spent fuzzing, over all resumptions, in seconds.
    pub run_time_s: u64,
    /// Number of executions.
    pub executions: u64,
    /// Executions per second, averaged over the run.
    pub per_second: f64,
    /// Percentage of the coverage that repeated runs of an input reproduce.
    pub stability: f64,
    /// Edges covered.
    pub edges: u64,
    /// Edges that the server has, if afl-fuzz reports them.
    pub total_edges: Option<u64>,
    /// Inputs in the queue.
    pub corpus: u64,
    /// Crashes saved, over all resumptions, as afl-fuzz counts them.
    pub saved_crashes: u64,
    /// Hangs saved, over all resumptions, as afl-fuzz counts them.
    pub saved_hangs: u64,
    /// Executions that timed out since the last start.
    pub timeouts: u64,
    /// Version of AFL++.
    pub afl_version: Option<String>,
    /// Command line of afl-fuzz.
    pub command_line: Option<String>,
    /// Figures over time, in the order of time.
    pub samples: Vec<ReportSample>,
    /// The figures, for sums over all instances.
    #[serde(skip)]
    pub stats: FuzzerStats,
}

/// Figures of an instance at one time. Each is missing where afl-fuzz did not record it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, JsonSchema)]
pub struct ReportSample {
    /// Time spent fuzzing, over all resumptions, in seconds.
    pub run_time_s: f64,
    /// Number of executions.
    pub executions: Option<u64>,
    /// Edges covered.
    pub edges: Option<u64>,
    /// Inputs in the queue.
    pub corpus: Option<u64>,
    /// Percentage of the coverage that repeated runs of an input reproduce.
    pub stability: Option<f64>,
}

/// Returns the instances of a campaign, sorted by name. `progress` is what sockfuzz has recorded of all of them.
#[must_use]
pub fn read_all(out: &Path, progress: &[ProgressRow]) -> Vec<ReportedInstance> {
    let entries = fs::read_dir(out).into_iter().flatten().flatten();
    let mut directories: Vec<_> = entries.map(|entry| entry.path()).collect();
    directories.sort();
    directories.iter().filter_map(|directory| read(directory, progress)).collect()
}

fn read(directory: &Path, progress: &[ProgressRow]) -> Option<ReportedInstance> {
    let text = visible(&fs::read(directory.join(STATS_FILE)).ok()?);
    let stats = FuzzerStats::parse(&text);
    let fields = FuzzerStats::fields(&text);
    let field = |name| fields.get(name).map(|value| (*value).to_owned());
    let name = directory.file_name()?;
    let plot = fs::read(directory.join("plot_data")).map(|text| visible(&text)).unwrap_or_default();
    let progress = progress.iter().filter(|row| name == row.instance.as_str());
    Some(ReportedInstance {
        name: visible(name.as_encoded_bytes()),
        is_running: fields.get("fuzzer_pid").and_then(|pid| pid.parse().ok()).is_some_and(is_fuzzer),
        run_time_s: stats.run_time.as_secs(),
        executions: stats.executions,
        per_second: stats.per_second,
        stability: stats.stability,
        edges: stats.edges,
        total_edges: fields.get("total_edges").and_then(|count| count.parse().ok()),
        corpus: stats.corpus,
        saved_crashes: stats.crashes,
        saved_hangs: stats.hangs,
        timeouts: stats.timeouts,
        afl_version: field("afl_version").map(|version| version.trim_start_matches('+').to_owned()),
        command_line: field("command_line"),
        samples: samples(&plot, progress, &stats),
        stats,
    })
}

/// Whether a process of afl-fuzz has this id. A process that has ended may have left its id to another one.
fn is_fuzzer(pid: i32) -> bool {
    Process::new(pid).and_then(|process| process.stat()).is_ok_and(|stat| stat.comm == "afl-fuzz")
}

/// Merges the rows of AFL++, those of sockfuzz and the present figures. Of two for the same second, the one with
/// stability is kept.
fn samples<'a>(
    plot: &str,
    progress: impl Iterator<Item = &'a ProgressRow>,
    now: &FuzzerStats,
) -> Vec<ReportSample> {
    let mut by_second = BTreeMap::new();
    for row in plot_data::parse(plot).into_iter().filter(|row| row.run_time_s >= 0.0) {
        by_second.insert(
            row.run_time_s as u64,
            ReportSample {
                run_time_s: row.run_time_s,
                executions: row.executions,
                edges: row.edges,
                corpus: row.corpus,
                stability: None,
            },
        );
    }
    let present = ProgressRow {
        instance: String::new(),
        run_time_s: now.run_time.as_secs(),
        executions: now.executions,
        edges: now.edges,
        corpus: now.corpus,
        stability: now.stability,
    };
    for row in progress.cloned().chain([present]).filter(|row| row.executions > 0) {
        by_second.insert(
            row.run_time_s,
            ReportSample {
                run_time_s: row.run_time_s as f64,
                executions: Some(row.executions),
                edges: Some(row.edges),
                corpus: Some(row.corpus),
                stability: Some(row.stability),
            },
        );
    }
    by_second.into_values().collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn sources_are_merged_by_time() {
        let plot = "# relative_time, total_execs, edges_found, corpus_count\n60, 600, 7, 3\n65, 650, 8, 3\n";
        let row = ProgressRow {
            instance: "main".to_owned(),
            run_time_s: 5,
            executions: 50,
            edges: 4,
            corpus: 2,
            stability: 99.0,
        };
        let now = FuzzerStats {
            run_time: Duration::from_secs(66),
            executions: 660,
            stability: 98.0,
            ..FuzzerStats::default()
        };
        let all = samples(plot, [&row].into_iter(), &now);
        let figures: Vec<_> = all.iter().map(|it| (it.run_time_s, it.executions, it.stability)).collect();
        assert_eq!(
            figures,
            [
                (5.0, Some(50), Some(99.0)),
                (60.0, Some(600), None),
                (65.0, Some(650), None),
                (66.0, Some(660), Some(98.0))
            ]
        );
    }

    #[test]
    fn an_instance_without_plot_data_has_its_present_figures() {
        let directory = tempfile::tempdir().expect("tempdir");
        let instance = directory.path().join("main");
        fs::create_dir(&instance).expect("mkdir");
        assert!(read_all(directory.path(), &[]).is_empty(), "it has not reported");
        let text = "run_time : 9\nexecs_done : 90\nafl_version : ++4.40c\nfuzzer_pid : 1\ntotal_edges : 5\n";
        fs::write(instance.join(STATS_FILE), text).expect("write");
        let all = read_all(directory.path(), &[]);
        assert_eq!(all.len(), 1);
        assert_eq!((all[0].samples.len(), all[0].total_edges, all[0].is_running), (1, Some(5), false));
        assert_eq!(all[0].afl_version.as_deref(), Some("4.40c"));
    }
}
