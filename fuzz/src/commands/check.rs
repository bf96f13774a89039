//! `sockfuzz check`: whether a server can be fuzzed, and whether it answers through the preload
//! as it does over real TCP.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;
use clap::Args;
use sockfuzz_protocol::InputFormat;

use crate::cli::{self, PreloadArguments, ServerArguments};
use crate::commands::seeds;
use crate::compare::{Difference, difference};
use crate::corpus::{self, Seed};
use crate::preload;
use crate::printable::counted;
use crate::problem::exit;
use crate::sandbox::{Sandbox, TOO_TIGHT};
use crate::server::Server;
use crate::server::inspect::{self, Inspection};
use crate::server::plain_run::answer_over_tcp;
use crate::server::single_run::{End, Setup, SingleRun};
use crate::tcp_client::Pace;
use crate::transport::{Choice, Trial};
use crate::workspace;

/// Shown below the help text.
pub const EXAMPLES: &str = "\
Example:
  sockfuzz check -- ./server --listen 127.0.0.1:8080

Each seed is answered by a fresh server twice: preloaded, and plain over the port that it listens
on. The answers must be the same byte for byte, but for what a clock or chance decides: the value of the
Date header, the boundary of multipart/byteranges. With transport auto, at most 100 seeds are answered once
more, to choose between unix and memory.

Exit status: 0 when all answers are the same, 3 when one differs, 10 to 17 for a server that
cannot be fuzzed (see sockfuzz --help).";

/// Arguments of `check`.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Directory of seeds [default: the bundled corpus/http1]
    #[arg(short = 'i', long, value_name = "DIR")]
    pub corpus: Option<PathBuf>,
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
    let seeds = corpus::read(&workspace::corpus_or_bundled(arguments.corpus)?)?;
    for warning in corpus::oversize_warnings(&seeds) {
        println!("        {warning}");
    }
    let library = preload::locate(arguments.preload.preload.as_deref())?;
    let options = arguments.preload.options.for_inputs(&seeds);
    if options.parsed().input == InputFormat::Session {
        println!("input   sessions");
    }
    let sandbox = Sandbox::prepare(&options, &library)?;
    let setup =
        Setup { server: &server, library: &library, options: sandbox.options(), timeout: arguments.timeout };
    let width = seeds.iter().map(|seed| seed.name.len()).max().unwrap_or(0);
    let Compared { different, varying, choice, left_memory } =
        compare(&setup, &inspection, &seeds, |seed, run, verdict| verdict.print(seed, run, width))?;

    let all = counted(seeds.len() as u64, "seed", "seeds");
    println!();
    match (different, varying) {
        (0, 0) => println!("{all}: answered as over TCP"),
        (0, _) => println!(
            "{varying} of {all} answered in another way each time, over TCP as well; the others as over TCP"
        ),
        _ => println!("{different} of {all} not answered as over TCP"),
    }
    choice.iter().for_each(|choice| println!("{choice}"));
    left_memory.iter().for_each(|it| println!("transport memory was left for unix: {it}"));
    if different == 0 {
        return Ok(exit::OK);
    }
    if setup.is_sandboxed() {
        println!("if the sandbox is the reason, {TOO_TIGHT}");
    }
    Ok(exit::DIFFERENT)
}

/// How many answers are not the same.
#[derive(Debug, Default)]
pub(super) struct Compared {
    /// Through the preload and over TCP.
    pub(super) different: usize,
    /// Over TCP alone, from one time to the next: the server puts something random into them.
    pub(super) varying: usize,
    /// What transport `auto` comes to; none where another one was asked for.
    pub(super) choice: Option<Choice>,
    /// Why transport `memory` was left, where it was asked for.
    pub(super) left_memory: Option<String>,
}

/// Answers every seed twice, hands each verdict to `each`, and counts those that are not the same.
pub(super) fn compare(
    setup: &Setup<'_>,
    inspection: &Inspection,
    seeds: &[Seed],
    mut each: impl FnMut(&Seed, &SingleRun, &Verdict),
) -> Result<Compared> {
    let mut compared = Compared::default();
    let mut trial = Trial::begin(setup, inspection, seeds.len());
    seeds::answer_all(setup, seeds, |seed, run| {
        let again = || over_tcp(setup, &seed.bytes);
        let verdict = Verdict::of(run, &again()?, again)?;
        compared.different += usize::from(verdict.is_different());
        compared.varying += usize::from(matches!(verdict, Verdict::Varying(_)));
        each(seed, run, &verdict);
        compared.left_memory = run.left_memory.clone().or(compared.left_memory.take());
        trial.as_mut().map_or(Ok(()), |trial| trial.compare(seed, run))
    })?;
    compared.choice = trial.map(Trial::choice);
    Ok(compared)
}

/// What a fresh server answers without the preload.
pub(super) fn over_tcp(setup: &Setup<'_>, input: &[u8]) -> Result<Vec<u8>> {
    let options = setup.options.parsed();
    let linger = Duration::from_millis(options.linger_ms.into());
    answer_over_tcp(setup.server, &options, input, Pace { timeout: setup.timeout, linger })
}

/// So often a server is asked over TCP whether it always answers the same.
const ATTEMPTS: usize = 3;

/// How a preloaded run compares with plain TCP.
pub(super) enum Verdict {
    Same,
    Different(Difference),
    /// So do two answers over TCP, at the same place.
    Varying(Difference),
    /// The preloaded run did not end as it should.
    Unfinished,
}

impl Verdict {
    /// `first` is the answer over TCP; `again` asks once more. (A server that closes without having read all
    /// loses its answer on the way, as often as not: tcp(7), RFC 9112, section 9.6.)
    pub(super) fn of(run: &SingleRun, first: &[u8], again: impl Fn() -> Result<Vec<u8>>) -> Result<Self> {
        let Some(found) = difference(&run.answer(), first) else {
            return Ok(match &run.end {
                End::TimedOut(_) => Self::Unfinished,
                End::Ended(status) if !status.success() => Self::Unfinished,
                _ => Self::Same,
            });
        };
        for _ in 0..ATTEMPTS {
            if difference(&again()?, first).is_some_and(|again| again.line == found.line) {
                return Ok(Self::Varying(found));
            }
        }
        Ok(Self::Different(found))
    }

    /// Whether the preload is to blame, as far as one can tell.
    pub(super) fn is_different(&self) -> bool {
        matches!(self, Self::Different(_) | Self::Unfinished)
    }

    pub(super) fn is_same(&self) -> bool {
        matches!(self, Self::Same)
    }

    pub(super) fn print(&self, seed: &Seed, run: &SingleRun, width: usize) {
        let word = match self {
            Self::Same => "same",
            Self::Different(_) => "DIFFERENT",
            Self::Varying(_) => "varies",
            Self::Unfinished => "FAILED",
        };
        println!("{:width$}  {word:9}  {:>8} bytes  {}", seed.name, run.answer().len(), seeds::summary(run),);
        if let Self::Different(found) | Self::Varying(found) = self {
            println!("{:width$}  {}", "", found.between("preloaded", "over TCP"));
        }
    }
}
