//! `sockfuzz bench`: measures executions per second of servers, harnesses and another fuzzer, side by side.

use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;
use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use sockfuzz_protocol::SandboxMode;

use crate::bench::{self, BenchTools, Catalogue, Goal};
use crate::campaign::bundled;
use crate::campaign::cargo_afl::CargoAfl;
use crate::options;
use crate::util::output_file;
use crate::util::preload;
use crate::util::workspace::{self, Workspace};
use crate::util::{exit_code, problem::Problem};

/// Shown below the help text.
pub const EXAMPLES: &str = "\
Examples:
  sockfuzz bench                                 all cases: half an hour or more
  sockfuzz bench --only epoll --only nginx       these, and cases they are compared with
  sockfuzz bench --only nginx/memory/direct --against before/libsockfuzz_preload.so
  sockfuzz bench --csv bench.csv --svg bench.svg

Every round measures each case once, by executions of afl-fuzz on one pinned core, without cmplog. \
Figures are medians, and ratios are computed within a round. Run nothing else on the machine \
meanwhile. nginx, lighttpd and hyper are measured if harness/servers/NAME/build has built them, \
honggfuzz's netdriver if harness/servers/netdriver/build has built it. Cases that end in /crashes \
crash in one of 100 inputs. Cases that end in /file start from one request for a static file, the \
others from corpus/http1.

Exit status: 0 when every target that was measured is met; 6 when a target is missed, or a case \
could not be measured.";

/// Request for a static file that nginx and lighttpd serve.
const STATIC_FILE_REQUEST: &[u8] = b"GET /notes.txt HTTP/1.1\r\nHost: localhost\r\n\r\n";

/// Arguments of `bench`.
#[derive(Debug, Args)]
pub struct BenchArguments {
    /// Executions of each case in each round
    #[arg(long, value_name = "N", default_value_t = 100_000, value_parser = clap::value_parser!(u64).range(1..))]
    pub executions: u64,
    /// Number of rounds
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub rounds: u32,
    /// Time limit of one measurement, in seconds
    #[arg(long, value_name = "SECONDS", default_value = "60", value_parser = options::seconds)]
    pub limit: Duration,
    /// Measure only cases whose names contain this, and the cases they are compared with; may be repeated
    #[arg(long, value_name = "PATTERN")]
    pub only: Vec<String>,
    /// Write every measurement to this file, as comma-separated values
    #[arg(long, value_name = "FILE")]
    pub csv: Option<PathBuf>,
    /// Draw a chart of the medians into this file
    #[arg(long, value_name = "FILE")]
    pub svg: Option<PathBuf>,
    /// Overwrite the files of --csv and --svg if they exist
    #[arg(long)]
    pub force: bool,
    /// List the cases without measuring them
    #[arg(long, conflicts_with_all = ["csv", "svg"])]
    pub list: bool,
    /// Another preload library: also measure every server with it, in the same rounds, and print the ratios
    #[arg(long, value_name = "FILE")]
    pub against: Option<PathBuf>,
    /// Run the servers in the sandbox (auto) or without it (off); the difference is the cost of the sandbox
    #[arg(long, value_name = "MODE", default_value = "auto", value_parser = sandbox_mode())]
    pub sandbox: SandboxMode,
    /// The preload library [default: the one beside this executable, built if necessary]
    #[arg(long, value_name = "FILE", env = "SOCKFUZZ_PRELOAD", hide_env = true, hide_short_help = true)]
    pub preload: Option<PathBuf>,
}

fn sandbox_mode() -> impl TypedValueParser<Value = SandboxMode> {
    PossibleValuesParser::new(["auto", "off"])
        .map(|word| word.parse().expect("both are values of SandboxMode"))
}

/// Measures the cases.
///
/// # Errors
/// Missing tools, and files that cannot be written.
pub fn run(arguments: BenchArguments) -> Result<u8> {
    let workspace = Workspace::find().ok_or_else(|| {
        Problem::failed(
            "the source tree with the bundled servers is missing",
            "rebuild sockfuzz in its source tree",
        )
    })?;
    let library = preload::locate(arguments.preload.as_deref())?;
    let mut catalogue = Catalogue::new(&workspace, &library)?.select(&arguments.only)?;
    catalogue.set_sandbox(arguments.sandbox);
    if let Some(other) = &arguments.against {
        catalogue.add_other_library(&preload::locate(Some(other))?);
    }
    if arguments.list {
        catalogue.cases.iter().for_each(|case| println!("{}", case.name));
        catalogue.missing.iter().for_each(|what| eprintln!("sockfuzz: not built: {what}"));
        return Ok(exit_code::OK);
    }
    // Created before the measurements, so that an error is reported early.
    let create =
        |path: Option<PathBuf>| path.map(|path| output_file::create(&path, arguments.force)).transpose();
    let (mut csv, mut svg) = (create(arguments.csv)?, create(arguments.svg)?);
    let cargo_afl = CargoAfl::find_or_install()?;
    bundled::build(&cargo_afl, "the bundled servers", &[])?;
    bundled::build(&cargo_afl, "the harnesses", &["--features", "afl", "--bin", "empty", "--bin", "inproc"])?;
    catalogue.build(&workspace)?;
    let seed = tempfile::tempdir()?;
    std::fs::write(seed.path().join("file"), STATIC_FILE_REQUEST)?;
    let tools = BenchTools {
        cargo_afl: &cargo_afl,
        library: &library,
        corpus: &workspace::corpus_or_bundled(None)?,
        one_file: seed.path(),
        time_limit: arguments.limit,
    };

    let results = bench::run(&catalogue.cases, &tools, arguments.executions, arguments.rounds);
    let goals = match arguments.against {
        Some(_) => Goal::against_other_library(&catalogue.cases),
        None => Goal::all(&catalogue.cases),
    };
    let missed = bench::print_tables(&results.series, &goals, &catalogue.missing);
    if let Some(file) = &mut csv {
        bench::write_csv(&results.series, file)?;
    }
    if let (Some(file), Some(chart)) = (&mut svg, bench::draw_chart(&results.series)?) {
        file.write_all(chart.as_bytes())?;
    }
    if let Some(signal) = results.interrupted {
        return Ok(signal.exit_code());
    }
    let failed = results.series.iter().any(|series| series.failure.is_some());
    Ok(if missed == 0 && !failed { exit_code::OK } else { exit_code::SHORT })
}
