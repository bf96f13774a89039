//! A short campaign for its figures alone: bounded, on one pinned core, without cmplog, in a
//! directory that is gone afterwards.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
use sockfuzz_protocol::Counter;
use tempfile::TempDir;

use crate::afl::campaign::{self, Display, Ending};
use crate::afl::cargo_afl::CargoAfl;
use crate::afl::environment::{self, Setting};
use crate::afl::instance::Plan;
use crate::afl::output_dir::OutputDir;
use crate::afl::report::{self, Connections};
use crate::afl::stats::Stats;
use crate::cli::PreloadOptions;
use crate::corpus::{self, Seed};
use crate::problem::Problem;
use crate::server::{Server, inspect};
use crate::status_file::StatusFile;

/// Limit per execution: generous, a busy machine is not the server's fault.
const TIMEOUT: Duration = Duration::from_secs(1);

/// What all campaigns have in common.
#[derive(Debug)]
pub struct Bench<'a> {
    /// cargo-afl.
    pub cargo_afl: &'a CargoAfl,
    /// Seeds.
    pub corpus: &'a Path,
    /// No campaign takes longer.
    pub limit: Duration,
}

/// What came of a campaign.
#[derive(Debug)]
pub struct Measured {
    /// The figures.
    pub stats: Stats,
    /// What makes them worthless, or poor.
    pub warnings: Vec<String>,
    /// Server processes that ran at least one iteration.
    pub processes: u64,
    queue: PathBuf,
    /// Around it; gone when this is dropped.
    _directory: TempDir,
}

impl Measured {
    /// The inputs that afl-fuzz kept, those that it was given included.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn queue(&self) -> Result<Vec<Seed>> {
        corpus::read(&self.queue)
    }
}

impl Bench<'_> {
    /// Fuzzes a server through the preload.
    ///
    /// # Errors
    /// When afl-fuzz fails, or the user interrupts.
    pub fn server(
        &self,
        server: &Server,
        library: &Path,
        options: &PreloadOptions,
        executions: u64,
    ) -> Result<Measured> {
        let inspection = inspect::inspect(server)?;
        let settings = |status: &StatusFile| {
            environment::settings(server, library, options, status, &inspection, Display::Logs)
        };
        self.run(server, executions, settings)
    }

    /// Fuzzes a program that needs no preload.
    ///
    /// # Errors
    /// As for [`Bench::server`].
    pub fn plain(&self, program: &Path, executions: u64) -> Result<Stats> {
        let program = Server::new(program.to_owned(), Vec::new());
        let settings = |_: &StatusFile| environment::lenient(Display::Logs).collect();
        self.run(&program, executions, settings).map(|measured| measured.stats)
    }

    fn run(
        &self,
        server: &Server,
        executions: u64,
        settings: impl FnOnce(&StatusFile) -> Vec<Setting>,
    ) -> Result<Measured> {
        let directory = tempfile::tempdir()?;
        let out = OutputDir::judge(&directory.path().join("out"), server)?.claim()?;
        let status = StatusFile::at(&out.status())?;
        let mut settings = settings(&status);
        // We have pinned ourselves, and afl-fuzz with us.
        settings.retain(|setting| setting.name != environment::TRY_AFFINITY);
        settings.push(Setting::quiet(environment::NO_AFFINITY, "1"));
        let limit = self.limit.as_secs().max(1).to_string();
        let options: Vec<_> =
            ["-c", "-", "-E", &executions.to_string(), "-V", &limit].map(str::to_owned).into();
        let plan = Plan {
            cargo_afl: self.cargo_afl,
            settings: &settings,
            corpus: self.corpus,
            dictionary: None,
            timeout: TIMEOUT,
            // The options say so.
            cmplog: true,
            options: &options,
            server,
        };
        let instances = plan.instances(1, &out);
        let pinned = Pinned::to_one_core()?;
        let ending = campaign::run(&instances, &out, Display::Logs)?;
        drop(pinned);
        if let Ending::Interrupted(signal) = ending {
            return Err(signal.into());
        }
        let instance = out.instance(&instances.first().context("one instance was planned")?.name);
        let stats = Stats::read(&instance).ok_or_else(|| {
            let remedy = "run it by hand with sockfuzz fuzz to see more";
            Problem::failed(format!("afl-fuzz left no figures of {}", server.shown()), remedy)
        })?;
        Ok(Measured {
            warnings: report::warnings(&stats, stats.executions, Connections::counted(&status)),
            stats,
            processes: status.count(Counter::Processes),
            queue: instance.join("queue"),
            _directory: directory,
        })
    }
}

/// This thread, and what it starts, on one core only until this is dropped.
#[derive(Debug)]
pub struct Pinned {
    before: CpuSet,
}

impl Pinned {
    /// Pins it, to the last core that it may use.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn to_one_core() -> Result<Self> {
        let before = sched_getaffinity(None).context("cannot ask for this thread's cores")?;
        // The first core has most of a machine's interrupts.
        let last = (0..CpuSet::MAX_CPU).rev().find(|&core| before.is_set(core));
        let mut one = CpuSet::new();
        one.set(last.context("this thread has no core")?);
        sched_setaffinity(None, &one).context("cannot pin to a core")?;
        Ok(Self { before })
    }
}

impl Drop for Pinned {
    fn drop(&mut self) {
        // Being slower is no reason to fail.
        let _ = sched_setaffinity(None, &self.before);
    }
}
