//! Recipes: `harness/servers/NAME/server.toml` declares the rows of a server in the table, how each is
//! started, and what is required of it.

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};
use serde::Deserialize;

use crate::campaign::cargo_afl::CargoAfl;
use crate::util::problem::Problem;
use crate::util::workspace::Workspace;

/// Directory of the recipes, below the workspace.
pub(super) const RECIPES: &str = "harness/servers";

/// Directories of a distribution's servers, some of which may be missing in PATH.
const SYSTEM_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// The recipe of one server.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recipe {
    /// Name of the recipe's directory.
    #[serde(skip)]
    pub name: String,
    /// Name of the server for users.
    pub title: String,
    /// Command that prints the server's version.
    pub(super) version: Vec<String>,
    /// Name of the distribution's program.
    program: Option<String>,
    /// Package that contains the program.
    package: Option<String>,
    /// Arguments of rows without arguments of their own.
    #[serde(default)]
    pub(super) arguments: Vec<String>,
    /// Rows of the server.
    #[serde(rename = "row")]
    pub rows: Vec<RecipeRow>,
}

/// One way in which a server is run: a row of the table.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecipeRow {
    /// Name, unique among the rows of its server.
    pub name: String,
    /// Processes, threads, and the system calls in which they wait.
    pub architecture: String,
    pub(super) arguments: Option<Vec<String>>,
    binary: Option<PathBuf>,
    #[serde(default)]
    pub(super) settings: BTreeMap<String, String>,
    #[serde(default)]
    pub(super) options: BTreeMap<String, String>,
    /// Whether the server has several threads.
    #[serde(default)]
    pub threads: bool,
    /// Whether the server speaks TLS.
    #[serde(default)]
    pub tls: bool,
    #[serde(default)]
    uninstrumented: bool,
    /// Stability in percent that CI requires, if the row does not reach that of the table.
    pub stability: Option<f64>,
    /// Extent of the test in CI.
    #[serde(default)]
    pub ci: CiLevel,
    /// Remarks in the table.
    #[serde(default)]
    pub remarks: String,
}

/// Extent of the test of a row in CI.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CiLevel {
    /// No test.
    None,
    /// The answers are compared with those over TCP.
    #[default]
    Check,
    /// The server is built, its answers are compared, and it is fuzzed.
    Fuzz,
}

/// Tells a build script which sockfuzz has the compilers that instrument; without it, the script builds one first.
const PROGRAM_VARIABLE: &str = "SOCKFUZZ";

/// Returns the path of the running sockfuzz; in a test of it, of the one that cargo has built for the test.
fn own_program() -> Option<PathBuf> {
    let running = env::current_exe().ok()?;
    let beside_tests = running.parent()?.parent()?.join(env!("CARGO_PKG_NAME"));
    [running, beside_tests]
        .into_iter()
        .find(|program| program.file_name() == Some(env!("CARGO_PKG_NAME").as_ref()) && program.is_file())
}

impl Recipe {
    /// Reads all recipes, sorted by name.
    ///
    /// # Errors
    /// A recipe that cannot be read.
    pub fn all(workspace: &Workspace) -> Result<Vec<Self>> {
        let directory = workspace.path(RECIPES);
        let entries =
            fs::read_dir(&directory).with_context(|| format!("cannot list {}", directory.display()))?;
        let mut names: Vec<_> = entries
            .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
            .filter(|name| directory.join(name).join("server.toml").exists())
            .collect();
        names.sort_unstable();
        names.iter().map(|name| Self::read(workspace, name)).collect()
    }

    fn read(workspace: &Workspace, name: &str) -> Result<Self> {
        let file = workspace.path(RECIPES).join(name).join("server.toml");
        let text = fs::read_to_string(&file)?;
        let recipe = toml::from_str(&text).map_err(|error| {
            Problem::failed(
                format!("{} is not a valid recipe: {error}", file.display()),
                format!("fix it; {RECIPES}/README.md describes the format"),
            )
        })?;
        Ok(Self { name: name.to_owned(), ..recipe })
    }

    /// Runs the build script of the recipe, which does nothing if the build is up to date.
    ///
    /// # Errors
    /// A build that fails.
    pub fn build(&self, workspace: &Workspace, cargo_afl: &CargoAfl) -> Result<()> {
        let mut command = Command::new(self.directory(workspace).join("build"));
        command
            .env("CARGO_TARGET_DIR", workspace.target(""))
            .envs(cargo_afl.environment())
            .env("PATH", cargo_afl.search_path());
        if let Some(program) = own_program().filter(|_| env::var_os(PROGRAM_VARIABLE).is_none()) {
            command.env(PROGRAM_VARIABLE, program);
        }
        workspace.build(command, &self.title)
    }

    /// Whether the row uses a program from [`Recipe::build`], which is instrumented.
    #[must_use]
    pub fn is_built(&self, workspace: &Workspace, row: &RecipeRow) -> bool {
        !row.uninstrumented && self.directory(workspace).join("build").exists()
    }

    /// Returns the path of the program that the build creates for a row.
    #[must_use]
    pub fn built_program(&self, workspace: &Workspace, row: &RecipeRow) -> PathBuf {
        let default = || PathBuf::from("sbin").join(&self.name);
        self.target(workspace).join(row.binary.clone().unwrap_or_else(default))
    }

    /// Returns the distribution's program, which is not instrumented, or `None` if the recipe names none.
    ///
    /// # Errors
    /// A program that is not installed.
    pub fn system_program(&self) -> Option<Result<PathBuf, Problem>> {
        let program = self.program.as_ref()?;
        let path = std::env::var("PATH").unwrap_or_default();
        let found = which::which_in(program, Some(format!("{path}:{SYSTEM_PATH}")), "/");
        Some(found.map_err(|_| {
            let package = self.package.as_ref().unwrap_or(program);
            Problem::failed(format!("{program} is not installed"), format!("apt-get install {package}"))
        }))
    }

    pub(super) fn directory(&self, workspace: &Workspace) -> PathBuf {
        workspace.path(RECIPES).join(&self.name)
    }

    pub(super) fn target(&self, workspace: &Workspace) -> PathBuf {
        workspace.target("servers").join(&self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_recipe_is_valid_and_its_rows_are_distinct() {
        let workspace = Workspace::find().expect("tests run in the workspace");
        let recipes = Recipe::all(&workspace).expect("readable");
        assert!(recipes.iter().any(|recipe| recipe.name == "nginx"));
        for recipe in &recipes {
            let names: BTreeSet<_> = recipe.rows.iter().map(|row| &row.name).collect();
            let architectures: BTreeSet<_> = recipe.rows.iter().map(|row| &row.architecture).collect();
            assert!(!recipe.rows.is_empty(), "{}", recipe.name);
            assert_eq!(names.len(), recipe.rows.len(), "{}", recipe.name);
            assert_eq!(architectures.len(), recipe.rows.len(), "{}", recipe.name);
        }
    }

    #[test]
    fn every_row_has_a_program() {
        let workspace = Workspace::find().expect("tests run in the workspace");
        for recipe in Recipe::all(&workspace).expect("readable") {
            for row in &recipe.rows {
                let has_program = recipe.is_built(&workspace, row) || recipe.program.is_some();
                assert!(has_program, "{}/{}", recipe.name, row.name);
            }
        }
    }
}
