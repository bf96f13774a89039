//! `sockfuzz replay`: runs saved inputs again, each with a fresh server, and shows their effects.

mod history;
mod outcome;
mod show;
mod sum;
mod traffic;

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;
use clap::Args;
use sockfuzz_protocol::InputFormat;
use sockfuzz_protocol::history::{History, place};
use sockfuzz_protocol::session::has_marker;

use self::outcome::{ReplayOutcome, has_backtrace};
use self::sum::ReplaySum;
use self::traffic::TrafficCapture;
use crate::campaign::findings;
use crate::campaign::judging;
use crate::campaign::record::CampaignRecord;
use crate::commands::server_setup::SetupArguments;
use crate::input::corpus::{self, Seed};
use crate::input::judge::Judge;
use crate::note;
use crate::options::{self, PreloadArguments, PreloadOptions};
use crate::sandbox::Sandbox;
use crate::server::loop_run::ProcessRunner;
use crate::server::single_run::{FindingKind, RunConfig, SingleRun};
use crate::server::{Server, backtrace, inspect};
use crate::util::preload;
use crate::util::{exit_code, problem::Problem};

/// Shown below the help text.
pub const EXAMPLES: &str = "\
Examples:
  sockfuzz replay out                    all findings of the campaign in out
  sockfuzz replay out/default/hangs      only the hangs
  sockfuzz replay out/sockfuzz-histories/default/*    processes that ended, with all their inputs
  sockfuzz replay request.http -- ./server --listen 127.0.0.1:8080
  sockfuzz replay request.http --pcap said.pcap -- ./server && tshark -r said.pcap

For inputs in an output directory of sockfuzz fuzz, the server, its working directory and the options \
of the preload are those of the campaign, unless others are given.

Rust panics count as crashes, even if the server catches them. So do crashes of child processes, and \
a server that accepts no more connections after the input. For an input that ends the server by a \
signal, the stack is shown. If gdb is installed, it comes from gdb, in one more run.

A history, the inputs of one process of a campaign, is replayed in one process, in the loop. If a finding \
does not happen alone, the history of its process is replayed, if there is one.

A packet capture (--pcap) has the connections of all inputs. Its packets are made up, with addresses of documentation, \
around what was said. Histories are left out, because their answers are not kept.

Exit status: 0 when every input was answered, 4 when one crashed or hung the server or was answered \
wrongly, 7 when an input saved as a finding did not reproduce it, 10 to 17 for a server that cannot be run (see \
sockfuzz --help).";

/// Arguments of `replay`.
#[derive(Debug, Args)]
pub struct ReplayArguments {
    /// Inputs, directories of inputs, or output directories of campaigns
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Time limit after which an input counts as a hang, in seconds
    #[arg(long, value_name = "SECONDS", default_value = "5", value_parser = options::seconds)]
    pub timeout: Duration,
    /// Show requests, answers and stderr unescaped and in full
    #[arg(long)]
    pub raw: bool,
    /// Packet capture to write, with what client and server said, for tcpdump and Wireshark
    #[arg(long, value_name = "FILE")]
    pub pcap: Option<PathBuf>,
    /// Overwrite the capture if it exists
    #[arg(long, requires = "pcap")]
    pub force: bool,
    /// What the server needs before it starts.
    #[command(flatten)]
    pub setup: SetupArguments,
    /// The preload and its options.
    #[command(flatten)]
    pub preload: PreloadArguments,
    /// The server and its arguments, preferably in the foreground and as a single process [default:
    /// that of the campaign]
    #[arg(last = true, value_name = "SERVER ARGS")]
    pub server: Vec<OsString>,
}

/// Replays the inputs.
///
/// # Errors
/// Inputs that cannot be read, or a server that cannot be used.
pub fn run(arguments: ReplayArguments) -> Result<u8> {
    let record = record_of(&arguments.files)?;
    let server = choose_server(&arguments, record.as_ref())?;
    inspect::inspect(&server)?;
    let inputs = corpus::read_files(&findings::expand(&arguments.files)?)?;
    let library = preload::locate(arguments.preload.preload.as_deref())?;
    // The paths may be relative to the present directory.
    let judge = inputs.first().map(|input| judging::judge_of(&input.path)).transpose()?.flatten();
    let options = preload_options(&arguments, record.as_ref(), &inputs)?;
    let mut capture = TrafficCapture::create(arguments.pcap.as_deref(), arguments.force)?;
    if arguments.server.is_empty() {
        record.iter().try_for_each(CampaignRecord::enter_directory)?;
    }
    let sandbox = Sandbox::prepare(&options, &library)?;
    let config = RunConfig {
        server: &server,
        library: &library,
        options: sandbox.options(),
        timeout: arguments.timeout,
    };
    let mut sum = ReplaySum { inputs: inputs.len(), ..ReplaySum::default() };
    for input in &inputs {
        match History::decode(&input.bytes) {
            Some(history) => replay_history(&config, &input.name, &history, arguments.raw, &mut sum)?,
            None => {
                let run = run_input(&config, input, capture.as_mut())?;
                replay_finding(&config, judge.as_ref(), input, &run, &arguments, record.as_ref(), &mut sum)?;
            }
        }
        println!();
    }
    capture.map(TrafficCapture::finish).transpose()?;
    sum.report();
    Ok(sum.exit_code())
}

/// Runs one input, and adds what was said to the capture, if there is one.
fn run_input(
    config: &RunConfig<'_>,
    input: &Seed,
    capture: Option<&mut TrafficCapture>,
) -> Result<SingleRun> {
    let run = config.run(&input.bytes)?;
    if let Some(problem) = config.server_problem(&run)? {
        return Err(problem.into());
    }
    if let Some(capture) = capture {
        capture.add(&input.bytes, config.options.parsed().input, &run)?;
    }
    Ok(run)
}

/// Shows the replay of one input; a finding that does not happen alone, with its history.
fn replay_finding(
    config: &RunConfig<'_>,
    judge: Option<&Judge>,
    input: &Seed,
    run: &SingleRun,
    arguments: &ReplayArguments,
    record: Option<&CampaignRecord>,
    sum: &mut ReplaySum,
) -> Result<()> {
    let outcome = show_replay(config, judge, input, run, arguments.raw)?;
    let Some(kind) = findings::kind_of(&input.path).filter(|kind| !outcome.is(*kind)) else {
        sum.failed += usize::from(outcome.is_failure());
        return Ok(());
    };
    let out = input.path.ancestors().find(|out| matches!(CampaignRecord::read(out), Ok(Some(_))));
    if let Some((path, history)) = out.and_then(|out| history::find(out, &input.bytes)) {
        println!("   it does not happen alone; with the inputs that the process had before:");
        return replay_history(config, &path.display().to_string(), &history, arguments.raw, sum);
    }
    sum.failed += usize::from(outcome.is_failure());
    sum.not_reproduced += 1;
    println!("   NOT REPRODUCED: {}", not_reproduced(kind, arguments.timeout, record));
    Ok(())
}

/// Replays a history, and shows how its process ended.
fn replay_history(
    config: &RunConfig<'_>,
    name: &str,
    history: &History,
    raw: bool,
    sum: &mut ReplaySum,
) -> Result<()> {
    let replay = ProcessRunner::new(*config)?.play(&history.inputs)?;
    let outcome = ReplayOutcome::of_process(&replay);
    show::show_history(name, history, replay.ran, raw)?;
    let at = replay.finding.as_deref().and_then(place).map_or(String::new(), |place| format!(", at {place}"));
    println!("=> {}{at}", outcome.describe(config.timeout));
    show::show_output(&replay.output, raw || outcome.is_failure())?;
    sum.failed += usize::from(outcome.is_failure());
    if !history::is_reproduced_by(history, replay.finding.as_ref()) {
        sum.not_reproduced += 1;
        println!("   NOT REPRODUCED: the process ended by {}", history.finding);
    } else if let (false, Some(before)) = (history::is_hang(&history.finding), place(&history.finding))
        && !at.ends_with(before)
    {
        println!("   in the campaign, it ended at {before}");
    }
    Ok(())
}

/// Returns the record of the campaign of the first path that belongs to one.
fn record_of(files: &[PathBuf]) -> Result<Option<CampaignRecord>> {
    files.iter().find_map(|path| CampaignRecord::find(path).transpose()).transpose()
}

/// Returns the given server, or that of the campaign.
fn choose_server(arguments: &ReplayArguments, record: Option<&CampaignRecord>) -> Result<Server> {
    match record {
        _ if !arguments.server.is_empty() => arguments.setup.server(&arguments.server),
        Some(record) => {
            let server = record.server()?;
            note!("server of the campaign: {}", server.command_line());
            Ok(server)
        }
        None => {
            let shown = arguments.files[0].display();
            Err(Problem::new(
                exit_code::NOT_EXECUTABLE,
                format!("no server is given, and {shown} lies in no output directory of sockfuzz fuzz"),
                "put the server's command line after --, or give the output directory of a campaign",
            )
            .into())
        }
    }
}

/// Returns the given options, then those of the campaign, then defaults that make findings visible.
fn preload_options(
    arguments: &ReplayArguments,
    record: Option<&CampaignRecord>,
    inputs: &[Seed],
) -> Result<PreloadOptions> {
    let given = &arguments.preload.options;
    let options = match record {
        Some(record) => record.options_below(given)?,
        None => given.clone(),
    };
    let is_session = |input: &Seed| {
        let history = History::decode(&input.bytes);
        history
            .map_or(has_marker(&input.bytes), |history| history.inputs.iter().any(|input| has_marker(input)))
    };
    let format = if inputs.iter().any(is_session) { InputFormat::Session } else { InputFormat::Raw };
    Ok(options.with_input_format(format).with_crashes_of_the_loop())
}

/// Shows the bytes of an input, the answer, and how the server ended.
fn show_replay(
    config: &RunConfig<'_>,
    judge: Option<&Judge>,
    input: &Seed,
    run: &SingleRun,
    raw: bool,
) -> Result<ReplayOutcome> {
    match config.options.parsed().input {
        InputFormat::Raw => show::show_request(input, run, raw)?,
        InputFormat::Session => show::show_session(input, run, raw)?,
    }
    let options = config.options.parsed();
    let faults = match findings::kind_of(&input.path) {
        Some(FindingKind::WrongAnswer) => {
            judge.map_or_else(Vec::new, |judge| judge.faults(&input.bytes, options.input, &run.answers))
        }
        _ => Vec::new(),
    };
    let outcome = ReplayOutcome::judged(run, options.exits, &faults);
    println!("=> {}", outcome.describe(config.timeout));
    let signalled = matches!(outcome, ReplayOutcome::Signalled { .. });
    show::show_output(&run.output, raw || signalled || matches!(outcome, ReplayOutcome::InternalError))?;
    if signalled && !has_backtrace(&run.output) {
        println!("{}", backtrace::backtrace(config, &input.bytes, run)?);
    }
    Ok(outcome)
}

/// Returns the explanation for a finding of this kind that was not reproduced.
fn not_reproduced(kind: FindingKind, timeout: Duration, record: Option<&CampaignRecord>) -> String {
    let limit = record.and_then(|record| record.timeout_ms);
    match (kind, limit) {
        (FindingKind::WrongAnswer, _) => {
            "it was saved as a wrong answer. sockfuzz triage tries it on the plain server".to_owned()
        }
        (FindingKind::Crash, _) => {
            "it was saved as a crash. Likely cause: state that earlier inputs left in \
                                    the process; with --iterations 1, fuzz runs each input in a fresh one"
                .to_owned()
        }
        (FindingKind::Hang, None) => {
            "it was saved as a hang. Give a shorter --timeout to reproduce it".to_owned()
        }
        (FindingKind::Hang, Some(limit)) => format!(
            "it was saved as a hang with a limit of {limit} ms, here it is {} ms. Give a shorter --timeout \
             to reproduce it",
            timeout.as_millis()
        ),
    }
}
