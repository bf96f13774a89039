//! Arguments of `fuzz`, and its help text.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::Args;
use clap::builder::ArgPredicate;

use crate::campaign::bundled::ConcurrencyModel;
use crate::campaign::mutator::Mutator;
use crate::options::PreloadArguments;

/// Shown below the help text.
pub const EXAMPLES: &str = "\
Examples:
  sockfuzz fuzz                                   the bundled server
  sockfuzz fuzz -o out-nginx -- ./nginx -g 'daemon off; master_process off;'
  sockfuzz fuzz --writable ./logs -- ./server     a server that has to write a log
  sockfuzz fuzz -j 4 --afl '-V 3600 -p explore' -- ./server
  sockfuzz fuzz --uninstrumented -- node server.js

An existing output directory of the same server is resumed. Ctrl-C stops the campaign at any time \
without loss. Every command is printed before it runs, and can be run by hand. As far as the kernel \
allows, the server cannot write files, use the network, or signal other processes.

At the end, sockfuzz triage sends what was found to the plain server, without the preload and the sandbox, and \
sockfuzz report writes report.html.

Exit status: 0 when afl-fuzz reached a limit that it was given, 5 when it failed, 10 to 17 for a \
server that cannot be fuzzed, 130 after Ctrl-C (see sockfuzz --help).";

/// Time limit of an execution without instrumentation, which can include the whole start of the server.
const UNINSTRUMENTED_TIMEOUT_MS: &str = "5000";

/// Arguments of `fuzz`.
#[derive(Debug, Args)]
pub struct FuzzArguments {
    /// Directory of seeds [default: the bundled corpus/http1]
    #[arg(short = 'i', long, value_name = "DIR")]
    pub corpus: Option<PathBuf>,
    /// Output directory; resumed if it belongs to the same server
    #[arg(short, long = "output", value_name = "DIR", default_value = "out")]
    pub output: PathBuf,
    /// Dictionary [default: the bundled corpus/http.dict]
    #[arg(short = 'x', long, value_name = "FILE")]
    pub dictionary: Option<PathBuf>,
    /// Instances of afl-fuzz: one main and the others secondary, each on a free core if there is one
    #[arg(short, long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..))]
    pub jobs: u16,
    /// Time limit of one execution, in milliseconds. It is fixed, not calibrated, so that quick
    /// inputs do not time out on a busy machine. afl-fuzz saves a slower input as a hang only if it
    /// also exceeds one second. With --uninstrumented, the default is 5000: every process of node
    /// and similar servers starts from the beginning, and its first execution includes that start
    #[arg(
        short,
        long,
        value_name = "MS",
        default_value_t = 200,
        default_value_if("uninstrumented", ArgPredicate::IsPresent, UNINSTRUMENTED_TIMEOUT_MS),
        value_parser = clap::value_parser!(u32).range(5..)
    )]
    pub timeout: u32,
    /// Fuzz a server without AFL++'s instrumentation (node, Python, a distribution's binary):
    /// instead of its coverage, afl-fuzz gets the kinds of its answers
    #[arg(long)]
    pub uninstrumented: bool,
    /// Custom mutator, in addition to AFL++'s own stages [default: http; none with afl-fuzz's -L]
    #[arg(long, value_enum)]
    pub mutator: Option<Mutator>,
    /// Additional options for afl-fuzz, quoted as for a shell; may be repeated
    #[arg(long, value_name = "OPTIONS", allow_hyphen_values = true)]
    pub afl: Vec<String>,
    /// Do not run the seeds before fuzzing
    #[arg(long)]
    pub no_check: bool,
    /// Do not triage the findings and write the report at the end
    #[arg(long)]
    pub no_triage: bool,
    /// Concurrency model of the bundled server
    #[arg(long, value_enum, default_value_t = ConcurrencyModel::Epoll, conflicts_with = "server")]
    pub model: ConcurrencyModel,
    /// Fuzz the variant of the bundled server with planted bugs
    #[arg(long, conflicts_with = "server")]
    pub planted: bool,
    /// The preload and its options.
    #[command(flatten)]
    pub preload: PreloadArguments,
    /// The server and its arguments, preferably in the foreground and as a single process; without
    /// one, the bundled server is built and fuzzed
    #[arg(trailing_var_arg = true, value_name = "SERVER ARGS")]
    pub server: Vec<OsString>,
}
