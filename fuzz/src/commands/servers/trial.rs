//! One row of the table: a server is asked, fuzzed, and asked again.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;
use indicatif::HumanCount;
use sockfuzz_protocol::{Transport, specs};

use crate::afl::measure::{Bench, Measured};
use crate::cli::PreloadOptions;
use crate::commands::check::{self, Compared, Verdict};
use crate::corpus::Seed;
use crate::interrupt;
use crate::printable::counted;
use crate::problem::Problem;
use crate::recipe::table::Line;
use crate::recipe::{Home, Recipe, Row};
use crate::server::inspect;
use crate::server::single_run::Setup;
use crate::transport::{Choice, is_chosen};
use crate::workspace::Workspace;

/// How long one seed may take, the server's start included.
const SEED_TIMEOUT: Duration = Duration::from_secs(20);

/// So many of the inputs that fuzzing found are answered again: each starts the server several times.
const MOST_FOUND: usize = 50;

/// Percentages of stability that are asked of servers: with one thread, with several.
const STABLE: [f64; 2] = [99.0, 95.0];

/// What every row is tried with.
pub(super) struct Trial<'a> {
    pub(super) workspace: &'a Workspace,
    pub(super) seeds: Vec<Seed>,
    pub(super) library: PathBuf,
    pub(super) empty: PathBuf,
    pub(super) bench: Bench<'a>,
    pub(super) executions: u64,
}

impl Trial<'_> {
    /// The row's program, built if it is `first` of its recipe.
    pub(super) fn program(&self, recipe: &Recipe, row: &Row, first: bool) -> Result<PathBuf> {
        if recipe.is_built(self.workspace, row) {
            if first {
                recipe.build(self.workspace, self.bench.cargo_afl)?;
            }
            return Ok(recipe.built(self.workspace, row));
        }
        let program = recipe.distributed().transpose()?;
        let nothing = || Problem::failed("the recipe has no program", "give it a build, or a program").into();
        program.ok_or_else(nothing)
    }

    /// The row's line, and whether all is as it should be.
    pub(super) fn run(&self, recipe: &Recipe, row: &Row, program: PathBuf) -> Result<(Line, bool)> {
        let home = Home::render(self.workspace, recipe, row, program)?;
        let mut line = Line {
            server: format!("{} {}", recipe.title, home.version()).trim_end().to_owned(),
            architecture: row.architecture.clone(),
            remarks: row.remarks.clone(),
            ..Line::default()
        };
        let tried = self.answer(&home, &mut line).and_then(|(same, choice)| {
            let options = choice.map_or(home.options.clone(), |choice| choice.options(&home.options));
            line.transport = options.parsed().transport.to_string();
            let (stable, queue) = self.fuzz(&home, &options, row, &mut line)?;
            let same_again = self.answer_found(&home, options.parsed().transport, &queue, &mut line)?;
            Ok(same && stable && same_again)
        });
        match tried {
            Ok(is_good) => Ok((line, is_good)),
            Err(error) => {
                // A server that cannot work has a row that says why.
                let Some(problem) = error.downcast_ref::<Problem>() else { return Err(error) };
                eprintln!("sockfuzz: {error:#}");
                line.remark(&problem.what().lines().map(str::trim).collect::<Vec<_>>().join("; "));
                Ok((line, false))
            }
        }
    }

    /// Whether all seeds are answered as over TCP, and the transport where it is not the recipe's.
    fn answer(&self, home: &Home, line: &mut Line) -> Result<(bool, Option<Choice>)> {
        let setup = self.setup(home, &home.options);
        let inspection = inspect::inspect(&home.server)?;
        let compared = check::compare(&setup, &inspection, &self.seeds, |seed, run, verdict| {
            if !Verdict::is_same(verdict) {
                verdict.print(seed, run, 0);
            }
        })?;
        let Compared { different, varying, choice, .. } = compared;
        choice.iter().for_each(|choice| eprintln!("sockfuzz: {choice}"));
        line.once = format!("{}/{}", self.seeds.len() - different - varying, self.seeds.len());
        if varying > 0 {
            line.remark(&format!("{varying} answers vary over TCP as well"));
        }
        Ok((different == 0, choice))
    }

    fn setup<'a>(&'a self, home: &'a Home, options: &'a PreloadOptions) -> Setup<'a> {
        Setup { server: &home.server, library: &self.library, options, timeout: SEED_TIMEOUT }
    }

    /// Whether some of what fuzzing found is answered as over TCP, by every transport that suits the server.
    fn answer_found(&self, home: &Home, best: Transport, queue: &[Seed], line: &mut Line) -> Result<bool> {
        let found: Vec<_> = queue.iter().filter(|entry| !is_seed(entry)).collect();
        let chosen = |&index: &usize| is_chosen(index, found.len(), MOST_FOUND);
        let found: Vec<_> = (0..found.len()).filter(chosen).map(|index| found[index]).collect();
        let with = |transport: Transport| home.options.with(specs::TRANSPORT.variable, transport.to_string());
        let usual = [Transport::Tcp, Transport::Unix];
        let every: Vec<_> =
            usual.into_iter().chain((!usual.contains(&best)).then_some(best)).map(with).collect();
        let mut different = 0;
        for seed in &found {
            interrupt::check()?;
            different += usize::from(!self.is_answered_by_all(home, &every, seed)?);
        }
        line.found = format!("{}/{}", found.len() - different, found.len());
        Ok(different == 0)
    }

    fn is_answered_by_all(&self, home: &Home, every: &[PreloadOptions], seed: &Seed) -> Result<bool> {
        let over_tcp = || check::over_tcp(&self.setup(home, &home.options), &seed.bytes);
        let first = over_tcp()?;
        let mut all_same = true;
        for options in every {
            let run = self.setup(home, options).run(&seed.bytes)?;
            let verdict = Verdict::of(&run, &first, over_tcp)?;
            if verdict.is_different() {
                all_same = false;
                print!("{} ", options.parsed().transport);
                verdict.print(seed, &run, 0);
            }
        }
        Ok(all_same)
    }

    /// Whether the server is as stable as is asked of it, and what afl-fuzz has kept.
    fn fuzz(
        &self,
        home: &Home,
        options: &PreloadOptions,
        row: &Row,
        line: &mut Line,
    ) -> Result<(bool, Vec<Seed>)> {
        let empty = self.bench.plain(&self.empty, self.executions)?;
        let is_instrumented = inspect::inspect(&home.server)?.missing_instrumentation().is_none();
        let executions = if is_instrumented { self.executions } else { self.executions.div_ceil(10) };
        let measured = self.bench.server(&home.server, &self.library, options, executions)?;
        let Measured { stats, warnings, .. } = &measured;
        for warning in warnings {
            eprintln!("sockfuzz: WARNING: {warning}");
        }
        eprintln!("sockfuzz: {} per second; empty: {}", stats.per_second, empty.per_second);
        line.looped = HumanCount(stats.executions).to_string();
        line.speed = format!("{:.2}", stats.per_second / empty.per_second);
        for (count, one, many) in [
            (stats.crashes, "crash found", "crashes found"),
            (stats.hangs, "hang found", "hangs found"),
            (stats.timeouts, "timeout", "timeouts"),
        ] {
            if count > 0 {
                line.remark(&counted(count, one, many));
            }
        }
        if !is_instrumented {
            line.remark("not instrumented: its coverage are kinds of answers");
        }
        line.stability = format!("{:.2} %", stats.stability);
        let complete = stats.executions >= executions || stats.run_time >= self.bench.limit;
        let stable = stats.stability >= STABLE[usize::from(row.threads)];
        Ok((complete && warnings.is_empty() && stable, measured.queue()?))
    }
}

/// Whether afl-fuzz was given this entry of its queue.
fn is_seed(entry: &Seed) -> bool {
    entry.name.contains(",orig:")
}
