//! Catalogue of all cases in the order of the table, and of the builds that are missing for further cases.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use anyhow::Result;
use clap::ValueEnum;
use sockfuzz_protocol::{Loop, SandboxMode, Transport, specs};

use super::case::{BenchCase, PreloadedServer, SeedSource, Subject};
use super::crashes;
use super::goals::Goal;
use super::names::{CRASHES, EMPTY, HISTORIES, OTHER_LIBRARY};
use super::netdriver::NetDriver;
use crate::campaign::bundled::{self, ConcurrencyModel};
use crate::options::PreloadOptions;
use crate::recipe::{Home, Recipe, RecipeRow};
use crate::server::Server;
use crate::util::problem::Problem;
use crate::util::workspace::Workspace;

/// Recipes of the servers that are measured if they have been built.
const BUILT: [&str; 3] = ["nginx", "lighttpd", "hyper"];

/// All cases of the benchmark.
#[derive(Debug)]
pub struct Catalogue {
    /// Cases that can be measured.
    pub cases: Vec<BenchCase>,
    /// Missing builds for further cases, one line each.
    pub missing: Vec<String>,
}

impl Catalogue {
    /// Creates the catalogue of all cases.
    ///
    /// # Errors
    /// A recipe that cannot be used.
    pub fn new(workspace: &Workspace, library: &Path) -> Result<Self> {
        let mut this = Self { cases: Vec::new(), missing: Vec::new() };
        let program = |name: &str| bundled::program(workspace, name);
        let crashing = crashes::options(workspace, library);
        this.add(EMPTY, Subject::Harness(program("empty")));
        let empty =
            with_loop(&bundled_server(program("empty-server"), Vec::new()), Transport::Memory, Loop::Direct);
        this.add("empty/direct", Subject::Server(empty));
        this.add("inproc", Subject::Harness(program("inproc")));
        for model in ConcurrencyModel::value_variants() {
            let server = bundled_server(program(model.program(false)), model.arguments());
            this.add_server(&model.name(), &server, &crashing);
        }
        let recipes = Recipe::all(workspace)?;
        for recipe in recipes.iter().filter(|recipe| BUILT.contains(&&*recipe.name)) {
            let Some(row) = recipe.rows.first() else { continue };
            let program = recipe.built_program(workspace, row);
            if !program.exists() {
                this.missing.push(format!("{0}: build it with harness/servers/{0}/build", recipe.name));
                continue;
            }
            let server = recipe_server(workspace, recipe, row, program)?;
            this.add_server(&recipe.name, &server, &crashing);
            this.add_one_file(&recipe.name, server);
            for row in recipe.rows.iter().filter(|row| row.tls) {
                let program = recipe.built_program(workspace, row);
                if program.exists() {
                    let server = recipe_server(workspace, recipe, row, program)?;
                    this.add_one_file(&format!("{}/{}", recipe.name, row.name), server);
                }
            }
            if recipe.name == "nginx" {
                match NetDriver::find(workspace, recipe, row)? {
                    Some(driver) => this.add("nginx/netdriver", Subject::NetDriver(driver)),
                    None => this.missing.push(NetDriver::REMEDY.to_owned()),
                }
            }
        }
        Ok(this)
    }

    fn add(&mut self, name: &str, subject: Subject) {
        self.cases.push(BenchCase { name: name.to_owned(), subject });
    }

    /// Adds a server with every transport and loop, and the fastest combination with crashes, and with histories.
    fn add_server(
        &mut self,
        name: &str,
        server: &PreloadedServer,
        crashing: impl Fn(&PreloadOptions) -> PreloadOptions,
    ) {
        for transport in [Transport::Tcp, Transport::Unix, Transport::Memory] {
            for r#loop in [Loop::Afl, Loop::Direct] {
                self.add(
                    &format!("{name}/{transport}/{loop}"),
                    Subject::Server(with_loop(server, transport, r#loop)),
                );
            }
        }
        let server = with_loop(server, Transport::Memory, Loop::Direct);
        let keeping = PreloadedServer { histories: true, ..server.clone() };
        self.add(&format!("{name}/memory/direct{HISTORIES}"), Subject::Server(keeping));
        let crashing = PreloadedServer { options: crashing(&server.options), ..server };
        self.add(&format!("{name}/memory/direct{}", CRASHES), Subject::Server(crashing));
    }

    /// Adds a server in the fastest combination, with a seed that asks for a file.
    fn add_one_file(&mut self, name: &str, server: PreloadedServer) {
        let one_file = PreloadedServer { seeds: SeedSource::OneFile, ..server };
        let fastest = with_loop(&one_file, Transport::Memory, Loop::Direct);
        self.add(&format!("{name}/memory/direct/file"), Subject::Server(fastest));
    }

    /// Sets the sandbox mode of all servers.
    pub fn set_sandbox(&mut self, mode: SandboxMode) {
        for case in &mut self.cases {
            if let Subject::Server(server) = &mut case.subject {
                server.options = server.options.with(specs::SANDBOX.variable, mode.to_string());
            }
        }
    }

    /// Adds a case with another library next to each case with a preloaded server.
    pub fn add_other_library(&mut self, library: &Path) {
        let with_other = |case: BenchCase| {
            let other = match &case.subject {
                Subject::Server(server) => Some(BenchCase {
                    name: format!("{}{OTHER_LIBRARY}", case.name),
                    subject: Subject::Server(PreloadedServer {
                        library: Some(library.to_owned()),
                        ..server.clone()
                    }),
                }),
                Subject::Harness(_) | Subject::NetDriver(_) => None,
            };
            std::iter::once(case).chain(other)
        };
        self.cases = std::mem::take(&mut self.cases).into_iter().flat_map(with_other).collect();
    }

    /// Builds the library that cases with crashes need.
    ///
    /// # Errors
    /// When there is no C compiler.
    pub fn build(&self, workspace: &Workspace) -> Result<()> {
        if self.cases.iter().any(BenchCase::crashes) { crashes::build(workspace) } else { Ok(()) }
    }

    /// Selects cases whose names contain one of the patterns, and the cases that they are compared with.
    ///
    /// # Errors
    /// A pattern that matches no name.
    pub fn select(mut self, patterns: &[String]) -> Result<Self> {
        if patterns.is_empty() {
            return Ok(self);
        }
        if let Some(pattern) =
            patterns.iter().find(|pattern| !self.cases.iter().any(|case| case.name.contains(&***pattern)))
        {
            let remedy = "see sockfuzz bench --list";
            return Err(Problem::failed(format!("there is no case {pattern}"), remedy).into());
        }
        let is_named = |name: &str| patterns.iter().any(|pattern| name.contains(&**pattern));
        let references: Vec<_> = Goal::all(&self.cases)
            .into_iter()
            .filter(|goal| is_named(&goal.of))
            .map(|goal| goal.against)
            .chain([EMPTY.to_owned()])
            .collect();
        self.cases.retain(|case| is_named(&case.name) || references.contains(&case.name));
        Ok(self)
    }
}

/// Returns the server of a row of a recipe, which has been built.
fn recipe_server(
    workspace: &Workspace,
    recipe: &Recipe,
    row: &RecipeRow,
    program: PathBuf,
) -> Result<PreloadedServer> {
    let home = Rc::new(Home::render(workspace, recipe, row, program)?);
    Ok(PreloadedServer {
        server: home.server.clone(),
        options: home.options.clone(),
        seeds: SeedSource::Corpus,
        histories: false,
        library: None,
        _home: Some(home),
    })
}

fn bundled_server(program: PathBuf, arguments: Vec<OsString>) -> PreloadedServer {
    PreloadedServer {
        // The program may not be built yet, so its sanitizer cannot be looked up; it has none.
        server: Server::new(program, arguments),
        options: PreloadOptions::default().with(specs::SANDBOX.variable, SandboxMode::Auto.to_string()),
        seeds: SeedSource::Corpus,
        histories: false,
        library: None,
        _home: None,
    }
}

fn with_loop(server: &PreloadedServer, transport: Transport, r#loop: Loop) -> PreloadedServer {
    let options = server
        .options
        .with(specs::TRANSPORT.variable, transport.to_string())
        .with(specs::LOOP.variable, r#loop.to_string());
    PreloadedServer { options, ..server.clone() }
}
