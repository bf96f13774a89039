//! One thing that is measured, and how.

use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

use anyhow::Result;

use super::goals::CRASHES;
use super::netdriver::NetDriver;
use crate::afl::cargo_afl::CargoAfl;
use crate::afl::measure::{Bench, Measured};
use crate::cli::PreloadOptions;
use crate::recipe::Home;
use crate::server::Server;

/// What all measurements need.
#[derive(Debug)]
pub struct Tools<'a> {
    /// cargo-afl.
    pub cargo_afl: &'a CargoAfl,
    /// The preload library.
    pub library: &'a Path,
    /// Seeds.
    pub corpus: &'a Path,
    /// A directory with one seed that asks for a static file.
    pub one_file: &'a Path,
    /// No measurement takes longer.
    pub limit: Duration,
}

/// One case.
#[derive(Debug, Clone)]
pub struct Case {
    /// `SERVER/TRANSPORT/LOOP`, or what stands in its place.
    pub name: String,
    /// What runs.
    pub(super) subject: Subject,
}

#[derive(Debug, Clone)]
pub(super) enum Subject {
    /// A program that is a harness itself.
    Harness(PathBuf),
    /// A server, through the preload.
    Server(Preloaded),
    /// A server below honggfuzz's netdriver.
    NetDriver(NetDriver),
}

#[derive(Debug, Clone)]
pub(super) struct Preloaded {
    pub(super) server: Server,
    pub(super) options: PreloadOptions,
    pub(super) seeds: Seeds,
    /// Kept while it is measured.
    pub(super) _home: Option<Rc<Home>>,
}

/// Where mutation begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Seeds {
    Corpus,
    OneFile,
}

/// What came of one measurement.
#[derive(Debug, Clone, PartialEq)]
pub struct Measurement {
    /// Executions done.
    pub executions: u64,
    /// Executions per second, the fuzzer's own work and start included.
    pub per_second: f64,
    /// Percentage of the coverage that does not change by itself; none where nobody looks.
    pub stability: Option<f64>,
    /// What makes the figures worthless, or poor.
    pub warnings: Vec<String>,
}

/// A case is none of crashes that has fewer than one in so many executions. (Those that afl-fuzz repeats for
/// its own purposes, such as calibration, do not crash.)
const RARE: u64 = 400;

impl Case {
    /// Whether it is to crash once in 100 inputs.
    pub(super) fn crashes(&self) -> bool {
        self.name.ends_with(CRASHES)
    }

    /// Measures it once.
    ///
    /// # Errors
    /// When the fuzzer fails, or the user interrupts.
    pub fn measure(&self, tools: &Tools<'_>, executions: u64) -> Result<Measurement> {
        let bench = |corpus| Bench { cargo_afl: tools.cargo_afl, corpus, limit: tools.limit };
        let (stats, mut warnings, processes) = match &self.subject {
            Subject::NetDriver(driver) => return driver.measure(tools.corpus, tools.limit, executions),
            Subject::Harness(program) => (bench(tools.corpus).plain(program, executions)?, Vec::new(), 1),
            Subject::Server(Preloaded { server, options, seeds, .. }) => {
                let corpus = match seeds {
                    Seeds::Corpus => tools.corpus,
                    Seeds::OneFile => tools.one_file,
                };
                let Measured { stats, warnings, processes, .. } =
                    bench(corpus).server(server, tools.library, options, executions)?;
                (stats, warnings, processes)
            }
        };
        if self.crashes() && processes * RARE < stats.executions {
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
