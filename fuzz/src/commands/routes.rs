//! `sockfuzz routes`: which routes the queue of a campaign reaches, and how the server answers them.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::Result;
use clap::Args;

use crate::campaign::record::CampaignRecord;
use crate::options::{self, PreloadArguments};
use crate::routes::playback;
use crate::sandbox::Sandbox;
use crate::server::seeds::SeedProgress;
use crate::server::single_run::RunConfig;
use crate::util::{exit_code, preload};

/// Shown below the help text.
pub const EXAMPLES: &str = "\
Example:
  sockfuzz routes out

The server answers the inputs in the queues of all instances, many in one process, in the order in which they were found. Known \
routes are those of imported OpenAPI descriptions and of the seeds; one that no input got a 2xx from is fuzzed without effect, for \
example for want of a valid token. Numbers, ids, and names of which there are many are {…}. The result is also in the reports, and in \
OUT/sockfuzz-routes.json. sockfuzz fuzz does this when a campaign ends.

Exit status: 0 when the routes are written, 1 when OUT is no output directory of a campaign, 10 to 17 for a server that cannot \
be used.";

/// Name of the pass, for the progress bar.
const PASS: &str = "inputs of the queue";

/// Arguments of `routes`.
#[derive(Debug, Args)]
pub struct RoutesArguments {
    /// Output directory of a campaign
    #[arg(value_name = "OUT", default_value = "out")]
    pub out: PathBuf,
    /// Time limit of one input, in seconds
    #[arg(long, value_name = "SECONDS", default_value = "2", value_parser = options::seconds)]
    pub timeout: Duration,
    /// Time after which no more inputs are played, in seconds
    #[arg(long, value_name = "SECONDS", default_value = "60", value_parser = options::seconds)]
    pub time_limit: Duration,
    /// The preload and its options.
    #[command(flatten)]
    pub preload: PreloadArguments,
}

/// Plays the queue, and prints and writes the routes.
///
/// # Errors
/// A directory of no campaign, or a server that cannot be used.
pub fn run(arguments: &RoutesArguments) -> Result<u8> {
    let out = std::path::absolute(&arguments.out)?;
    let record = CampaignRecord::require(&out)?;
    let inputs = playback::queue_inputs(&out)?;
    let server = record.server()?;
    let options = record.options_below(&arguments.preload.options)?;
    let library = preload::locate(arguments.preload.preload.as_deref())?;
    record.enter_directory()?;
    let sandbox = Sandbox::prepare(&options, &library)?;
    let config = RunConfig {
        server: &server,
        library: &library,
        options: sandbox.options(),
        timeout: arguments.timeout,
    };
    let deadline = Instant::now() + arguments.time_limit;
    let progress = SeedProgress::begin(inputs.len(), 1);
    let summary = playback::play(&config, &out, &inputs, deadline, &|| progress.advance(PASS))?;
    drop(progress);
    summary.write(&out)?;
    print!("{summary}");
    Ok(exit_code::OK)
}
