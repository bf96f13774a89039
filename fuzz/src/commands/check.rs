//! `sockfuzz check`: whether a server can be fuzzed, and whether it answers through the preload
//! as it does over real TCP.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;
use clap::Args;

use crate::cli::{self, PreloadArguments, ServerArguments};
use crate::commands::seeds;
use crate::compare::{Difference, difference};
use crate::corpus::{self, Seed};
use crate::preload;
use crate::printable::counted;
use crate::problem::exit;
use crate::seat_belt::{SeatBelt, TOO_TIGHT};
use crate::server::plain_run::answer_over_tcp;
use crate::server::single_run::{End, Setup, SingleRun};
use crate::server::{Server, inspect};
use crate::tcp_client::Pace;
use crate::workspace;

/// Shown below the help text.
pub const EXAMPLES: &str = "\
Example:
  sockfuzz check -- ./server --listen 127.0.0.1:8080

Each seed is answered by a fresh server twice: preloaded, and plain over the port that it listens
on. The answers must be the same byte for byte, the value of the Date header aside.

Exit status: 0 when all answers are the same, 3 when one differs, 10 to 17 for a server that
cannot be fuzzed (see sockfuzz --help).";

/// Arguments of `check`.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Directory of seeds [default: the bundled corpus/http1]
    #[arg(short, long = "input", value_name = "DIR")]
    pub input: Option<PathBuf>,
    /// How long one seed may take, the server's start included, in seconds
    #[arg(long, value_name = "SECONDS", default_value = "5", value_parser = cli::seconds)]
    pub timeout: Duration,
    /// What the preload is told.
    #[command(flatten)]
    pub preload: PreloadArguments,
    /// The server.
    #[command(flatten)]
    pub server: ServerArguments,
}

/// Checks the server.
///
/// # Errors
/// A corpus that cannot be used, or a server that is a dud.
pub fn check(arguments: Arguments) -> Result<u8> {
    let server = Server::resolve(&arguments.server.server)?;
    let inspection = inspect::inspect(&server)?;
    println!("server  {}", server.shown());
    println!("file    {inspection}");
    if let Some(remedy) = inspection.missing_instrumentation() {
        println!("        its coverage is unknown; for real fuzzing, {remedy}");
    }
    if inspection.is_uninstrumented() {
        println!("        as it is, it can be fuzzed by its answers alone: sockfuzz fuzz --uninstrumented");
    }
    let seeds = corpus::read(&workspace::corpus_or_bundled(arguments.input)?)?;
    for warning in corpus::oversize_warnings(&seeds) {
        println!("        {warning}");
    }
    let library = preload::locate(arguments.preload.preload.as_deref())?;
    let belt = SeatBelt::fasten(&arguments.preload.options, &library)?;
    let setup =
        Setup { server: &server, library: &library, options: belt.options(), timeout: arguments.timeout };
    let width = seeds.iter().map(|seed| seed.name.len()).max().unwrap_or(0);
    let different = compare(&setup, &seeds, |seed, run, verdict| verdict.print(seed, run, width))?;

    let all = counted(seeds.len() as u64, "seed", "seeds");
    println!();
    if different == 0 {
        println!("{all}: answered as over TCP");
        return Ok(exit::OK);
    }
    println!("{different} of {all} not answered as over TCP");
    if setup.is_belted() {
        println!("if the seat belt is the reason, {TOO_TIGHT}");
    }
    Ok(exit::DIFFERENT)
}

/// Answers every seed twice, hands each verdict to `each`, and counts those that are not the same.
pub(super) fn compare(
    setup: &Setup<'_>,
    seeds: &[Seed],
    mut each: impl FnMut(&Seed, &SingleRun, &Verdict),
) -> Result<usize> {
    let options = setup.options.parsed();
    let pace = Pace { timeout: setup.timeout, linger: Duration::from_millis(options.linger_ms.into()) };
    let mut different = 0;
    seeds::answer_all(setup, seeds, |seed, run| {
        let over_tcp = answer_over_tcp(setup.server, &options, &seed.bytes, pace)?;
        let verdict = Verdict::of(run, &over_tcp);
        different += usize::from(!verdict.is_same());
        each(seed, run, &verdict);
        Ok(())
    })?;
    Ok(different)
}

/// How a preloaded run compares with plain TCP.
pub(super) enum Verdict {
    Same,
    Different(Difference),
    /// The preloaded run did not end as it should.
    Unfinished,
}

impl Verdict {
    fn of(run: &SingleRun, over_tcp: &[u8]) -> Self {
        match (&run.end, difference(&run.answer, over_tcp)) {
            (_, Some(found)) => Self::Different(found),
            (End::TimedOut(_), None) => Self::Unfinished,
            (End::Ended(status), None) if !status.success() => Self::Unfinished,
            (_, None) => Self::Same,
        }
    }

    pub(super) fn is_same(&self) -> bool {
        matches!(self, Self::Same)
    }

    pub(super) fn print(&self, seed: &Seed, run: &SingleRun, width: usize) {
        let word = match self {
            Self::Same => "same",
            Self::Different(_) => "DIFFERENT",
            Self::Unfinished => "FAILED",
        };
        println!("{:width$}  {word:9}  {:>8} bytes  {}", seed.name, run.answer.len(), seeds::summary(run),);
        if let Self::Different(found) = self {
            println!("{:width$}  {found}", "");
        }
    }
}
