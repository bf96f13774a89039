//! `sockfuzz servers`: the table of real servers, measured here and now from their recipes.

use std::collections::HashSet;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::Args;
use indicatif::HumanCount;

use crate::afl::cargo_afl::CargoAfl;
use crate::afl::measure::{Bench, Measured};
use crate::cli::{self, PreloadOptions};
use crate::commands::check::{self, Compared, Verdict};
use crate::commands::fuzz::{BUNDLED, build_bundled};
use crate::corpus::{self, Seed};
use crate::interrupt::Interrupted;
use crate::preload;
use crate::printable::counted;
use crate::problem::{Problem, exit};
use crate::recipe::table::{self, Line};
use crate::recipe::{Home, Recipe, Row};
use crate::server::inspect;
use crate::server::single_run::Setup;
use crate::transport::Choice;
use crate::workspace::{self, Workspace};

/// Shown below the help text.
pub const EXAMPLES: &str = "\
Examples:
  sockfuzz servers --list
  sockfuzz servers nginx lighttpd/poll
  sockfuzz servers --write              all of them, into harness/servers/TABLE.md

Each row: the server is built if need be, its answers to all seeds are compared with those over
real TCP, and it is fuzzed by afl-fuzz for a moment, on one core and without cmplog. The recipes are in
harness/servers.

Exit status: 0 when every row is as it should be: all answers the same, 99 % stability (95 % with
threads); 6 when one falls short or could not be tried, which the table says.";

/// Where the table is kept, below the workspace.
const TABLE: &str = "harness/servers/TABLE.md";

/// How long one seed may take, the server's start included.
const SEED_TIMEOUT: Duration = Duration::from_secs(20);

/// Percentages of stability that are asked of servers: with one thread, with several.
const STABLE: [f64; 2] = [99.0, 95.0];

/// Arguments of `servers`.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Servers, or rows of them [default: all]
    #[arg(value_name = "NAME|NAME/ROW")]
    pub names: Vec<String>,
    /// Executions; a tenth of that for a server without instrumentation
    #[arg(long, value_name = "N", default_value_t = 100_000, value_parser = clap::value_parser!(u64).range(1..))]
    pub executions: u64,
    /// How long one server may be fuzzed, in seconds
    #[arg(long, value_name = "SECONDS", default_value = "300", value_parser = cli::seconds)]
    pub limit: Duration,
    /// Update harness/servers/TABLE.md: the rows that were measured, no others
    #[arg(long)]
    pub write: bool,
    /// The preload library; by default the one beside this executable, built when needed
    #[arg(long, value_name = "FILE", env = "SOCKFUZZ_PRELOAD", hide_env = true, hide_short_help = true)]
    pub preload: Option<PathBuf>,
    /// List the rows, measure nothing
    #[arg(long, conflicts_with = "write")]
    pub list: bool,
}

/// Measures the servers.
///
/// # Errors
/// Names and recipes that cannot be used, and tools that are missing. A server that fails is a row
/// of the table, not an error.
pub fn servers(arguments: Arguments) -> Result<u8> {
    let workspace = Workspace::find().ok_or_else(|| {
        Problem::failed("the recipes are not where sockfuzz was built", "run it from its source tree")
    })?;
    let recipes = Recipe::all(&workspace)?;
    let chosen = choose(&recipes, &arguments.names)?;
    if arguments.list {
        for (recipe, row) in chosen {
            println!("{:24} {}, {}", format!("{}/{}", recipe.name, row.name), recipe.title, row.architecture);
        }
        return Ok(exit::OK);
    }
    let cargo_afl = CargoAfl::find_or_install()?;
    build_bundled(&cargo_afl, "the empty harness", &["--features", "afl", "--bin", "empty"])?;
    let corpus = workspace::corpus_or_bundled(None)?;
    let trial = Trial {
        workspace: &workspace,
        seeds: corpus::read(&corpus)?,
        library: preload::locate(arguments.preload.as_deref())?,
        empty: workspace.target(BUNDLED).join("release/empty"),
        bench: Bench { cargo_afl: &cargo_afl, corpus: &corpus, limit: arguments.limit },
        executions: arguments.executions,
    };

    print!("{}", table::HEAD);
    let mut lines = Vec::new();
    let mut short = 0;
    let mut tried = HashSet::new();
    for (recipe, row) in &chosen {
        eprintln!("sockfuzz: {}/{}: {}, {}", recipe.name, row.name, recipe.title, row.architecture);
        let is_first = tried.insert(&recipe.name);
        let outcome =
            trial.program(recipe, row, is_first).and_then(|program| trial.run(recipe, row, program));
        match outcome {
            Ok((line, is_good)) => {
                print!("{}", line.markdown());
                short += usize::from(!is_good);
                lines.push(line);
                if arguments.write {
                    write(&workspace, &recipes, &lines)?;
                }
            }
            Err(error) if error.is::<Interrupted>() => return Err(error),
            Err(error) => {
                eprintln!("sockfuzz: {}/{} could not be tried: {error:#}", recipe.name, row.name);
                short += 1;
            }
        }
    }
    if short == 0 {
        return Ok(exit::OK);
    }
    let all = counted(chosen.len() as u64, "row", "rows");
    eprintln!("sockfuzz: {short} of {all} could not be tried, or fell short");
    Ok(exit::SHORT)
}

type Chosen<'a> = Vec<(&'a Recipe, &'a Row)>;

fn choose<'a>(recipes: &'a [Recipe], names: &[String]) -> Result<Chosen<'a>> {
    let all = || recipes.iter().flat_map(|recipe| recipe.rows.iter().map(move |row| (recipe, row)));
    let is_named = |recipe: &Recipe, row: &Row, name: &str| {
        name == recipe.name || name.split_once('/') == Some((&recipe.name, &row.name))
    };
    if let Some(name) = names.iter().find(|name| !all().any(|(recipe, row)| is_named(recipe, row, name))) {
        return Err(Problem::failed(
            format!("there is no recipe {name}"),
            "see sockfuzz servers --list; harness/servers/README.md says how to add one",
        )
        .into());
    }
    let is_chosen = |recipe, row| names.is_empty() || names.iter().any(|name| is_named(recipe, row, name));
    Ok(all().filter(|&(recipe, row)| is_chosen(recipe, row)).collect())
}

fn write(workspace: &Workspace, recipes: &[Recipe], lines: &[Line]) -> Result<()> {
    let path = workspace.path(TABLE);
    let earlier = fs::read_to_string(&path).unwrap_or_default();
    fs::write(&path, table::update(&earlier, recipes, lines))
        .with_context(|| format!("cannot write {}", path.display()))
}

/// What every row is tried with.
struct Trial<'a> {
    workspace: &'a Workspace,
    seeds: Vec<Seed>,
    library: PathBuf,
    empty: PathBuf,
    bench: Bench<'a>,
    executions: u64,
}

impl Trial<'_> {
    /// The row's program, built if it is `first` of its recipe.
    fn program(&self, recipe: &Recipe, row: &Row, first: bool) -> Result<PathBuf> {
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
    fn run(&self, recipe: &Recipe, row: &Row, program: PathBuf) -> Result<(Line, bool)> {
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
            let stable = self.fuzz(&home, &options, row, &mut line)?;
            Ok(same && stable)
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
        let setup = Setup {
            server: &home.server,
            library: &self.library,
            options: &home.options,
            timeout: SEED_TIMEOUT,
        };
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

    /// Whether the server is as stable as is asked of it.
    fn fuzz(&self, home: &Home, options: &PreloadOptions, row: &Row, line: &mut Line) -> Result<bool> {
        let empty = self.bench.plain(&self.empty, self.executions)?;
        let is_instrumented = inspect::inspect(&home.server)?.missing_instrumentation().is_none();
        let executions = if is_instrumented { self.executions } else { self.executions.div_ceil(10) };
        let Measured { stats, warnings, .. } =
            self.bench.server(&home.server, &self.library, options, executions)?;
        for warning in &warnings {
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
        Ok(complete && warnings.is_empty() && stats.stability >= STABLE[usize::from(row.threads)])
    }
}
