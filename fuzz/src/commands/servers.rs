//! `sockfuzz servers`: the table of real servers, measured here and now from their recipes.

mod trial;

use std::collections::HashSet;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::Args;

use crate::afl::cargo_afl::CargoAfl;
use crate::afl::measure::Bench;
use crate::cli;
use crate::commands::fuzz::{BUNDLED, build_bundled};
use crate::corpus;
use crate::interrupt::Interrupted;
use crate::preload;
use crate::printable::counted;
use crate::problem::{Problem, exit};
use crate::recipe::table::{self, Line};
use crate::recipe::{Recipe, Row};
use crate::workspace::{self, Workspace};

use trial::Trial;

/// Shown below the help text.
pub const EXAMPLES: &str = "\
Examples:
  sockfuzz servers --list
  sockfuzz servers nginx lighttpd/poll
  sockfuzz servers --write              all of them, into harness/servers/TABLE.md

Each row: the server is built if need be, its answers to all seeds are compared with those over
real TCP, it is fuzzed by afl-fuzz for a moment, on one core and without cmplog, and answers some of
what that found, over each transport. The recipes are in harness/servers.

Exit status: 0 when every row is as it should be: all answers the same, 99 % stability (95 % with
threads); 6 when one falls short or could not be tried, which the table says.";

/// Where the table is kept, below the workspace.
const TABLE: &str = "harness/servers/TABLE.md";

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
