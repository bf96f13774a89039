//! `sockfuzz fuzz`: checks a server, starts a campaign of stock afl-fuzz, and reports its figures.

use std::ffi::OsString;
use std::io::{IsTerminal, stdout};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Result;
use clap::Args;
use clap::builder::ArgPredicate;
use sockfuzz_protocol::session::Connection;
use sockfuzz_protocol::{InputFormat, Loop, specs};

use crate::campaign::bundled::{self, ConcurrencyModel};
use crate::campaign::cargo_afl::CargoAfl;
use crate::campaign::conclusion::{combined_stats, conclude};
use crate::campaign::environment::{self, Setting};
use crate::campaign::instance::{CampaignPlan, Instance, choose_dictionary, split_afl_options};
use crate::campaign::mutator::Mutator;
use crate::campaign::output_dir::{OutputDir, transport_of};
use crate::campaign::output_mode::OutputMode;
use crate::campaign::runner;
use crate::input::corpus::{self, Seed};
use crate::options::{PreloadArguments, PreloadOptions};
use crate::sandbox::Sandbox;
use crate::server::inspect::{self, Inspection};
use crate::server::single_run::RunConfig;
use crate::server::status_file::StatusFile;
use crate::server::transport::{self, TransportChoice};
use crate::server::{Server, seeds};
use crate::util::preload;
use crate::util::problem::Problem;
use crate::util::workspace::{self, Workspace};

/// Shown below the help text.
pub const EXAMPLES: &str = "\
Examples:
  sockfuzz fuzz                                   the bundled server
  sockfuzz fuzz -o out-nginx -- ./nginx -g 'daemon off; master_process off;'
  sockfuzz fuzz --writable ./logs -- ./server     one that does not start without its log
  sockfuzz fuzz -j 4 --afl '-V 3600 -p explore' -- ./server
  sockfuzz fuzz --uninstrumented -- node server.js

An existing output directory of the same server is resumed. Ctrl-C stops at any time and loses
nothing. The commands that are run are printed first, and can be run by hand. The server is
confined as far as the kernel allows: no file to write, no network, no signals to others.

Exit status: 0 when afl-fuzz reached a limit that it was given, 5 when it failed, 10 to 17 for a
server that cannot be fuzzed, 130 after Ctrl-C (see sockfuzz --help).";

/// Time limit for one seed in the check before fuzzing, including the start of the server.
const CHECK_TIMEOUT: Duration = Duration::from_secs(10);

/// Time limit of an execution without instrumentation: it can include the whole start of the server.
const UNINSTRUMENTED_TIMEOUT_MS: &str = "5000";

/// Arguments of `fuzz`.
#[derive(Debug, Args)]
pub struct FuzzArguments {
    /// Directory of seeds [default: the bundled corpus/http1]
    #[arg(short = 'i', long, value_name = "DIR")]
    pub corpus: Option<PathBuf>,
    /// Output directory; resumed when it is of the same server
    #[arg(short, long = "output", value_name = "DIR", default_value = "out")]
    pub output: PathBuf,
    /// Dictionary [default: the bundled corpus/http.dict]
    #[arg(short = 'x', long, value_name = "FILE")]
    pub dictionary: Option<PathBuf>,
    /// Instances of afl-fuzz: one main, the others secondary, on a core each
    #[arg(short, long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..))]
    pub jobs: u16,
    /// Milliseconds that one execution may take. It is fixed, not calibrated, so that a busy
    /// machine does not turn quick inputs into timeouts; what takes longer is tried again with a
    /// second before it is saved as a hang. With --uninstrumented it is 5000: node and its like
    /// start anew in every process, and their first execution has to wait for that
    #[arg(
        short,
        long,
        value_name = "MS",
        default_value_t = 200,
        default_value_if("uninstrumented", ArgPredicate::IsPresent, UNINSTRUMENTED_TIMEOUT_MS),
        value_parser = clap::value_parser!(u32).range(5..)
    )]
    pub timeout: u32,
    /// Fuzz a server without AFL++'s instrumentation (node, Python, a distribution's binary): in
    /// place of its coverage, afl-fuzz sees the kinds of its answers
    #[arg(long)]
    pub uninstrumented: bool,
    /// Who mutates inputs beside AFL++ itself [default: http; none with afl-fuzz's -L]
    #[arg(long, value_enum)]
    pub mutator: Option<Mutator>,
    /// Further options for afl-fuzz, quoted as for a shell; may be repeated
    #[arg(long, value_name = "OPTIONS", allow_hyphen_values = true)]
    pub afl: Vec<String>,
    /// Do not answer the seeds before fuzzing
    #[arg(long)]
    pub no_check: bool,
    /// Concurrency model of the bundled server
    #[arg(long, value_enum, default_value_t = ConcurrencyModel::Epoll, conflicts_with = "server")]
    pub model: ConcurrencyModel,
    /// Fuzz the bundled server's twin with planted bugs
    #[arg(long, conflicts_with = "server")]
    pub planted: bool,
    /// The preload and its options.
    #[command(flatten)]
    pub preload: PreloadArguments,
    /// The server and its arguments, in the foreground and without helpers; without one, the
    /// bundled server is built and fuzzed
    #[arg(last = true, value_name = "SERVER ARGS")]
    pub server: Vec<OsString>,
}

/// Fuzzes the server.
///
/// # Errors
/// A server that cannot be used, a directory that cannot be used, or an afl-fuzz that fails.
pub fn run(arguments: FuzzArguments) -> Result<u8> {
    let inputs = FuzzInputs::read(&arguments)?;
    let target = FuzzTarget::prepare(&arguments)?;
    let library = preload::locate(arguments.preload.preload.as_deref())?;
    let mutator = Mutator::select(arguments.mutator, &inputs.afl_options);
    let mutator_settings = mutator.settings(inputs.dictionary.as_deref())?;

    report_target(&target, &arguments.preload.options)?;
    let options = preload_options(&arguments, mutator, &inputs.seeds);
    let sandbox = Sandbox::prepare(&options, &library)?;
    sandbox.check_not_writable(target.out.path())?;
    let options = match choose_transport(&arguments, &target, &library, sandbox.options(), &inputs.seeds)? {
        Some(choice) => choice.apply(sandbox.options()),
        None => sandbox.options().clone(),
    };
    fuzz(&arguments, target, &inputs, &library, &options, mutator_settings)
}

/// The input files of a campaign, and the options of afl-fuzz.
struct FuzzInputs {
    afl_options: Vec<String>,
    corpus: PathBuf,
    seeds: Vec<Seed>,
    dictionary: Option<PathBuf>,
}

impl FuzzInputs {
    fn read(arguments: &FuzzArguments) -> Result<Self> {
        let split = |text: &String| {
            split_afl_options(text).map_err(|error| Problem::failed(error, "see sockfuzz fuzz -h"))
        };
        let afl_options = arguments.afl.iter().map(split).collect::<Result<Vec<_>, _>>()?.concat();
        let corpus = workspace::corpus_or_bundled(arguments.corpus.clone())?;
        let seeds = corpus::read(&corpus)?;
        let bundled = Workspace::find().map(|workspace| workspace.path("corpus/http.dict"));
        let dictionary = choose_dictionary(arguments.dictionary.clone(), bundled)?;
        Ok(Self { afl_options, corpus, seeds, dictionary })
    }
}

/// The server to fuzz, built if it is the bundled one, and its output directory.
struct FuzzTarget {
    server: Server,
    inspection: Inspection,
    out: OutputDir,
    cargo_afl: CargoAfl,
}

impl FuzzTarget {
    fn prepare(arguments: &FuzzArguments) -> Result<Self> {
        let server = choose_server(arguments)?;
        let out = OutputDir::validate(&arguments.output, &server)?;
        let cargo_afl = CargoAfl::find_or_install()?;
        if arguments.server.is_empty() {
            bundled::build(&cargo_afl, "the bundled server", &[])?;
        }
        let inspection = inspect::inspect(&server)?;
        inspection.require_instrumentation(arguments.uninstrumented)?;
        Ok(Self { server, inspection, out, cargo_afl })
    }
}

/// The given server, fit to be fuzzed, or the bundled one, which may not be built yet.
fn choose_server(arguments: &FuzzArguments) -> Result<Server> {
    if arguments.server.is_empty() {
        return bundled::server(arguments.model, arguments.planted);
    }
    let server = Server::resolve(&arguments.server)?;
    inspect::inspect(&server)?.require_instrumentation(arguments.uninstrumented)?;
    Ok(server)
}

/// Reports the inspection of the server.
fn report_target(target: &FuzzTarget, options: &PreloadOptions) -> Result<()> {
    let inspection = &target.inspection;
    eprintln!("sockfuzz: {}: {inspection}", target.server.program.display());
    if inspection.is_uninstrumented() {
        eprintln!("sockfuzz: its coverage is unknown: what is called edges are kinds of answers");
        refuse_loop_afl(options)?;
    }
    Ok(())
}

/// The persistent loop of AFL++'s runtime needs a runtime.
fn refuse_loop_afl(options: &PreloadOptions) -> Result<()> {
    if options.parsed().r#loop != Loop::Afl {
        return Ok(());
    }
    let what = format!("--{} {} needs an instrumented server", specs::LOOP.flag, Loop::Afl);
    Err(Problem::failed(what, format!("leave --{0} and {1} away", specs::LOOP.flag, specs::LOOP.variable))
        .into())
}

/// The options of the preload, with the format of the inputs.
fn preload_options(arguments: &FuzzArguments, mutator: Mutator, seeds: &[Seed]) -> PreloadOptions {
    for warning in corpus::oversize_warnings(seeds) {
        eprintln!("sockfuzz: {warning}");
    }
    let format = corpus::input_format(seeds);
    let options = mutator.apply(&arguments.preload.options).with_input_format(format);
    if options.parsed().input == InputFormat::Session {
        eprintln!("sockfuzz: inputs are sessions: steps over up to {} connections", Connection::COUNT);
    }
    options
}

/// Answers the seeds once, unless `--no-check` is given, and chooses the transport if it is `auto`.
fn choose_transport(
    arguments: &FuzzArguments,
    target: &FuzzTarget,
    library: &Path,
    options: &PreloadOptions,
    seeds: &[Seed],
) -> Result<Option<TransportChoice>> {
    let choice = if arguments.no_check {
        let earlier = transport_of(target.out.path());
        transport::is_auto(options).then(|| TransportChoice::unchecked(earlier))
    } else {
        let config = RunConfig { server: &target.server, library, options, timeout: CHECK_TIMEOUT };
        seeds::check(&config, &target.inspection, seeds)?
    };
    choice.iter().for_each(|choice| eprintln!("sockfuzz: {choice}"));
    Ok(choice)
}

/// Runs the campaign in its output directory.
fn fuzz(
    arguments: &FuzzArguments,
    target: FuzzTarget,
    inputs: &FuzzInputs,
    library: &Path,
    options: &PreloadOptions,
    mutator_settings: Vec<Setting>,
) -> Result<u8> {
    let FuzzTarget { server, inspection, out, cargo_afl } = target;
    let out = out.lock()?;
    out.write_transport(options.parsed().transport)?;
    let status = StatusFile::at(&out.status())?;
    let output_mode = output_mode(arguments.jobs);
    let mut settings = environment::settings(&server, library, options, &status, &inspection, output_mode);
    settings.extend(mutator_settings);
    let plan = CampaignPlan {
        cargo_afl: &cargo_afl,
        settings: &settings,
        corpus: &std::path::absolute(&inputs.corpus)?,
        dictionary: inputs.dictionary.as_deref(),
        timeout: Duration::from_millis(arguments.timeout.into()),
        cmplog: !inspection.is_uninstrumented(),
        options: &inputs.afl_options,
        server: &server,
    };
    let instances = plan.instances(arguments.jobs.into(), &out);
    report_instances(&settings, &instances, &out);
    let earlier = combined_stats(&instances, &out).map_or(0, |stats| stats.executions);
    let result = runner::run(&instances, &out, output_mode);
    conclude(result, &instances, &out, &status, &server, earlier)
}

/// One instance shows its output; several have logs.
fn output_mode(jobs: u16) -> OutputMode {
    match (jobs, stdout().is_terminal()) {
        (1, true) => OutputMode::StatusScreen,
        (1, false) => OutputMode::Lines,
        _ => OutputMode::Logs,
    }
}

/// Prints the command lines, and reasons for settings that users may wonder about.
fn report_instances(settings: &[Setting], instances: &[Instance], out: &OutputDir) {
    for reason in settings.iter().filter_map(|setting| setting.reason.as_ref()) {
        eprintln!("sockfuzz: {reason}");
    }
    if instances.iter().any(|instance| instance.resumes) {
        eprintln!("sockfuzz: resuming {}", out.path().display());
    }
    for instance in instances {
        eprintln!("{}", instance.command_line());
    }
}
