//! `sockfuzz corpus minimize`: the inputs of a directory that together reach all that they all reach.

use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use anyhow::Result;
use clap::Args;
use indicatif::HumanCount;

use crate::input::corpus;
use crate::input::import::{CorpusWriter, ImportedInput};
use crate::input::route;
use crate::options::{PreloadArguments, ServerArguments};
use crate::sandbox::Sandbox;
use crate::server::Server;
use crate::server::inspect;
use crate::server::seeds::SeedProgress;
use crate::server::single_run::RunConfig;
use crate::util::printable::counted;
use crate::util::{exit_code, preload, problem::Problem};

/// Shown below the help text.
pub(super) const EXAMPLES: &str = "\
Example:
  sockfuzz corpus minimize -i seeds -o small -- ./server ARGS

This is afl-cmin's work, by warm processes of the server: the smallest inputs are kept that together pass the same edges equally \
often. OUT may hold inputs already: what these reach need not be reached again. No file is changed or removed. sockfuzz fuzz does \
this by itself with more than 500 seeds.

Exit status: 0 when OUT contains the inputs, 1 when no input can be kept.";

/// Name of the pass, for the progress bar.
const PASS: &str = "inputs in the loop";

/// Arguments of `corpus minimize`.
#[derive(Debug, Args)]
pub struct MinimizeArguments {
    /// Directory of the inputs
    #[arg(short = 'i', long, value_name = "IN")]
    pub corpus: PathBuf,
    /// Directory to write the kept ones to
    #[arg(short, long = "output", value_name = "OUT")]
    pub output: PathBuf,
    /// Copies of the server that run at the same time [default: one for each core]
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub jobs: Option<u16>,
    /// Time limit of one input, in milliseconds. Inputs that take longer are left out
    #[arg(short, long, value_name = "MS", default_value_t = 1000, value_parser = clap::value_parser!(u32).range(5..))]
    pub timeout: u32,
    /// The preload and its options.
    #[command(flatten)]
    pub preload: PreloadArguments,
    /// The server.
    #[command(flatten)]
    pub server: ServerArguments,
}

/// Minimises the corpus.
///
/// # Errors
/// Inputs that cannot be read or written, and a server that cannot be used.
pub(super) fn run(arguments: &MinimizeArguments) -> Result<u8> {
    let inputs = corpus::read(&arguments.corpus)?;
    let server = Server::resolve(&arguments.server.server)?;
    inspect::inspect(&server)?.require_instrumentation(false)?;
    let mut writer = CorpusWriter::open(&arguments.output)?;
    let library = preload::locate(arguments.preload.preload.as_deref())?;
    let options = corpus::InputKind::of(&inputs).fit(&arguments.preload.options);
    let sandbox = Sandbox::prepare(&options.with_crashes_of_the_loop(), &library)?;
    let timeout = Duration::from_millis(arguments.timeout.into());
    let config = RunConfig { server: &server, library: &library, options: sandbox.options(), timeout };
    let jobs =
        arguments.jobs.map(usize::from).or_else(|| thread::available_parallelism().ok().map(usize::from));

    let before: Vec<Vec<u8>> = writer.inputs().map(<[u8]>::to_vec).collect();
    let before: Vec<&[u8]> = before.iter().map(Vec::as_slice).collect();
    let bytes: Vec<&[u8]> = inputs.iter().map(|input| &input.bytes[..]).collect();
    let progress = SeedProgress::begin(before.len() + bytes.len(), 1);
    let minimised = config.minimise(&before, &bytes, jobs.unwrap_or(1), &|| progress.advance(PASS))?;
    drop(progress);
    if minimised.failed.len() == inputs.len() {
        let remedy = "see what they do with: sockfuzz replay IN -- SERVER ARGS";
        return Err(Problem::failed("every input ends or hangs the server", remedy).into());
    }
    for index in &minimised.failed {
        println!("left out {}: it ends or hangs the server", inputs[*index].path.display());
    }
    for input in minimised.kept.iter().map(|index| &inputs[*index]) {
        let made_from = input.path.display().to_string();
        let (name, bytes) = (input.name.replace('/', "_"), input.bytes.clone());
        writer.add(&ImportedInput { name, bytes, made_from })?;
    }
    route::add_to_corpus(&arguments.output, &route::of_corpus(&arguments.corpus))?;
    println!(
        "{}, {} kept: they add {} edges, {} pairs of an edge and a class of counts",
        counted(inputs.len() as u64, "input", "inputs"),
        HumanCount(minimised.kept.len() as u64),
        HumanCount(minimised.new.edges),
        HumanCount(minimised.new.features),
    );
    Ok(exit_code::OK)
}
