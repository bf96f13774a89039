//! Measurement of one row of the table: the server answers seeds, is fuzzed, and answers inputs that fuzzing
//! found.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;
use indicatif::HumanCount;
use sockfuzz_protocol::{Transport, specs};

use super::definition::{Recipe, RecipeRow};
use super::home::Home;
use super::table::TableLine;
use crate::campaign::measure::{BoundedCampaign, MeasuredCampaign};
use crate::input::corpus::Seed;
use crate::options::PreloadOptions;
use crate::server::inspect;
use crate::server::single_run::RunConfig;
use crate::server::tcp_comparison::{self, TcpComparison, Verdict};
use crate::server::tcp_run;
use crate::server::transport::{TransportChoice, is_sampled};
use crate::util::interrupt;
use crate::util::printable::counted;
use crate::util::problem::Problem;
use crate::util::workspace::Workspace;

/// Time limit for one seed. It includes the start of the server.
const SEED_TIMEOUT: Duration = Duration::from_secs(20);

/// Maximum number of inputs found by fuzzing that are run. Each starts the server several times.
const MAX_FOUND_INPUTS: usize = 50;

/// Required stability of servers with one thread, and with several.
const MIN_STABILITY_PERCENT: [f64; 2] = [99.0, 95.0];

/// Configuration for all rows.
#[derive(Debug)]
pub struct RowRunner<'a> {
    /// The workspace.
    pub workspace: &'a Workspace,
    /// Seeds to run.
    pub seeds: Vec<Seed>,
    /// The preload library.
    pub library: PathBuf,
    /// The `afl::fuzz!` harness that does nothing.
    pub empty: PathBuf,
    /// The campaign for each row.
    pub campaign: BoundedCampaign<'a>,
    /// Number of executions of an instrumented server.
    pub executions: u64,
}

impl RowRunner<'_> {
    /// Returns the program of the row, which is built if the row is the `first` one of its recipe.
    ///
    /// # Errors
    /// A build that fails, or a program that is not installed.
    pub fn program(&self, recipe: &Recipe, row: &RecipeRow, first: bool) -> Result<PathBuf> {
        if recipe.is_built(self.workspace, row) {
            if first {
                recipe.build(self.workspace, self.campaign.cargo_afl)?;
            }
            return Ok(recipe.built_program(self.workspace, row));
        }
        let program = recipe.system_program().transpose()?;
        let nothing = || Problem::failed("the recipe has no program", "add a build or a program").into();
        program.ok_or_else(nothing)
    }

    /// Measures the row, and returns its line and whether it meets all requirements.
    ///
    /// # Errors
    /// Tools that fail, and interruptions. A server that fails gives a line with a remark, not an error.
    pub fn run(&self, recipe: &Recipe, row: &RecipeRow, program: PathBuf) -> Result<(TableLine, bool)> {
        let home = Home::render(self.workspace, recipe, row, program)?;
        let mut line = TableLine {
            server: format!("{} {}", recipe.title, home.version()).trim_end().to_owned(),
            architecture: row.architecture.clone(),
            remarks: row.remarks.clone(),
            ..TableLine::default()
        };
        let result = self.answer(&home, &mut line).and_then(|(same, choice)| {
            let options = choice.map_or(home.options.clone(), |choice| choice.apply(&home.options));
            line.transport = options.parsed().transport.to_string();
            let (stable, queue) = self.fuzz(&home, &options, row, &mut line)?;
            let same_again = self.answer_found(&home, options.parsed().transport, &queue, &mut line)?;
            Ok(same && stable && same_again)
        });
        match result {
            Ok(is_good) => Ok((line, is_good)),
            Err(error) => {
                // A server that does not work gets a line with the reason as a remark.
                let Some(problem) = error.downcast_ref::<Problem>() else { return Err(error) };
                eprintln!("sockfuzz: {error:#}");
                line.add_remark(&problem.what().lines().map(str::trim).collect::<Vec<_>>().join("; "));
                Ok((line, false))
            }
        }
    }

    /// Returns whether all seeds are answered as over TCP, and the chosen transport if it is `auto`.
    fn answer(&self, home: &Home, line: &mut TableLine) -> Result<(bool, Option<TransportChoice>)> {
        let config = self.run_config(home, &home.options);
        let inspection = inspect::inspect(&home.server)?;
        let compared = tcp_comparison::compare(&config, &inspection, &self.seeds, |seed, run, verdict| {
            if !Verdict::is_same(verdict) {
                verdict.print(seed, run, 0);
            }
        })?;
        let TcpComparison { different, varying, failing, choice, .. } = compared;
        choice.iter().for_each(|choice| eprintln!("sockfuzz: {choice}"));
        line.once = format!("{}/{}", self.seeds.len() - different - varying - failing, self.seeds.len());
        if varying > 0 {
            line.add_remark(&format!("{varying} answers vary over TCP as well"));
        }
        Ok((different == 0, choice))
    }

    fn run_config<'a>(&'a self, home: &'a Home, options: &'a PreloadOptions) -> RunConfig<'a> {
        RunConfig { server: &home.server, library: &self.library, options, timeout: SEED_TIMEOUT }
    }

    /// Returns whether a sample of the inputs that fuzzing found is answered as over TCP through `tcp`, `unix` and
    /// the `best` transport.
    fn answer_found(
        &self,
        home: &Home,
        best: Transport,
        queue: &[Seed],
        line: &mut TableLine,
    ) -> Result<bool> {
        let found: Vec<_> = queue.iter().filter(|entry| !is_seed(entry)).collect();
        let chosen = |&index: &usize| is_sampled(index, found.len(), MAX_FOUND_INPUTS);
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
        let config = self.run_config(home, &home.options);
        let over_tcp = |expects_end| tcp_run::over_tcp(&config, &seed.bytes, expects_end);
        let mut all_same = true;
        for options in every {
            let run = self.run_config(home, options).run(&seed.bytes)?;
            let verdict = Verdict::of(&run, over_tcp)?;
            if verdict.is_different() {
                all_same = false;
                print!("{} ", options.parsed().transport);
                verdict.print(seed, &run, 0);
            }
        }
        Ok(all_same)
    }

    /// Fuzzes the server. Returns whether the row meets its requirements, and the queue of afl-fuzz.
    fn fuzz(
        &self,
        home: &Home,
        options: &PreloadOptions,
        row: &RecipeRow,
        line: &mut TableLine,
    ) -> Result<(bool, Vec<Seed>)> {
        let empty = self.campaign.fuzz_harness(&self.empty, self.executions)?;
        let is_instrumented = inspect::inspect(&home.server)?.missing_instrumentation().is_none();
        let executions = if is_instrumented { self.executions } else { self.executions.div_ceil(10) };
        let measured = self.campaign.fuzz_server(&home.server, &self.library, options, executions)?;
        let MeasuredCampaign { stats, warnings, .. } = &measured;
        for warning in warnings {
            eprintln!("sockfuzz: WARNING: {warning}");
        }
        eprintln!("sockfuzz: {} per second; empty harness: {}", stats.per_second, empty.per_second);
        line.looped = HumanCount(stats.executions).to_string();
        line.speed = format!("{:.2}", stats.per_second / empty.per_second);
        for (count, one, many) in [
            (stats.crashes, "crash found", "crashes found"),
            (stats.hangs, "hang found", "hangs found"),
            (stats.timeouts, "timeout", "timeouts"),
        ] {
            if count > 0 {
                line.add_remark(&counted(count, one, many));
            }
        }
        if !is_instrumented {
            line.add_remark("not instrumented: its coverage are kinds of answers");
        }
        line.stability = format!("{:.2} %", stats.stability);
        let complete = stats.executions >= executions || stats.run_time >= self.campaign.time_limit;
        let stable = stats.stability >= MIN_STABILITY_PERCENT[usize::from(row.threads)];
        Ok((complete && warnings.is_empty() && stable, measured.queue()?))
    }
}

/// Whether this entry of the queue is one of the given seeds.
fn is_seed(entry: &Seed) -> bool {
    entry.name.contains(",orig:")
}
