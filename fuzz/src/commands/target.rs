//! `sockfuzz target`: the bundle's server as a fuzz target with libFuzzer's command line, also as ClusterFuzz's AFL engine uses
//! it to reproduce a crash. The launcher of a bundle starts it.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, Result};
use clap::Args;
use sockfuzz_launcher::launch::REPORT_FILE;

use crate::fuzz_target::crash_report::{self, Failing};
use crate::fuzz_target::playback::{self, Playback};
use crate::fuzz_target::shrink::Shrinker;
use crate::fuzz_target::target_line::{self, Artifacts, TargetLine, TargetTask, status};
use crate::fuzz_target::target_loop::TargetLoop;
use crate::fuzz_target::target_server::TargetServer;
use crate::fuzz_target::unit::Unit;
use crate::fuzz_target::{afl_engine, fuzzing, merge};
use crate::server::loop_run::InputEnd;
use crate::util::exit_code;
use crate::util::interrupt::Interrupted;
use crate::util::notice::{self, Verbosity};
use crate::util::problem::Problem;

/// Exit status of a crash for ClusterFuzz's AFL engine: others than 0, 1 and -6 are a fault of the target for it.
const AFL_CRASH: u8 = 1;

/// Arguments of `target`.
#[derive(Debug, Args)]
pub struct TargetArguments {
    /// Flags of libFuzzer, files and directories
    #[arg(last = true, value_name = "ARGS")]
    pub words: Vec<OsString>,
}

/// Does what the command line asks for.
///
/// # Errors
/// Never: errors are printed here, because their exit status is that of libFuzzer's own errors.
pub fn run(arguments: TargetArguments) -> Result<u8> {
    notice::set(Verbosity::Quiet);
    let begin = Instant::now();
    let result =
        TargetLine::parse(arguments.words).map_err(Into::into).and_then(|line| execute(&line, begin));
    Ok(result.unwrap_or_else(|error: anyhow::Error| {
        if error.is::<Interrupted>() {
            return status::INTERRUPTED;
        }
        eprintln!("sockfuzz: {error:#}");
        status::ERROR
    }))
}

fn execute(line: &TargetLine, begin: Instant) -> Result<u8> {
    line.ignored_line().iter().for_each(|ignored| eprintln!("{ignored}"));
    if line.task == TargetTask::Help {
        print!("{}", target_line::help());
        return Ok(exit_code::OK);
    }
    if line.without_effect.iter().any(|flag| flag == "analyze_dict") {
        eprintln!("sockfuzz: there is no analysis of dictionaries here");
        return Ok(exit_code::OK);
    }
    let target = TargetServer::prepare()?;
    match line.task {
        TargetTask::Help => Ok(exit_code::OK),
        TargetTask::Run => run_files(&target, line),
        TargetTask::Fuzz => fuzzing::fuzz(&target, line, begin),
        TargetTask::Merge => merge_corpora(&target, line),
        TargetTask::Minimize => minimize(&target, line, begin),
        TargetTask::Cleanse => cleanse(&target, line, begin),
    }
}

/// Runs files one after the other, up to the first that fails.
fn run_files(target: &TargetServer, line: &TargetLine) -> Result<u8> {
    for path in &line.paths {
        let bytes = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
        eprintln!("Running: {}", path.display());
        let begin = Instant::now();
        let played = run_repeatedly(target, line, &bytes)?;
        match played.failing {
            None => eprintln!("Executed {} in {} ms", path.display(), begin.elapsed().as_millis()),
            Some(failing) => {
                eprint!("{}", played.report);
                afl_engine::append_report(&played.report)?;
                return Ok(failure_status(line, failing));
            }
        }
    }
    Ok(exit_code::OK)
}

/// Runs an input in a fresh process, then, if it is to run more often, in one that runs it again and again.
fn run_repeatedly(target: &TargetServer, line: &TargetLine, input: &[u8]) -> Result<Playback> {
    let played = playback::play(target, input, line.timeout)?;
    let more = line.runs.unwrap_or(1).saturating_sub(1);
    if played.failing.is_some() || more == 0 {
        return Ok(played);
    }
    let mut server = TargetLoop::start(target, line.timeout)?;
    for _ in 0..more {
        let failing = match server.run(input)?.0 {
            InputEnd::Answered => continue,
            InputEnd::TimedOut => Failing::Timeout(line.timeout),
            InputEnd::Ended(status) => Failing::of_loop(status),
        };
        let output = server.output()?;
        server.pause();
        let report = crash_report::report(&target.config(line.timeout), input, failing, &output, None)?;
        return Ok(Playback { failing: Some(failing), report });
    }
    Ok(played)
}

fn failure_status(line: &TargetLine, failing: Failing) -> u8 {
    let is_below_afl = env::var_os(REPORT_FILE).is_some();
    match failing {
        Failing::Timeout(_) => line.timeout_status,
        Failing::Signal(_) | Failing::Exit if is_below_afl => AFL_CRASH,
        Failing::Signal(_) | Failing::Exit => line.crash_status,
    }
}

fn merge_corpora(target: &TargetServer, line: &TargetLine) -> Result<u8> {
    let Some((first, others)) = line.paths.split_first() else {
        return Err(Problem::failed("-merge=1 needs directories", "see -help=1").into());
    };
    let sum = merge::merge(target, first, others, line.timeout)?;
    if sum.failed > 0 {
        eprintln!("MERGE-OUTER: {} files end or hang the server, and are left out", sum.failed);
    }
    eprintln!(
        "MERGE-OUTER: {} new files with {} new features added; {} new coverage edges",
        sum.added, sum.new.features, sum.new.edges
    );
    eprintln!("INFO: sockfuzz: the merged corpus reaches {} edges, {} features", sum.edges, sum.features);
    Ok(exit_code::OK)
}

fn minimize(target: &TargetServer, line: &TargetLine, begin: Instant) -> Result<u8> {
    let (path, input) = single_file(line)?;
    let shown = path.display();
    eprintln!("CRASH_MIN: minimizing crash input: '{shown}' ({} bytes)", input.len());
    let mut shrinker = shrinker(target, line, &input, begin)?;
    let smaller = Unit::new(shrinker.minimize(&input)?);
    write_shrunk(&line.artifacts, "minimized-from", &smaller, &input)?;
    eprintln!("CRASH_MIN: '{shown}' needs {} of {} bytes", smaller.bytes.len(), input.len());
    Ok(exit_code::OK)
}

fn cleanse(target: &TargetServer, line: &TargetLine, begin: Instant) -> Result<u8> {
    let (path, input) = single_file(line)?;
    let mut shrinker = shrinker(target, line, &input, begin)?;
    let plain = Unit::new(shrinker.cleanse(&input)?);
    write_shrunk(&line.artifacts, "cleansed-crash", &plain, &input)?;
    eprintln!("CLEANSE: '{}' is cleansed", path.display());
    Ok(exit_code::OK)
}

fn shrinker<'a>(
    target: &'a TargetServer,
    line: &TargetLine,
    input: &[u8],
    begin: Instant,
) -> Result<Shrinker<'a>> {
    Shrinker::new(target, input, line.timeout, line.total_time.map(|time| begin + time))
}

fn single_file(line: &TargetLine) -> Result<(&Path, Vec<u8>)> {
    let [path]: &[PathBuf] = &line.paths[..] else {
        return Err(Problem::failed("one file with a crash is needed", "see -help=1").into());
    };
    let bytes = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    Ok((path, bytes))
}

fn write_shrunk(artifacts: &Artifacts, kind: &str, unit: &Unit, original: &[u8]) -> Result<()> {
    if unit.bytes == original && artifacts.exact.is_none() {
        return Ok(());
    }
    let path = artifacts.path(kind, unit);
    fs::write(&path, &unit.bytes).with_context(|| format!("cannot write {}", path.display()))
}
