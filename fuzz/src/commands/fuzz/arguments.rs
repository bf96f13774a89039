//! Arguments of `fuzz`, and its help text.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use clap::builder::ArgPredicate;

use crate::campaign::bundled::ConcurrencyModel;
use crate::campaign::host_name::HostName;
use crate::campaign::mutator::Mutator;
use crate::campaign::stop_condition::{self, StopCondition};
use crate::commands::server_setup::SetupArguments;
use crate::input::judge::AnswerRule;
use crate::options::PreloadArguments;
use crate::server::single_run::FindingKind;

/// Shown below the help text.
pub const EXAMPLES: &str = "\
Examples:
  sockfuzz fuzz                                   the server of sockfuzz.toml (see sockfuzz init), or the bundled one
  sockfuzz fuzz -o out-nginx -- ./nginx -g 'daemon off; master_process off;'
  sockfuzz fuzz --writable ./logs -- ./server     a server that has to write a log
  sockfuzz fuzz -j 4 --afl '-V 3600 -p explore' -- ./server
  sockfuzz fuzz --uninstrumented -- node server.js
  sockfuzz fuzz --openapi api.yaml --findings 5xx,spec -- ./server     wrong answers are findings, too
  sockfuzz fuzz --until 10min,finding --junit junit.xml -- ./server     for a CI system

Without a server, it and what else is not on the command line come from sockfuzz.toml, in this directory or above. \
An existing output directory of the same server is resumed. Ctrl-C stops the campaign at any time without loss. Every command is printed before it runs, and can be run by hand. As far as the kernel \
allows, the server cannot write files, use the network, or signal other processes.

At the end, sockfuzz triage sends what was found to the plain server, without the preload and the sandbox, and \
sockfuzz report writes report.html.

With --until, all instances stop together. Then triage takes at most --triage-time, and the exit status tells \
whether the campaign has found something new: a bug that was not in the output directory when it started. Findings \
that triage has not come to, or is not wanted for, count like bugs; those that do not happen again do not count. \
If the directory is kept from one run to the next, a bug fails one run, and is known in the next, also with another \
build of the server.

Exit status: 0 when a limit was reached (with --until: and nothing new was found), 4 when --until is given and \
something new was found, 5 when afl-fuzz failed, 10 to 17 for a server that cannot be fuzzed, 130 after Ctrl-C (see \
sockfuzz --help). Without --until, findings do not change it.";

/// Time that triage gets at the end of a campaign with `--until`.
const TRIAGE_TIME: &str = "5min";

/// Time limit of an execution without instrumentation, which can include the whole start of the server.
const UNINSTRUMENTED_TIMEOUT_MS: &str = "5000";

/// Arguments of `fuzz`.
#[derive(Debug, Args)]
pub struct FuzzArguments {
    /// Directory of seeds [default: the bundled corpus/http1, or those of --openapi]
    #[arg(short = 'i', long, value_name = "DIR")]
    pub corpus: Option<PathBuf>,
    /// Description of the server's API (OpenAPI 3, JSON or YAML): the seeds are requests for its operations, besides those
    /// of -i, if that is given. Its names and values are added to the dictionary
    #[arg(long, value_name = "FILE")]
    pub openapi: Option<PathBuf>,
    /// Do not ask the server for a description of its API. Otherwise, when a campaign starts, it is asked once at the usual places
    /// (/openapi.json, /v3/api-docs, …), and what it answers is used like the one of --openapi
    #[arg(long, conflicts_with = "openapi")]
    pub no_openapi: bool,
    /// Answers that are findings, too: 5xx (500 to 599, but not 501 and 505, which refuse methods and versions that inputs
    /// make up), or spec (what the description in --openapi does not allow: status, content type, required fields, body;
    /// a 5xx always). Repeated or separated by commas. Inputs of the queues are judged, and only what the plain server
    /// answers, too, counts
    #[arg(long, value_name = "RULE", value_delimiter = ',')]
    pub findings: Vec<AnswerRule>,
    /// Output directory; resumed if it belongs to the same server
    #[arg(short, long = "output", value_name = "DIR", default_value = "out")]
    pub output: PathBuf,
    /// Dictionary [default: the bundled corpus/http.dict]
    #[arg(short = 'x', long, value_name = "FILE")]
    pub dictionary: Option<PathBuf>,
    /// Instances of afl-fuzz: one main and the others secondary, each on a free core if there is one
    #[arg(short, long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..))]
    pub jobs: u16,
    /// Name of this machine in a campaign on several (see sockfuzz sync): the instances are named NAME-main, NAME-s1, …
    /// A resumption keeps it
    #[arg(long, value_name = "NAME")]
    pub host: Option<HostName>,
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
    /// Stop, and let the exit status tell whether something new was found: after a time (90s, 10min, 2h), after a time
    /// without new coverage (stale:10min), at the first new crash (crash), or at the first new crash, hang or wrong
    /// answer (finding). Repeated or separated by commas, what comes first counts. Times begin with this start, also when a
    /// campaign is resumed; that without new coverage begins when all instances have run their queue
    #[arg(long, value_name = "CONDITION", value_delimiter = ',')]
    pub until: Vec<StopCondition>,
    /// Time limit of the triage at the end [default with --until: 5min; otherwise none]
    #[arg(
        long,
        value_name = "TIME",
        default_value_if("until", ArgPredicate::IsPresent, TRIAGE_TIME),
        hide_default_value = true,
        conflicts_with = "no_triage",
        value_parser = stop_condition::duration
    )]
    pub triage_time: Option<Duration>,
    /// At the end, also write the findings as JUnit XML, for example for GitLab and Jenkins
    #[arg(long, value_name = "FILE")]
    pub junit: Option<PathBuf>,
    /// At the end, also write the findings in SARIF, for example for GitHub
    #[arg(long, value_name = "FILE")]
    pub sarif: Option<PathBuf>,
    /// Additional options for afl-fuzz, quoted as for a shell; may be repeated
    #[arg(long, value_name = "OPTIONS", allow_hyphen_values = true)]
    pub afl: Vec<String>,
    /// Do not run the seeds before fuzzing
    #[arg(long)]
    pub no_check: bool,
    /// Give afl-fuzz all seeds. Otherwise, of more than 500 it gets those that together reach all that they all reach
    #[arg(long)]
    pub keep_all_seeds: bool,
    /// Do not triage the findings and write the report at the end
    #[arg(long)]
    pub no_triage: bool,
    /// Concurrency model of the bundled server
    #[arg(long, value_enum, default_value_t = ConcurrencyModel::Epoll, conflicts_with = "server")]
    pub model: ConcurrencyModel,
    /// Fuzz the variant of the bundled server with planted bugs
    #[arg(long, conflicts_with = "server")]
    pub planted: bool,
    /// What the server needs before it starts.
    #[command(flatten)]
    pub setup: SetupArguments,
    /// The preload and its options.
    #[command(flatten)]
    pub preload: PreloadArguments,
    /// The server and its arguments, preferably in the foreground and as a single process; without
    /// one, the bundled server is built and fuzzed
    #[arg(trailing_var_arg = true, value_name = "SERVER ARGS")]
    pub server: Vec<OsString>,
}

impl FuzzArguments {
    /// Returns the files of reports that the user wants besides the page, with the names of their formats.
    pub(super) fn report_files(&self) -> impl Iterator<Item = (&'static str, &Path)> {
        let files = [("junit", &self.junit), ("sarif", &self.sarif)];
        files.into_iter().filter_map(|(format, file)| Some((format, file.as_deref()?)))
    }

    /// Whether a finding may stop the campaign, unless it is of a known bug.
    pub(super) fn needs_places_of_bugs(&self) -> bool {
        let at_findings = |condition: &StopCondition| {
            [FindingKind::Crash, FindingKind::Hang].into_iter().any(|kind| condition.is_met_by(kind))
        };
        !self.no_triage && self.until.iter().any(at_findings)
    }
}
