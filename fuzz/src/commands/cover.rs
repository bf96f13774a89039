//! `sockfuzz cover`: which lines and functions of its source a server runs for the queue of a campaign.

use std::collections::HashSet;
use std::ffi::OsString;
use std::fs::{self, Permissions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use clap::{Args, ValueEnum};
use indicatif::{ProgressBar, ProgressStyle};

use crate::campaign::findings;
use crate::campaign::record::CampaignRecord;
use crate::commands::server_setup::SetupArguments;
use crate::coverage::folder::{self, CoverageFolder};
use crate::coverage::llvm::LlvmProfile;
use crate::coverage::tracefile::Tracefile;
use crate::coverage::{difference, gcc, summary};
use crate::input::corpus::{self, Seed};
use crate::note;
use crate::options::{self, PreloadArguments};
use crate::sandbox::Sandbox;
use crate::server::coverage_run::{CoverageRun, GCC_DIRECTORY, coverage_options};
use crate::server::single_run::RunConfig;
use crate::server::{Server, inspect};
use crate::util::preload;
use crate::util::printable::counted;
use crate::util::{exit_code, problem::Problem};

/// Shown below the help text.
pub const EXAMPLES: &str = "\
Examples:
  CC='sockfuzz cc --coverage' ./configure && make        a build with coverage: clang
  CC='sockfuzz cc --coverage --gcc' ./configure && make  gcc
  sockfuzz cargo --coverage build --release              rustc
  sockfuzz cover out -- ./server ARGS                    the queue of the campaign in out, into out/coverage
  sockfuzz cover out -i corpus/http1 -- ./server ARGS    other inputs
  sockfuzz cover out --source src -- ./server ARGS       without the libraries that the server is built with
  sockfuzz cover out --compare other-out                 what only one of two campaigns reached

One process of the server plays all inputs; what it has counted is saved when they are played, because servers do not \
exit. Input format, port and other options of the preload are those of the campaign, unless others are given. The server \
is another one: the build with coverage.

out/coverage has HTML (html/index.html, by llvm-cov; of gcc's builds by genhtml or grcov), coverage.info (a tracefile, as \
lcov has it), functions.txt (functions that did not run, next to those that did), and summary.json. It replaces an earlier \
one.

Needed are llvm-profdata and llvm-cov of the compiler's LLVM: of clang 14, Debian's llvm-14; of rustc 1.95, rustup's \
llvm-tools or llvm-22. For gcc: gcov, which comes with it, and for HTML lcov or grcov.

Exit status: 0; 10 to 17 for a server that cannot be run (see sockfuzz --help).";

/// Interval at which a progress bar is drawn.
const TICK: Duration = Duration::from_millis(200);

/// Way in which inputs reach the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Delivery {
    /// Through the preload, as in a campaign.
    Preload,
    /// To the plain server, without the preload and without a sandbox, over real TCP; it must exit at SIGTERM.
    Tcp,
}

/// Arguments of `cover`.
#[derive(Debug, Args)]
pub struct CoverArguments {
    /// Output directory of a campaign
    #[arg(value_name = "OUT", default_value = "out")]
    pub out: PathBuf,
    /// Play these inputs instead of the queue: a file or a directory
    #[arg(short, long, value_name = "DIR", conflicts_with = "compare")]
    pub inputs: Option<PathBuf>,
    /// Print what only OUT and what only this other campaign reached, from the coverage of both
    #[arg(long, value_name = "OTHER", conflicts_with = "server")]
    pub compare: Option<PathBuf>,
    /// Count only sources below this directory, or this file; may be repeated
    #[arg(long, value_name = "DIR", conflicts_with = "compare")]
    pub source: Vec<PathBuf>,
    /// Way in which inputs reach the server
    #[arg(long, value_enum, default_value_t = Delivery::Preload)]
    pub over: Delivery,
    /// Time limit of one input, in seconds
    #[arg(long, value_name = "SECONDS", default_value = "5", value_parser = options::seconds)]
    pub timeout: Duration,
    /// What the server needs before it starts.
    #[command(flatten)]
    pub setup: SetupArguments,
    /// The preload and its options.
    #[command(flatten)]
    pub preload: PreloadArguments,
    /// The server, built with coverage, and its arguments
    #[arg(last = true, required_unless_present = "compare", value_name = "SERVER ARGS")]
    pub server: Vec<OsString>,
}

/// Plays the queue, and writes the coverage; or compares two coverages.
///
/// # Errors
/// Inputs that cannot be read, a server that cannot be used or has no coverage, and tools that are missing.
pub fn run(arguments: &CoverArguments) -> Result<u8> {
    let out = std::path::absolute(&arguments.out)?;
    if let Some(other) = &arguments.compare {
        return compare(arguments, &out, other);
    }
    let server = arguments.setup.server(&arguments.server)?;
    let executable = inspect::inspect(&server)?.executable;
    let mut inputs = corpus::read_files(&match &arguments.inputs {
        Some(given) => vec![given.clone()],
        None => findings::queues(&out)?,
    })?;
    // Instances take inputs from each other.
    let mut known = HashSet::new();
    inputs.retain(|input| known.insert(input.bytes.clone()));
    let sources = arguments.source.iter().map(fs::canonicalize).collect::<io::Result<Vec<_>>>();
    let sources = sources.context("--source names no file or directory")?;
    let folder = CoverageFolder::begin(&out)?;
    let profiles = tempfile::tempdir().context("cannot create a temporary directory")?;
    // A server may have given up its rights before it writes.
    fs::set_permissions(profiles.path(), Permissions::from_mode(0o777))?;
    play(arguments, &out, &server, &inputs, profiles.path())?;

    let profile = LlvmProfile::merge(profiles.path(), &executable)?;
    let mut tracefile = match &profile {
        Some(profile) => profile.tracefile()?,
        None => {
            gcc::read(&profiles.path().join(GCC_DIRECTORY))?.ok_or_else(|| no_coverage(&server, arguments))?
        }
    };
    if !sources.is_empty() {
        tracefile.files.retain(|path, _| sources.iter().any(|source| Path::new(path).starts_with(source)));
    }
    let lists = folder.write_lists(&tracefile)?;
    match &profile {
        Some(profile) => profile.write_html(&folder.html(), &sources)?,
        None => drop(gcc::write_html(&lists, &folder.html())?),
    }
    let written = folder.finish(&tracefile, inputs.len())?;
    print(&format!("{}{}\n", summary::table(&tracefile), written.display()))
}

/// Plays the inputs, so that profiles are in the directory.
fn play(
    arguments: &CoverArguments,
    out: &Path,
    server: &Server,
    inputs: &[Seed],
    directory: &Path,
) -> Result<()> {
    let given = &arguments.preload.options;
    let options = match CampaignRecord::read(out)? {
        Some(record) => record.options_below(given)?,
        None => given.clone(),
    };
    let options = corpus::InputKind::of(inputs).fit(&options);
    let options = coverage_options(&options, directory);
    let library = preload::locate(arguments.preload.preload.as_deref())?;
    let sandbox = Sandbox::prepare(&options, &library)?;
    let config =
        RunConfig { server, library: &library, options: sandbox.options(), timeout: arguments.timeout };
    let bytes: Vec<_> = inputs.iter().map(|input| input.bytes.as_slice()).collect();
    let bar = ProgressBar::new(bytes.len() as u64);
    bar.set_style(ProgressStyle::with_template("{wide_bar} {pos}/{len} inputs").expect("a valid template"));
    bar.enable_steady_tick(TICK);
    let started = Instant::now();
    let run = match arguments.over {
        Delivery::Preload => config.run_for_coverage(&bytes, directory, &|| bar.inc(1))?,
        Delivery::Tcp => config.run_plain_for_coverage(&bytes, directory, &|| bar.inc(1))?,
    };
    bar.finish_and_clear();
    report(run, inputs.len(), started.elapsed());
    Ok(())
}

/// Says what was played.
fn report(run: CoverageRun, inputs: usize, time: Duration) {
    let played = counted(run.played as u64, "input", "inputs");
    note!("{played} played in {:.1} s", time.as_secs_f64());
    if run.failed > 0 {
        let failed = counted(run.failed as u64, "of them", "of them");
        println!("warning: {failed} ended or hung a process of the server, and another one played the rest");
    }
    if run.played < inputs {
        println!("warning: {} were not played: too many ended or hung the server", inputs - run.played);
    }
}

/// Prints what only one of two campaigns reached.
fn compare(arguments: &CoverArguments, out: &Path, other: &Path) -> Result<u8> {
    let (own, others) = (folder::read(out)?, folder::read(other)?);
    let only = |path: &Path, one: &Tracefile, other: &Tracefile| {
        difference::describe(&path.display().to_string(), &difference::only_in(one, other))
    };
    print(&(only(&arguments.out, &own, &others) + &only(other, &others, &own)))
}

/// Prints a long text, whose reader may stop.
fn print(text: &str) -> Result<u8> {
    match io::stdout().write_all(text.as_bytes()) {
        // The reader, for example head(1), has closed the pipe.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(exit_code::OK),
        other => Ok(other.map(|()| exit_code::OK)?),
    }
}

fn no_coverage(server: &Server, arguments: &CoverArguments) -> Problem {
    let shown = server.program.display();
    match arguments.over {
        Delivery::Preload => Problem::failed(
            format!("{shown} has left no coverage: it is built without, or its symbols are stripped"),
            "build it with CC='sockfuzz cc --coverage' or sockfuzz cargo --coverage build, and do not strip it",
        ),
        Delivery::Tcp => Problem::failed(
            format!("{shown} has left no coverage: it is built without, or does not exit at SIGTERM"),
            "leave --over out: through the preload, the server need not exit",
        ),
    }
}
