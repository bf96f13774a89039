//! `sockfuzz check`: checks whether a server can be fuzzed, and whether it answers through the preload
//! as it does over real TCP.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;
use clap::Args;
use sockfuzz_protocol::{EXIT_SIGNAL, Exits, InputFormat};

use crate::campaign::cargo_afl::CargoAfl;
use crate::campaign::loop_trial;
use crate::campaign::stats::FuzzerStats;
use crate::commands::server_setup::SetupArguments;
use crate::input::corpus::{self, Seed};
use crate::input::import;
use crate::options::{self, PreloadArguments, ServerArguments};
use crate::sandbox::Sandbox;
use crate::server::Server;
use crate::server::diagnose::SANDBOX_REMEDY;
use crate::server::inspect::{self, Inspection};
use crate::server::single_run::RunConfig;
use crate::server::tcp_comparison::{self, TcpComparison};
use crate::server::transport;
use crate::util::exit_code;
use crate::util::preload;
use crate::util::printable::counted;
use crate::util::workspace;

/// Shown below the help text.
pub const EXAMPLES: &str = "\
Example:
  sockfuzz check -- ./server --listen 127.0.0.1:8080

Each seed is run twice: through the preload, and without it over the TCP port that the server listens on. The \
answers must be the same byte for byte, except for the value of the Date header and the boundary of \
multipart/byteranges, which depend on the clock or on chance. One process answers many seeds. Where two answers \
differ, the seed is run again with a fresh server, several times over TCP; an answer that varies over TCP as well \
does not count as a difference. With transport auto, up to 100 seeds are run once more, to choose between unix and \
memory.

If cargo-afl is installed, an instrumented server is then fuzzed for a few seconds, to check that it also starts in \
sockfuzz fuzz.

Exit status: 0 when all answers are the same, 3 when one differs, 5 when afl-fuzz fails, 10 to 17 for a server that \
cannot be fuzzed (see sockfuzz --help).";

/// Arguments of `check`.
#[derive(Debug, Args)]
pub struct CheckArguments {
    /// Directory of seeds [default: the bundled corpus/http1]
    #[arg(short = 'i', long, value_name = "DIR")]
    pub corpus: Option<PathBuf>,
    /// Description of the server's API (OpenAPI 3, JSON or YAML): the seeds are requests for its operations, besides those
    /// of -i, if that is given
    #[arg(long, value_name = "FILE")]
    pub openapi: Option<PathBuf>,
    /// Time limit for one seed, including the start of the server, in seconds
    #[arg(long, value_name = "SECONDS", default_value = "5", value_parser = options::seconds)]
    pub timeout: Duration,
    /// Do not fuzz the server for a few seconds
    #[arg(long)]
    pub no_loop: bool,
    /// What the server needs before it starts.
    #[command(flatten)]
    pub setup: SetupArguments,
    /// The preload and its options.
    #[command(flatten)]
    pub preload: PreloadArguments,
    /// The server.
    #[command(flatten)]
    pub server: ServerArguments,
}

/// Checks the server.
///
/// # Errors
/// A corpus that cannot be used, or a server that cannot be used.
pub fn run(arguments: CheckArguments) -> Result<u8> {
    let server = arguments.setup.server(&arguments.server.server)?;
    let inspection = inspect::inspect(&server)?;
    report_inspection(&server, &inspection);
    let seeds = seeds(&arguments)?;
    for warning in corpus::oversize_warnings(&seeds) {
        println!("        {warning}");
    }
    let library = preload::locate(arguments.preload.preload.as_deref())?;
    let options = corpus::InputKind::of(&seeds).fit(&arguments.preload.options);
    if options.parsed().input == InputFormat::Session {
        println!("input   sessions");
    }
    let sandbox = Sandbox::prepare(&options, &library)?;
    let config = RunConfig {
        server: &server,
        library: &library,
        options: sandbox.options(),
        timeout: arguments.timeout,
    };
    let width = seeds.iter().map(|seed| seed.name.len()).max().unwrap_or(0);
    let mut exits = 0;
    let mut draws_hash_keys = false;
    let comparison = tcp_comparison::compare(&config, &inspection, &seeds, |seed, run, verdict| {
        verdict.print(seed, run, width);
        exits += usize::from(run.exited);
        draws_hash_keys |= run.draws_hash_keys;
    })?;
    report_comparison(&comparison, seeds.len());
    if draws_hash_keys && !inspection.has_hash_keys {
        println!(
            "the order of the server's HashMaps changes from iteration to iteration, because it has no symbol for the \
             hash keys of Rust's std. Build it unstripped (strip = false in the profile), and link std statically"
        );
    }
    report_exits(exits, options.parsed().exits, seeds.len());
    if !arguments.no_loop && inspection.missing_instrumentation().is_none() {
        try_loop(&config, &comparison, &seeds)?;
    }
    if comparison.different == 0 {
        return Ok(exit_code::OK);
    }
    if config.is_sandboxed() {
        println!("if the sandbox is the reason, {SANDBOX_REMEDY}");
    }
    Ok(exit_code::DIFFERENT)
}

/// Returns the seeds in the given directory and those of the description, or the bundled ones.
fn seeds(arguments: &CheckArguments) -> Result<Vec<Seed>> {
    let Some(path) = &arguments.openapi else {
        return corpus::read(&workspace::corpus_or_bundled(arguments.corpus.clone())?);
    };
    let own = arguments.corpus.as_deref().map(corpus::read).transpose()?.unwrap_or_default();
    let described = import::read_description(&corpus::read_file(path)?)?.requests.into_seeds(path);
    Ok(own.into_iter().chain(described).collect())
}

/// Runs the loop under afl-fuzz as `fuzz` does, and reports its figures.
fn try_loop(config: &RunConfig<'_>, comparison: &TcpComparison, seeds: &[Seed]) -> Result<()> {
    let Some(cargo_afl) = CargoAfl::find() else {
        println!("loop    not tried: cargo-afl is not installed (sockfuzz fuzz installs it)");
        return Ok(());
    };
    let usable: Vec<_> = comparison.usable.iter().map(|index| &seeds[*index]).collect();
    if usable.is_empty() {
        println!("loop    not tried: every seed crashes or hangs the server");
        return Ok(());
    }
    let options = transport::with_found(config.options, comparison.tls, comparison.choice.as_ref());
    let measured = loop_trial::enter_loop(&cargo_afl, config.server, config.library, &options, &usable)?;
    let FuzzerStats { executions, stability, .. } = measured.stats;
    println!(
        "loop    {} under afl-fuzz with cmplog, {stability:.2} % stable",
        counted(executions, "execution", "executions")
    );
    measured.inline_counters.iter().for_each(|found| println!("        {found}"));
    measured.warnings.iter().for_each(|warning| println!("        WARNING: {warning}"));
    Ok(())
}

fn report_inspection(server: &Server, inspection: &Inspection) {
    println!("server  {}", server.command_line());
    println!("file    {inspection}");
    if let Some(warning) = inspection.sparse_instrumentation() {
        println!("        WARNING: {warning}");
    }
    if let Some(remedy) = inspection.missing_instrumentation() {
        println!("        its coverage is unknown; for real fuzzing, {remedy}");
    }
    if inspection.is_uninstrumented() {
        println!("        as it is, sockfuzz fuzz --uninstrumented can fuzz it by its answers alone");
    }
}

/// Reports how a campaign treats a server that exits while it serves.
fn report_exits(exits: usize, wanted: Exits, seeds: usize) {
    if exits > 0 && wanted == Exits::Crash {
        println!(
            "the server exits while it serves {exits} of {}: sockfuzz fuzz saves such inputs as crashes \
             (sig:{EXIT_SIGNAL:02}), and with --exits count only counts them",
            counted(seeds as u64, "seed", "seeds")
        );
    }
}

fn report_comparison(comparison: &TcpComparison, seeds: usize) {
    let TcpComparison {
        different, varying, failing, classes, choice, memory_fallback, tls, listeners, ..
    } = comparison;
    let all = counted(seeds as u64, "seed", "seeds");
    println!();
    match (different, varying) {
        (0, 0) => println!("{all}: answered as over TCP"),
        (0, _) => println!(
            "{varying} of {all} answered differently each time, over TCP as well; the others as over TCP"
        ),
        _ => println!("{different} of {all} not answered as over TCP"),
    }
    if *failing > 0 {
        println!(
            "{failing} of {all} crashed or hung the server, over TCP as well: sockfuzz fuzz saves them as findings"
        );
    }
    println!("status of the answers: {classes}");
    if classes.are_all_refusals() {
        println!(
            "no seed is answered 2xx or 3xx: fuzzing would cover little more than the rejection of requests. Give your \
             own requests with -i (see sockfuzz corpus), with a Host and paths that this server serves"
        );
    }
    tls.filter(|found| found.is_tls()).iter().for_each(|found| println!("the server speaks {found}"));
    choice.iter().for_each(|choice| println!("{choice}"));
    memory_fallback.iter().for_each(|reason| println!("transport memory fell back to unix: {reason}"));
    listeners.iter().for_each(|listeners| println!("{listeners}"));
}
