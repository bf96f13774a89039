//! `sockfuzz fuzz`: from a server to a running campaign of stock afl-fuzz, with nothing left to
//! chance, and from a campaign back to figures that mean something.

use std::ffi::OsString;
use std::io::{IsTerminal, stdout};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Result;
use clap::Args;
use clap::builder::ArgPredicate;
use sockfuzz_protocol::session::Connection;
use sockfuzz_protocol::{InputFormat, Loop, specs};

use crate::afl::campaign::{self, Display, Ending};
use crate::afl::cargo_afl::CargoAfl;
use crate::afl::environment;
use crate::afl::instance::{Instance, Plan, afl_words, dictionary};
use crate::afl::output_dir::OutputDir;
use crate::afl::report::{self, Connections};
use crate::afl::stats::Stats;
use crate::bundled::Model;
use crate::cli::{PreloadArguments, PreloadOptions};
use crate::commands::seeds;
use crate::corpus;
use crate::mutator::Mutator;
use crate::preload;
use crate::problem::{Problem, exit};
use crate::sandbox::Sandbox;
use crate::server::Server;
use crate::server::inspect;
use crate::server::single_run::Setup;
use crate::status_file::StatusFile;
use crate::transport::{self, Choice};
use crate::workspace::{self, Workspace};

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

/// Where the bundled servers are built, below the target directory.
pub(super) const BUNDLED: &str = "afl";

/// How long one seed may take in the check before fuzzing, the server's start included.
const CHECK_TIMEOUT: Duration = Duration::from_secs(10);

/// Milliseconds that one execution may take where the server's whole start can be a part of it.
const UNINSTRUMENTED_TIMEOUT: &str = "5000";

/// Arguments of `fuzz`.
#[derive(Debug, Args)]
pub struct Arguments {
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
        default_value_if("uninstrumented", ArgPredicate::IsPresent, UNINSTRUMENTED_TIMEOUT),
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
    #[arg(long, value_enum, default_value_t = Model::Epoll, conflicts_with = "server")]
    pub model: Model,
    /// Fuzz the bundled server's twin with planted bugs
    #[arg(long, conflicts_with = "server")]
    pub planted: bool,
    /// What the preload is told.
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
/// A server that is a dud, a directory that cannot be used, or an afl-fuzz that fails.
pub fn fuzz(arguments: Arguments) -> Result<u8> {
    let afl_options: Vec<String> = arguments
        .afl
        .iter()
        .map(|text| afl_words(text).map_err(|error| Problem::failed(error, "see sockfuzz fuzz -h")))
        .collect::<Result<Vec<_>, _>>()?
        .concat();
    let corpus = workspace::corpus_or_bundled(arguments.corpus.clone())?;
    let seeds = corpus::read(&corpus)?;
    let bundled = Workspace::find().map(|workspace| workspace.path("corpus/http.dict"));
    let dictionary = dictionary(arguments.dictionary.clone(), bundled)?;
    let server = chosen_server(&arguments)?;
    let out = OutputDir::judge(&arguments.output, &server)?;
    let cargo_afl = CargoAfl::find_or_install()?;
    if arguments.server.is_empty() {
        build_bundled(&cargo_afl, "the bundled server", &[])?;
    }
    let inspection = inspect::inspect(&server)?;
    inspection.require_instrumentation(arguments.uninstrumented)?;
    let library = preload::locate(arguments.preload.preload.as_deref())?;
    let mutator = Mutator::chosen(arguments.mutator, &afl_options);
    let mutation = mutator.settings(dictionary.as_deref())?;

    eprintln!("sockfuzz: {}: {inspection}", server.program.display());
    if inspection.is_uninstrumented() {
        eprintln!("sockfuzz: its coverage is unknown: what is called edges are kinds of answers");
        refuse_loop_afl(&arguments.preload.options)?;
    }
    for warning in corpus::oversize_warnings(&seeds) {
        eprintln!("sockfuzz: {warning}");
    }
    let preload_options = mutator.tell(&arguments.preload.options).for_inputs(&seeds);
    if preload_options.parsed().input == InputFormat::Session {
        eprintln!("sockfuzz: inputs are sessions: steps over up to {} connections", Connection::COUNT);
    }
    let sandbox = Sandbox::prepare(&preload_options, &library)?;
    sandbox.keep_out_of(out.path())?;
    let checked = if arguments.no_check {
        transport::is_open(sandbox.options()).then(|| Choice::unchecked(out.path()))
    } else {
        let setup =
            Setup { server: &server, library: &library, options: sandbox.options(), timeout: CHECK_TIMEOUT };
        seeds::check(&setup, &inspection, &seeds)?
    };
    let options = match &checked {
        Some(choice) => choice.options(sandbox.options()),
        None => sandbox.options().clone(),
    };
    checked.iter().for_each(|choice| eprintln!("sockfuzz: {choice}"));

    let out = out.claim()?;
    out.note_transport(options.parsed().transport)?;
    let status = StatusFile::at(&out.status())?;
    let display = match (arguments.jobs, stdout().is_terminal()) {
        (1, true) => Display::StatusScreen,
        (1, false) => Display::Lines,
        _ => Display::Logs,
    };
    let mut settings = environment::settings(&server, &library, &options, &status, &inspection, display);
    settings.extend(mutation);
    let plan = Plan {
        cargo_afl: &cargo_afl,
        settings: &settings,
        corpus: &std::path::absolute(&corpus)?,
        dictionary: dictionary.as_deref(),
        timeout: Duration::from_millis(arguments.timeout.into()),
        cmplog: !inspection.is_uninstrumented(),
        options: &afl_options,
        server: &server,
    };
    let instances = plan.instances(arguments.jobs.into(), &out);
    for why in settings.iter().filter_map(|setting| setting.why.as_ref()) {
        eprintln!("sockfuzz: {why}");
    }
    if instances.iter().any(|instance| instance.resumes) {
        eprintln!("sockfuzz: resuming {}", out.path().display());
    }
    for instance in &instances {
        eprintln!("{}", instance.shown());
    }
    let earlier = stats(&instances, &out).map_or(0, |stats| stats.executions);
    let outcome = campaign::run(&instances, &out, display);
    conclude(outcome, &instances, &out, &status, &server, earlier)
}

/// The given server, fit to be fuzzed, or the bundled one, which may not be built yet.
fn chosen_server(arguments: &Arguments) -> Result<Server> {
    if !arguments.server.is_empty() {
        let server = Server::resolve(&arguments.server)?;
        inspect::inspect(&server)?.require_instrumentation(arguments.uninstrumented)?;
        return Ok(server);
    }
    let workspace = Workspace::find().ok_or_else(|| {
        Problem::failed(
            "the bundled server's sources are not where sockfuzz was built",
            "give a server after --",
        )
    })?;
    Ok(Server {
        sanitizer: None,
        program: workspace.target(BUNDLED).join("release").join(arguments.model.program(arguments.planted)),
        arguments: arguments.model.arguments(),
    })
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

/// Builds the bundled servers, or what `which` selects of their package, with instrumentation.
pub(super) fn build_bundled(cargo_afl: &CargoAfl, what: &str, which: &[&str]) -> Result<()> {
    let Some(workspace) = Workspace::find() else {
        return Ok(());
    };
    let target = workspace.target(BUNDLED);
    eprintln!("sockfuzz: building {what} into {} …", target.display());
    let mut command = cargo_afl.command();
    command
        .args(["build", "--release", "--quiet"])
        .args(["--package", "sockfuzz-harness", "--target-dir"])
        .arg(&target)
        .args(which);
    workspace.build(command, what)
}

/// The figures of all instances together; none before they have reported.
fn stats(instances: &[Instance], out: &OutputDir) -> Option<Stats> {
    let all: Vec<Stats> =
        instances.iter().filter_map(|instance| Stats::read(&out.instance(&instance.name))).collect();
    Stats::together(&all)
}

/// Figures, warnings, what to do next. `earlier` counts the executions before this resumption.
fn conclude(
    outcome: Result<Ending>,
    instances: &[Instance],
    out: &OutputDir,
    status: &StatusFile,
    server: &Server,
    earlier: u64,
) -> Result<u8> {
    let together = stats(instances, out).filter(|stats| stats.executions > 0);
    let ending = outcome?;
    eprintln!();
    if let Some(stats) = together {
        eprintln!("{}", report::summary(&stats));
        let connections = Connections::counted(status);
        if let Some(it) = status.memory_fallback() {
            eprintln!("sockfuzz: transport memory was left for unix in a part of this campaign: {it}");
        }
        for warning in report::warnings(&stats, stats.executions.saturating_sub(earlier), connections) {
            eprintln!("sockfuzz: WARNING: {warning}");
        }
        if stats.crashes + stats.hangs > 0 {
            eprintln!("see what they do with:\n  {}", replay_line(instances, out, server));
        }
    }
    eprintln!("to go on, give the same command again; everything is in {}", out.path().display());
    Ok(match ending {
        Ending::Complete => exit::OK,
        Ending::Interrupted(signal) => signal.exit(),
    })
}

/// The command that replays everything that was found.
fn replay_line(instances: &[Instance], out: &OutputDir, server: &Server) -> String {
    let holds_findings = |path: &PathBuf| corpus::read(path).is_ok();
    let found: Vec<PathBuf> = instances
        .iter()
        .flat_map(|instance| ["crashes", "hangs"].map(|kind| out.instance(&instance.name).join(kind)))
        .filter(holds_findings)
        .collect();
    let found = crate::server::quoted(found.iter().map(PathBuf::as_path).map(Path::as_os_str));
    format!("sockfuzz replay {found} -- {}", server.shown())
}
