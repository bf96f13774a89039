//! Measured campaigns: bounded, on one pinned core, in a temporary directory.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use sockfuzz_protocol::{Counter, InlineCounters};
use tempfile::TempDir;

use crate::campaign::cargo_afl::CargoAfl;
use crate::campaign::connection_counts::ConnectionCounts;
use crate::campaign::environment::{self, Setting};
use crate::campaign::instance::CampaignPlan;
use crate::campaign::output_dir::OutputDir;
use crate::campaign::output_mode::OutputMode;
use crate::campaign::report;
use crate::campaign::runner::{self, CampaignEnd};
use crate::campaign::stats::FuzzerStats;
use crate::input::corpus::{self, Seed};
use crate::options::PreloadOptions;
use crate::server::status_file::StatusFile;
use crate::server::{Server, inspect};
use crate::util::affinity::PinnedThread;
use crate::util::problem::Problem;

/// Time limit of one execution, long enough for a busy machine.
const EXECUTION_TIMEOUT: Duration = Duration::from_secs(1);

/// A campaign that is bounded by executions and time.
#[derive(Debug)]
pub struct BoundedCampaign<'a> {
    /// cargo-afl.
    pub cargo_afl: &'a CargoAfl,
    /// Seeds.
    pub corpus: &'a Path,
    /// Time limit of the campaign.
    pub time_limit: Duration,
    /// Whether afl-fuzz records the server's comparisons (cmplog), which starts a second copy of the server.
    pub cmplog: bool,
    /// Whether processes that end by a finding leave their inputs.
    pub histories: bool,
    /// Whether afl-fuzz's output includes the server's, so that the message of a failure can show its cause.
    pub shows_server: bool,
    /// Seed of afl-fuzz's random numbers. With `None`, afl-fuzz chooses one.
    pub random_seed: Option<u32>,
}

/// A campaign that has ended, with its figures.
#[derive(Debug)]
pub struct MeasuredCampaign {
    /// The figures.
    pub stats: FuzzerStats,
    /// Warnings about figures that are worthless or poor.
    pub warnings: Vec<String>,
    /// Server processes that ran at least one iteration.
    pub processes: u64,
    /// What has become of the calls that count edges; `None` if the server has none, or they were to be left alone.
    pub inline_counters: Option<InlineCounters>,
    queue: PathBuf,
    /// Temporary directory of the queue.
    _directory: TempDir,
}

impl MeasuredCampaign {
    /// Reads the queue of afl-fuzz, seeds included.
    ///
    /// # Errors
    /// When the inputs cannot be read.
    pub fn queue(&self) -> Result<Vec<Seed>> {
        corpus::read(&self.queue)
    }
}

impl BoundedCampaign<'_> {
    /// Fuzzes a server through the preload.
    ///
    /// # Errors
    /// When afl-fuzz fails, or the user interrupts.
    pub fn fuzz_server(
        &self,
        server: &Server,
        library: &Path,
        options: &PreloadOptions,
        executions: u64,
    ) -> Result<MeasuredCampaign> {
        let inspection = inspect::inspect(server)?;
        let settings = |status: &StatusFile| {
            let shows_server = self.shows_server.then(|| Setting::silent("AFL_DEBUG_CHILD", "1"));
            let settings =
                environment::settings(server, library, options, status, &inspection, OutputMode::Logs);
            settings.into_iter().chain(shows_server).collect()
        };
        self.run(server, executions, settings)
    }

    /// Fuzzes a program that needs no preload.
    ///
    /// # Errors
    /// As for [`BoundedCampaign::fuzz_server`].
    pub fn fuzz_harness(&self, program: &Path, executions: u64) -> Result<FuzzerStats> {
        let program = Server::new(program.to_owned(), Vec::new());
        let settings = |_: &StatusFile| environment::permissive_settings(OutputMode::Logs).collect();
        self.run(&program, executions, settings).map(|measured| measured.stats)
    }

    fn run(
        &self,
        server: &Server,
        executions: u64,
        settings: impl FnOnce(&StatusFile) -> Vec<Setting>,
    ) -> Result<MeasuredCampaign> {
        let directory = tempfile::tempdir()?;
        let out = OutputDir::validate(&directory.path().join("out"), server)?.lock()?;
        let status = StatusFile::kept_at(&out.status())?;
        let settings = for_pinned_thread(settings(&status));
        let seconds = self.time_limit.as_secs().max(1).to_string();
        let mut options: Vec<_> = ["-E", &executions.to_string(), "-V", &seconds].map(str::to_owned).into();
        options.extend(self.random_seed.iter().flat_map(|seed| ["-s".to_owned(), seed.to_string()]));
        let plan = CampaignPlan {
            cargo_afl: self.cargo_afl,
            settings: &settings,
            corpus: self.corpus,
            dictionary: None,
            timeout: EXECUTION_TIMEOUT,
            cmplog: self.cmplog,
            histories: self.histories,
            host: None,
            options: &options,
            server,
        };
        let instances = plan.instances(1, &out);
        plan.create_histories(&instances, &out)?;
        let pinned = PinnedThread::to_one_core()?;
        let end = runner::run(&instances, &out, OutputMode::Logs, &status, None, None)?;
        drop(pinned);
        if let CampaignEnd::Interrupted(signal) = end {
            return Err(signal.into());
        }
        let instance = out.instance(&instances.first().context("one instance was planned")?.name);
        let stats = FuzzerStats::read(&instance).ok_or_else(|| {
            let remedy = "run sockfuzz fuzz by hand to see its output";
            Problem::failed(format!("afl-fuzz wrote no figures for {}", server.command_line()), remedy)
        })?;
        Ok(MeasuredCampaign {
            warnings: report::warnings(&stats, stats.executions, ConnectionCounts::read(&status)),
            stats,
            processes: status.count(Counter::Processes),
            inline_counters: status.inline_counters(),
            queue: instance.join("queue"),
            _directory: directory,
        })
    }
}

/// Returns the settings without the choice of a core, because afl-fuzz inherits the core of the pinned thread.
fn for_pinned_thread(mut settings: Vec<Setting>) -> Vec<Setting> {
    settings.retain(|setting| setting.name != environment::TRY_AFFINITY);
    settings.push(Setting::silent(environment::NO_AFFINITY, "1"));
    settings
}
