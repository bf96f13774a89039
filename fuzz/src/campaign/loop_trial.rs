//! Trial of the loop: a few seconds of afl-fuzz on a few seeds, with cmplog, so that a server that passes
//! `check` also starts in `fuzz`.

use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};

use super::cargo_afl::CargoAfl;
use super::measure::{BoundedCampaign, MeasuredCampaign};
use crate::input::corpus::Seed;
use crate::options::PreloadOptions;
use crate::server::Server;

/// Maximum number of seeds.
const MAX_SEEDS: usize = 5;

/// Maximum number of executions. Each seed takes about ten before the first one is counted.
const MAX_EXECUTIONS: u64 = 200;

/// Time limit of the trial.
const TIME_LIMIT: Duration = Duration::from_secs(10);

/// Fuzzes the server for a short time.
///
/// # Errors
/// When afl-fuzz fails, or the user interrupts.
pub fn enter_loop(
    cargo_afl: &CargoAfl,
    server: &Server,
    library: &Path,
    options: &PreloadOptions,
    seeds: &[&Seed],
) -> Result<MeasuredCampaign> {
    let corpus = tempfile::tempdir()?;
    for (number, seed) in seeds.iter().take(MAX_SEEDS).enumerate() {
        fs::write(corpus.path().join(number.to_string()), &seed.bytes)?;
    }
    let campaign = BoundedCampaign {
        cargo_afl,
        corpus: corpus.path(),
        time_limit: TIME_LIMIT,
        cmplog: true,
        histories: false,
        shows_server: true,
        random_seed: None,
    };
    campaign
        .fuzz_server(server, library, options, MAX_EXECUTIONS)
        .context("the server works in a single run, but in the loop under afl-fuzz it does not")
}
