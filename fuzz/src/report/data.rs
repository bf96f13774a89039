//! All that a report shows, collected from an output directory. Serialised, it is the report in JSON.

use std::path::Path;
use std::time::{Duration, SystemTime};

use anyhow::Result;
use schemars::JsonSchema;
use serde::Serialize;
use sockfuzz_protocol::{Counter, InputFormat};

use super::bugs::{self, ReportedBug, TriageResults};
use super::coverage::{self, SourceCoverage};
use super::instances::{self, ReportedInstance};
use super::repetition::{self, Repetition};
use super::requests::{self, RequestedPaths};
use super::saved_files::{self, FileTriage, SavedFile, SavedKind};
use crate::campaign::answer_counts::AnswerCounts;
use crate::campaign::connection_counts::ConnectionCounts;
use crate::campaign::output_dir::STATUS_FILE;
use crate::campaign::progress;
use crate::campaign::record::CampaignRecord;
use crate::campaign::report;
use crate::campaign::stats::FuzzerStats;
use crate::options::PreloadOptions;
use crate::routes::summary::RouteSummary;
use crate::server::status_file::StatusFile;
use crate::triage::earlier_findings::EarlierFindings;

/// Begins the value of `generator`, and the mark in reports of other formats.
pub const GENERATOR: &str = concat!("sockfuzz report ", env!("CARGO_PKG_VERSION"));

/// Version of the format. It grows when a field is removed or changes its meaning.
const FORMAT_VERSION: u32 = 1;

/// Number of attempts to read the status page, which a campaign that runs may be saving.
const STATUS_ATTEMPTS: u32 = 5;
/// Time between two attempts. Saving 4 KiB takes microseconds.
const STATUS_RETRY_INTERVAL: Duration = Duration::from_millis(5);

/// Report of a campaign.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct CampaignReport {
    /// Program that made the report, with its version.
    pub generator: &'static str,
    /// Version of this format.
    pub format_version: u32,
    /// Time of the report, in UTC (RFC 3339).
    pub generated_at: String,
    /// Absolute path of the output directory.
    pub output_directory: String,
    /// Whether afl-fuzz runs on this machine, at the time of the report.
    pub is_running: bool,
    /// Figures of all instances together.
    pub summary: ReportSummary,
    /// Warnings about worthless or poor figures.
    pub warnings: Vec<String>,
    /// What this report lacks, and why.
    pub notes: Vec<String>,
    /// Instances of afl-fuzz.
    pub instances: Vec<ReportedInstance>,
    /// Whether triage has run. Without it, findings are only files.
    pub is_triaged: bool,
    /// Bugs, from triage.
    pub bugs: Vec<ReportedBug>,
    /// Inputs that were saved as crashes, hangs and wrong answers, of all resumptions.
    pub saved_files: Vec<SavedFile>,
    /// Answers since the campaign was started or resumed. Missing if none was counted.
    pub answers: Option<AnswerClasses>,
    /// Routes, with their answers. Missing unless `sockfuzz routes` has played the queues.
    pub routes: Option<RouteSummary>,
    /// Paths requested by the inputs in the queues.
    pub requested_paths: RequestedPaths,
    /// Coverage of the source. Missing unless `sockfuzz cover` has measured it.
    pub coverage: Option<SourceCoverage>,
    /// How to repeat the campaign.
    pub repetition: Repetition,
}

/// Figures of all instances of a campaign.
#[derive(Debug, Clone, Default, Serialize, JsonSchema)]
pub struct ReportSummary {
    /// Longest fuzzing time of an instance, over all resumptions, in seconds.
    pub run_time_s: u64,
    /// Sum of executions.
    pub executions: u64,
    /// Sum of the executions per second, each averaged over the run of its instance.
    pub per_second: f64,
    /// Lowest stability of an instance, in percent.
    pub stability: f64,
    /// Most edges covered by an instance.
    pub edges: u64,
    /// Most inputs in the queue of an instance.
    pub corpus: u64,
    /// Number of bugs that triage found.
    pub bugs: usize,
    /// Number of files saved as crashes, over all resumptions.
    pub crash_files: usize,
    /// Number of files saved as hangs, over all resumptions.
    pub hang_files: usize,
    /// Number of files saved as wrong answers.
    pub wrong_answer_files: usize,
    /// Sum of executions that timed out since the last start.
    pub timeouts: u64,
}

/// Answers by the class of their status code (RFC 9110, section 15). Answers in HTTP/2 are not counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
pub struct AnswerClasses {
    /// Answers with 2xx.
    pub success: u64,
    /// Answers with 3xx.
    pub redirection: u64,
    /// Answers with 4xx.
    pub client_error: u64,
    /// Answers with 5xx.
    pub server_error: u64,
}

impl CampaignReport {
    /// Collects the report of the campaign in this output directory. The campaign may be running.
    ///
    /// # Errors
    /// Another directory.
    pub fn collect(out: &Path) -> Result<Self> {
        let record = CampaignRecord::require(out)?;
        let out = std::path::absolute(out)?;
        let instances = instances::read_all(&out, &progress::read(&out));
        let earlier = EarlierFindings::read(&out)?;
        let TriageResults { is_present: is_triaged, bugs, mut notes } = bugs::read_all(&out, &earlier);
        let saved_files = saved_files::read_all(&out, &earlier, &bugs);
        let coverage = coverage::read(&out).unwrap_or_else(|note| {
            notes.push(note);
            None
        });
        let stats: Vec<_> = instances.iter().map(|instance| instance.stats).collect();
        let together = FuzzerStats::combine(&stats);
        let status = read_status(&out);
        let answers = status.as_ref().map(AnswerCounts::read);
        let format = record.options_below(&PreloadOptions::default()).map(|options| options.parsed().input);
        Ok(Self {
            generator: GENERATOR,
            format_version: FORMAT_VERSION,
            generated_at: now(),
            output_directory: repetition::shown_path(&out),
            is_running: instances.iter().any(|instance| instance.is_running),
            summary: summary(together.as_ref(), &bugs, &saved_files),
            warnings: warnings(together.as_ref(), status.as_ref(), answers.as_ref()),
            notes,
            is_triaged,
            bugs,
            answers: answers.filter(AnswerCounts::has_any).map(|answers| {
                let [success, redirection, client_error, server_error] = answers.by_class();
                AnswerClasses { success, redirection, client_error, server_error }
            }),
            routes: RouteSummary::read(&out),
            // Every plain request is a session, too.
            requested_paths: requests::read(&out, format.unwrap_or(InputFormat::Session)),
            coverage,
            repetition: repetition::collect(&record, &instances),
            saved_files,
            instances,
        })
    }
}

impl CampaignReport {
    /// Returns the bugs that were not known when the campaign was last started.
    pub fn new_bugs(&self) -> impl Iterator<Item = &ReportedBug> {
        self.bugs.iter().filter(|bug| !bug.is_known)
    }

    /// Returns the saved inputs since the campaign was last started that triage has not come to.
    pub fn new_files(&self) -> impl Iterator<Item = &SavedFile> {
        self.saved_files.iter().filter(|file| !file.is_known && file.triage == FileTriage::Pending)
    }
}

fn read_status(out: &Path) -> Option<StatusFile> {
    let path = out.join(STATUS_FILE);
    (0..STATUS_ATTEMPTS).find_map(|attempt| {
        if attempt > 0 && path.exists() {
            std::thread::sleep(STATUS_RETRY_INTERVAL);
        }
        StatusFile::copy_of(&path).ok()
    })
}

fn summary(stats: Option<&FuzzerStats>, bugs: &[ReportedBug], files: &[SavedFile]) -> ReportSummary {
    let stats = stats.copied().unwrap_or_default();
    let count = |kind| files.iter().filter(|file| file.kind == kind).count();
    ReportSummary {
        run_time_s: stats.run_time.as_secs(),
        executions: stats.executions,
        per_second: stats.per_second,
        stability: stats.stability,
        edges: stats.edges,
        corpus: stats.corpus,
        bugs: bugs.len(),
        crash_files: count(SavedKind::Crash),
        hang_files: count(SavedKind::Hang),
        wrong_answer_files: count(SavedKind::WrongAnswer),
        timeouts: stats.timeouts,
    }
}

/// Returns the warnings that the end of the campaign prints. The status page counts from the last start, as they need it.
fn warnings(
    stats: Option<&FuzzerStats>,
    status: Option<&StatusFile>,
    answers: Option<&AnswerCounts>,
) -> Vec<String> {
    let (Some(stats), Some(status)) = (stats, status) else { return Vec::new() };
    let iterations = status.count(Counter::Iterations);
    if iterations == 0 {
        return Vec::new();
    }
    let mut warnings = report::warnings(stats, iterations, ConnectionCounts::read(status));
    warnings.extend(answers.and_then(AnswerCounts::warning));
    warnings
}

/// Returns the time in UTC, with seconds (RFC 3339).
fn now() -> String {
    let shown = httpdate::fmt_http_date(SystemTime::now());
    // "Sun, 06 Nov 1994 08:49:37 GMT"
    let words: Vec<_> = shown.split(' ').collect();
    const MONTHS: &str = "JanFebMarAprMayJunJulAugSepOctNovDec";
    match words[..] {
        [_, day, month, year, time, _] => {
            let month = MONTHS.find(month).map_or(0, |at| at / 3 + 1);
            format!("{year}-{month:02}-{day}T{time}Z")
        }
        _ => shown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_is_rfc_3339() {
        let now = now();
        assert_eq!(now.len(), "2026-11-29T08:49:37Z".len(), "{now}");
        assert!(now.starts_with("20") && now.ends_with('Z') && now.as_bytes()[10] == b'T', "{now}");
    }

    #[test]
    fn another_directory_is_refused() {
        let directory = tempfile::tempdir().expect("tempdir");
        let error = CampaignReport::collect(directory.path()).expect_err("no campaign");
        assert!(error.to_string().contains("no output directory of sockfuzz fuzz"), "{error}");
    }
}
