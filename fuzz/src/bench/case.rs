//! Cases of the benchmark, and their measurement.

use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

use anyhow::Result;

use super::measurement::Measurement;
use super::names::CRASHES;
use super::netdriver::NetDriver;
use crate::campaign::cargo_afl::CargoAfl;
use crate::campaign::measure::{BoundedCampaign, MeasuredCampaign};
use crate::options::PreloadOptions;
use crate::recipe::Home;
use crate::server::Server;

/// Tools and files that all measurements use.
#[derive(Debug)]
pub struct BenchTools<'a> {
    /// cargo-afl.
    pub cargo_afl: &'a CargoAfl,
    /// The preload library.
    pub library: &'a Path,
    /// Seeds.
    pub corpus: &'a Path,
    /// A directory with one seed that asks for a static file.
    pub one_file: &'a Path,
    /// Time limit of one measurement.
    pub time_limit: Duration,
}

/// One case.
#[derive(Debug, Clone)]
pub struct BenchCase {
    /// `SERVER/TRANSPORT/LOOP`, or another name for a case without these.
    pub name: String,
    /// The measured program.
    pub(super) subject: Subject,
}

#[derive(Debug, Clone)]
pub(super) enum Subject {
    /// A harness, which runs without the preload.
    Harness(PathBuf),
    /// A server with the preload.
    Server(PreloadedServer),
    /// A server under honggfuzz's netdriver.
    NetDriver(NetDriver),
}

#[derive(Debug, Clone)]
pub(super) struct PreloadedServer {
    pub(super) server: Server,
    pub(super) options: PreloadOptions,
    pub(super) seeds: SeedSource,
    /// Whether its processes keep histories.
    pub(super) histories: bool,
    /// Preload library, if it is not that of the other cases.
    pub(super) library: Option<PathBuf>,
    /// Directory of the server, which must exist while the server is measured.
    pub(super) _home: Option<Rc<Home>>,
}

/// Seeds of a case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SeedSource {
    Corpus,
    OneFile,
}

/// Maximum number of executions per crash in a case with crashes. Repetitions by afl-fuzz, for example in
/// calibration, do not crash.
const MAX_EXECUTIONS_PER_CRASH: u64 = 400;

impl BenchCase {
    /// Whether the server should crash once in 100 inputs.
    pub(super) fn crashes(&self) -> bool {
        self.name.ends_with(CRASHES)
    }

    /// Measures the case once. All cases of a `round` get the same random numbers, so that the comparison does not
    /// depend on which inputs afl-fuzz happens to find.
    ///
    /// # Errors
    /// When the fuzzer fails, or the user interrupts.
    pub fn measure(&self, tools: &BenchTools<'_>, executions: u64, round: u32) -> Result<Measurement> {
        let campaign = |corpus, histories| BoundedCampaign {
            cmplog: false,
            histories,
            shows_server: false,
            cargo_afl: tools.cargo_afl,
            corpus,
            time_limit: tools.time_limit,
            random_seed: Some(round),
        };
        let (stats, mut warnings, processes) = match &self.subject {
            Subject::NetDriver(driver) => return driver.measure(tools.corpus, tools.time_limit, executions),
            Subject::Harness(program) => {
                (campaign(tools.corpus, false).fuzz_harness(program, executions)?, Vec::new(), 1)
            }
            Subject::Server(PreloadedServer { server, options, seeds, histories, library, .. }) => {
                let library = library.as_deref().unwrap_or(tools.library);
                let corpus = match seeds {
                    SeedSource::Corpus => tools.corpus,
                    SeedSource::OneFile => tools.one_file,
                };
                let MeasuredCampaign { stats, warnings, processes, .. } =
                    campaign(corpus, *histories).fuzz_server(server, library, options, executions)?;
                (stats, warnings, processes)
            }
        };
        if self.crashes() && processes * MAX_EXECUTIONS_PER_CRASH < stats.executions {
            warnings.push(format!("it crashed only {processes} times in {} executions", stats.executions));
        }
        Ok(Measurement {
            executions: stats.executions,
            per_second: stats.per_second,
            stability: Some(stats.stability),
            warnings,
        })
    }
}
