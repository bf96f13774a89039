//! Fuzzing as libFuzzer does it: from corpora, into the first one, until the first crash, a number of runs, or a time. The
//! inputs are played first, then afl-fuzz takes over; for few runs, it would only run its seeds.

mod campaign;
mod corpus_run;

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use self::corpus_run::{CorpusRun, RunLimit};
use crate::fuzz_target::crash_report::Failing;
use crate::fuzz_target::finding_check::ConfirmedFinding;
use crate::fuzz_target::log::{self, Event, Figures, RunLog};
use crate::fuzz_target::playback::{self, Playback};
use crate::fuzz_target::target_line::{Artifacts, TargetLine, status};
use crate::fuzz_target::target_loop::TargetLoop;
use crate::fuzz_target::target_server::TargetServer;
use crate::fuzz_target::unit::{self, Unit};
use crate::util::exit_code;
use crate::util::interrupt::Interrupted;
use crate::util::workspace;

/// Number of runs up to which afl-fuzz is not worth its start.
const FEW_RUNS: u64 = 10_000;

/// Time for crashes that were found last, when the time of the run is over: fleets end a target 10 seconds later.
const LAST_CRASHES_TIME: Duration = Duration::from_secs(5);

/// A run of the fuzzer.
#[derive(Debug)]
pub(super) struct FuzzRun<'a> {
    target: &'a TargetServer,
    line: &'a TargetLine,
    log: RunLog,
    deadline: Option<Instant>,
    /// Directory that gets new inputs.
    corpus: Option<&'a Path>,
}

/// How a run ended.
#[derive(Debug)]
pub(super) enum FuzzEnd {
    /// The number of runs or the time is over.
    Complete,
    /// An input fails, alone in a fresh process.
    Found(ConfirmedFinding),
    /// An input crashed a process that had run others before, and does not do so alone.
    NotAlone(Unit),
}

/// Fuzzes, and returns the exit status.
///
/// # Errors
/// Corpora that cannot be read or written, or a server that cannot be used.
pub fn fuzz(target: &TargetServer, line: &TargetLine, begin: Instant) -> Result<u8> {
    let run = FuzzRun {
        target,
        line,
        log: RunLog::new(begin),
        deadline: line.total_time.map(|time| begin + time),
        corpus: line.paths.first().map(|path| &**path).filter(|path| path.is_dir()),
    };
    let mut figures = Figures::default();
    match run.run(&mut figures) {
        Ok(end) => Ok(run.conclude(&end, &figures)?),
        Err(error) if error.is::<Interrupted>() => {
            eprintln!("=={}== libFuzzer: run interrupted; exiting", std::process::id());
            run.final_figures(&figures);
            Ok(status::INTERRUPTED)
        }
        Err(error) => Err(error),
    }
}

impl FuzzRun<'_> {
    fn run(&self, figures: &mut Figures) -> Result<FuzzEnd> {
        let units = self.units()?;
        log::seed_corpus(&units);
        let mut server = TargetLoop::start(self.target, self.line.timeout)?;
        log::loaded(&self.target.server.program, server.edges_of_server());
        let mut corpus = CorpusRun::new(self, &mut server, figures);
        if let Some(found) = corpus.play(&units)? {
            return Ok(FuzzEnd::Found(found));
        }
        let usable = corpus.into_usable();
        self.log.progress(Event::Inited, figures);
        let left = self.line.runs.map(|runs| runs.saturating_sub(figures.runs));
        if left == Some(0) || self.is_late() {
            return Ok(FuzzEnd::Complete);
        }
        if let Some(runs) = self.line.runs.filter(|_| left.is_some_and(|left| left <= FEW_RUNS)) {
            let mut corpus = CorpusRun::new(self, &mut server, figures);
            let found = corpus.mutate(usable, RunLimit(runs))?;
            return Ok(found.map_or(FuzzEnd::Complete, FuzzEnd::Found));
        }
        // The coverage of the corpus is that of the server in the loop, which afl-fuzz starts again.
        drop(server);
        self.fuzz_with_afl(&usable, left, figures)
    }

    /// Returns the inputs to begin with: the given ones, or those of the bundle.
    fn units(&self) -> Result<Vec<Unit>> {
        let given = unit::read(&self.line.paths)?;
        if !given.is_empty() {
            return Ok(given);
        }
        let mut units = unit::read(&[workspace::corpus_or_bundled(None)?])?;
        if let Some(runs) = self.line.runs.and_then(|runs| usize::try_from(runs).ok()) {
            units.truncate(runs);
        }
        eprintln!("INFO: sockfuzz: there is no input, so these are the bundle's");
        Ok(units)
    }

    fn is_late(&self) -> bool {
        self.deadline.is_some_and(|deadline| Instant::now() >= deadline)
    }

    /// Plays an input in a fresh process. No other server may run now.
    fn play(&self, unit: &Unit) -> Result<Option<ConfirmedFinding>> {
        let Playback { failing, report } = playback::play(self.target, &unit.bytes, self.line.timeout)?;
        Ok(failing.map(|failing| ConfirmedFinding {
            unit: unit.clone(),
            is_timeout: matches!(failing, Failing::Timeout(_)),
            report,
        }))
    }

    fn conclude(&self, end: &FuzzEnd, figures: &Figures) -> Result<u8> {
        let status = match end {
            FuzzEnd::Complete => {
                self.log.done(figures);
                exit_code::OK
            }
            FuzzEnd::Found(found) => {
                eprint!("{}", found.report);
                if found.is_timeout { self.line.timeout_status } else { self.line.crash_status }
            }
            FuzzEnd::NotAlone(_) => {
                let process = std::process::id();
                eprintln!(
                    "INFO: sockfuzz: this input crashed a process that had run others before, and does not crash a \
                     fresh one\n=={process}== ERROR: libFuzzer: deadly signal\nSUMMARY: libFuzzer: deadly signal"
                );
                self.line.crash_status
            }
        };
        self.final_figures(figures);
        match end {
            FuzzEnd::Complete => {}
            FuzzEnd::Found(found) => {
                save(&self.line.artifacts, &found.unit, found.is_timeout)?;
            }
            FuzzEnd::NotAlone(unit) => save(&self.line.artifacts, unit, false)?,
        }
        Ok(status)
    }

    fn final_figures(&self, figures: &Figures) {
        if self.line.final_figures {
            self.log.final_figures(figures);
        }
    }
}

/// Saves an input that fails, and tells where.
fn save(artifacts: &Artifacts, unit: &Unit, is_timeout: bool) -> Result<()> {
    let path = artifacts.path(if is_timeout { "timeout" } else { "crash" }, unit);
    fs::write(&path, &unit.bytes).with_context(|| format!("cannot write {}", path.display()))?;
    log::written(&artifacts.prefix, &path.display().to_string(), unit);
    Ok(())
}
