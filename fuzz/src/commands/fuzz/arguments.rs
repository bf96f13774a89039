//! Arguments of `fuzz`, and its help.

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
  sockfuzz fuzz --writable ./logs -- ./server     one that does not start without its log
  sockfuzz fuzz -j 4 --afl '-V 3600 -p explore' -- ./server
  sockfuzz fuzz --uninstrumented -- node server.js

An existing output directory of the same server is resumed. Ctrl-C stops at any time and loses
nothing. The commands that are run are printed first, and can be run by hand. The server is
confined as far as the kernel allows: no file to write, no network, no signals to others.

Exit status: 0 when afl-fuzz reached a limit that it was given, 5 when it failed, 10 to 17 for a
server that cannot be fuzzed, 130 after Ctrl-C (see sockfuzz --help).";

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
