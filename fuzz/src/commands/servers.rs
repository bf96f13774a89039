//! `sockfuzz servers`: measures real servers by recipe, and prints the table of servers.

use std::collections::HashSet;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::Args;

use crate::campaign::bundled;
use crate::campaign::cargo_afl::CargoAfl;
use crate::campaign::measure::BoundedCampaign;
use crate::input::corpus;
use crate::options;
use crate::recipe::row_runner::RowRunner;
use crate::recipe::table::{self, TableLine};
use crate::recipe::{Recipe, RecipeRow};
use crate::util::interrupt::Interrupted;
use crate::util::preload;
use crate::util::printable::counted;
use crate::util::workspace::{self, Workspace};
use crate::util::{exit_code, problem::Problem};

/// Shown below the help text.
pub const EXAMPLES: &str = "\
Examples:
  sockfuzz servers --list
  sockfuzz servers nginx lighttpd/poll
  sockfuzz servers --write              all servers, into harness/servers/TABLE.md

For each row, the server is built if necessary, and its answers to all seeds are compared with those \
over real TCP. Then afl-fuzz fuzzes it for a short time, on one core and without cmplog. Its answers to \
a sample of the inputs found are compared over each transport. The recipes are in harness/servers.

Exit status: 0 when every row meets the requirements: the same answers, no warnings, 99 % stability \
(95 % with threads); 6 when a row does not meet them, or could not be tried.";

/// File of the table, below the workspace.
const TABLE_FILE: &str = "harness/servers/TABLE.md";

/// Arguments of `servers`.
#[derive(Debug, Args)]
pub struct ServersArguments {
    /// Servers, or single rows of servers [default: all]
    #[arg(value_name = "NAME|NAME/ROW")]
    pub names: Vec<String>,
    /// Executions per row; a tenth of that for a server without instrumentation
    #[arg(long, value_name = "N", default_value_t = 100_000, value_parser = clap::value_parser!(u64).range(1..))]
    pub executions: u64,
    /// Time limit for fuzzing one server, in seconds
    #[arg(long, value_name = "SECONDS", default_value = "300", value_parser = options::seconds)]
    pub limit: Duration,
    /// Update the measured rows in harness/servers/TABLE.md, and keep the others
    #[arg(long)]
    pub write: bool,
    /// The preload library [default: the one beside this executable, built if necessary]
    #[arg(long, value_name = "FILE", env = "SOCKFUZZ_PRELOAD", hide_env = true, hide_short_help = true)]
    pub preload: Option<PathBuf>,
    /// List the rows without measuring them
    #[arg(long, conflicts_with = "write")]
    pub list: bool,
}

/// Measures the servers.
///
/// # Errors
/// Names and recipes that cannot be used, and tools that are missing. A server that fails is a row
/// of the table, not an error.
pub fn run(arguments: ServersArguments) -> Result<u8> {
    let workspace = Workspace::find().ok_or_else(|| {
        Problem::failed("the source tree with the recipes is missing", "rebuild sockfuzz in its source tree")
    })?;
    let recipes = Recipe::all(&workspace)?;
    let chosen = choose(&recipes, &arguments.names)?;
    if arguments.list {
        for (recipe, row) in chosen {
            println!("{:24} {}, {}", format!("{}/{}", recipe.name, row.name), recipe.title, row.architecture);
        }
        return Ok(exit_code::OK);
    }
    let cargo_afl = CargoAfl::find_or_install()?;
    bundled::build(&cargo_afl, "the empty harness", &["--features", "afl", "--bin", "empty"])?;
    let corpus = workspace::corpus_or_bundled(None)?;
    let runner = RowRunner {
        workspace: &workspace,
        seeds: corpus::read(&corpus)?,
        library: preload::locate(arguments.preload.as_deref())?,
        empty: bundled::program(&workspace, "empty"),
        campaign: BoundedCampaign {
            cmplog: false,
            histories: false,
            shows_server: false,
            cargo_afl: &cargo_afl,
            corpus: &corpus,
            time_limit: arguments.limit,
            random_seed: None,
        },
        executions: arguments.executions,
    };

    print!("{}", table::HEAD);
    let update = |lines: &[TableLine]| match arguments.write {
        true => write_table(&workspace, &recipes, lines),
        false => Ok(()),
    };
    let failed = run_rows(&runner, &chosen, update)?;
    if failed == 0 {
        return Ok(exit_code::OK);
    }
    let all = counted(chosen.len() as u64, "row", "rows");
    eprintln!("sockfuzz: {failed} of {all} could not be tried or do not meet the requirements");
    Ok(exit_code::SHORT)
}

/// Measures the rows, prints the line of each, and calls `update` with all lines so far. Returns the
/// number of rows that failed or do not meet the requirements.
fn run_rows(
    runner: &RowRunner<'_>,
    rows: &[(&Recipe, &RecipeRow)],
    update: impl Fn(&[TableLine]) -> Result<()>,
) -> Result<usize> {
    let mut lines = Vec::new();
    let mut failed = 0;
    let mut built = HashSet::new();
    for (recipe, row) in rows {
        eprintln!("sockfuzz: {}/{}: {}, {}", recipe.name, row.name, recipe.title, row.architecture);
        let is_first = built.insert(&recipe.name);
        let result =
            runner.program(recipe, row, is_first).and_then(|program| runner.run(recipe, row, program));
        match result {
            Ok((line, is_good)) => {
                print!("{}", line.markdown());
                failed += usize::from(!is_good);
                lines.push(line);
                update(&lines)?;
            }
            Err(error) if error.is::<Interrupted>() => return Err(error),
            Err(error) => {
                eprintln!("sockfuzz: {}/{} could not be tried: {error:#}", recipe.name, row.name);
                failed += 1;
            }
        }
    }
    Ok(failed)
}

type ChosenRows<'a> = Vec<(&'a Recipe, &'a RecipeRow)>;

fn choose<'a>(recipes: &'a [Recipe], names: &[String]) -> Result<ChosenRows<'a>> {
    let all = || recipes.iter().flat_map(|recipe| recipe.rows.iter().map(move |row| (recipe, row)));
    let is_named = |recipe: &Recipe, row: &RecipeRow, name: &str| {
        name == recipe.name || name.split_once('/') == Some((&recipe.name, &row.name))
    };
    if let Some(name) = names.iter().find(|name| !all().any(|(recipe, row)| is_named(recipe, row, name))) {
        return Err(Problem::failed(
            format!("there is no recipe {name}"),
            "see sockfuzz servers --list; harness/servers/README.md explains how to add one",
        )
        .into());
    }
    let is_chosen = |recipe, row| names.is_empty() || names.iter().any(|name| is_named(recipe, row, name));
    Ok(all().filter(|&(recipe, row)| is_chosen(recipe, row)).collect())
}

fn write_table(workspace: &Workspace, recipes: &[Recipe], lines: &[TableLine]) -> Result<()> {
    let path = workspace.path(TABLE_FILE);
    let earlier = fs::read_to_string(&path).unwrap_or_default();
    fs::write(&path, table::update(&earlier, recipes, lines))
        .with_context(|| format!("cannot write {}", path.display()))
}
