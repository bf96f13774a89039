//! Real servers from their recipes: the rows that CI tests answer every seed as over real TCP. Some of the
//! servers, unmodified, are built and fuzzed by the real afl-fuzz.

mod common;

use std::path::PathBuf;

use common::{TestDir, real_server, skip, stat, workspace};
use predicates::prelude::PredicateBooleanExt;
use predicates::str::contains;
use sockfuzz::campaign::cargo_afl::CargoAfl;
use sockfuzz::recipe::{CiLevel, Home, Recipe, RecipeRow};

/// Executions of a campaign: enough for several server processes, one after the other.
const EXECUTIONS: u32 = 40_000;

/// Returns the recipe's program for a test; `None` if the test has to be skipped.
fn program(recipe: &Recipe, row: &RecipeRow) -> Option<PathBuf> {
    let workspace = workspace();
    let installed = recipe.system_program().filter(|_| row.ci == CiLevel::Check);
    let program = installed.map(|found| found.map_err(anyhow::Error::from)).unwrap_or_else(|| {
        let cargo_afl = CargoAfl::find_or_install().expect("cargo-afl");
        recipe.build(&workspace, &cargo_afl).map(|()| recipe.built_program(&workspace, row))
    });
    program.map_err(|problem| skip(&format!("{}: {problem:#}", recipe.name))).ok()
}

fn answers_as_over_tcp(home: &Home, dir: &TestDir, transport: &str) {
    let options = home.options.variables().map(|(name, value)| (name, value.to_owned()));
    dir.sockfuzz()
        .envs(options)
        .args(["check", "--timeout", "20", "--transport", transport, "--"])
        .arg(&home.server.program)
        .args(&home.server.arguments)
        .assert()
        .code(0)
        .stdout(contains("seeds: answered as over TCP"));
}

/// Checks the bundled sessions: several connections at once, split packets, resets, half-closes.
fn sessions_are_answered_as_over_tcp(name: &str) {
    let Some(home) = real_server(name) else { return };
    let dir = TestDir::new();
    for transport in ["unix", "tcp", "memory"] {
        let options = home.options.variables().map(|(name, value)| (name, value.to_owned()));
        dir.sockfuzz()
            .envs(options)
            .args(["check", "--timeout", "20", "--transport", transport, "-i"])
            .arg(workspace().path("corpus/sessions"))
            .arg("--")
            .arg(&home.server.program)
            .args(&home.server.arguments)
            .assert()
            .code(0)
            .stdout(contains("input   sessions").and(contains("seeds: answered as over TCP")));
    }
}

#[test]
fn sessions_of_nginx() {
    sessions_are_answered_as_over_tcp("nginx");
}

#[test]
fn sessions_of_lighttpd() {
    sessions_are_answered_as_over_tcp("lighttpd");
}

fn is_fuzzed(home: &Home, dir: &TestDir, least_stability: f64) {
    let output = dir.path("out");
    let options = home.options.variables().map(|(name, value)| (name, value.to_owned()));
    dir.sockfuzz()
        .envs(options)
        .args(["fuzz", "--no-check", "-t", "1000", "--afl", &format!("-E {EXECUTIONS}"), "-o"])
        .arg(&output)
        .arg("--")
        .arg(&home.server.program)
        .args(&home.server.arguments)
        .assert()
        .code(0);
    assert!(stat(&output, "default", "execs_done") >= f64::from(EXECUTIONS));
    assert!(stat(&output, "default", "edges_found") > 500.0);
    assert!(stat(&output, "default", "stability") >= least_stability);
    assert_eq!(stat(&output, "default", "total_tmout"), 0.0);
    assert_eq!(stat(&output, "default", "saved_crashes"), 0.0);
}

/// Tests the rows of a server's recipe, one after the other.
fn works(name: &str) {
    let recipes = Recipe::all(&workspace()).expect("recipes");
    let recipe = recipes.iter().find(|recipe| recipe.name == name).expect("a recipe");
    for row in recipe.rows.iter().filter(|row| row.ci != CiLevel::None) {
        eprintln!("{name}/{}", row.name);
        let Some(program) = program(recipe, row) else { return };
        let home = Home::render(&workspace(), recipe, row, program).expect("rendered");
        let dir = TestDir::new();
        answers_as_over_tcp(&home, &dir, "unix");
        if row.ci == CiLevel::Fuzz {
            answers_as_over_tcp(&home, &dir, "tcp");
            answers_as_over_tcp(&home, &dir, "memory");
            is_fuzzed(&home, &dir, row.stability.unwrap_or(if row.threads { 95.0 } else { 99.0 }));
        }
    }
}

/// One test for each recipe, so that they run in parallel and fail by name.
macro_rules! recipes {
    ($($test:ident = $name:literal),+ $(,)?) => {
        $(
            #[test]
            fn $test() {
                works($name);
            }
        )+

        /// Covers the recipes that CI tests.
        #[test]
        fn every_recipe_has_a_test() {
            let recipes = Recipe::all(&workspace()).expect("recipes").into_iter();
            let is_tried = |recipe: &Recipe| recipe.rows.iter().any(|row| row.ci != CiLevel::None);
            let tried: Vec<_> = recipes.filter(is_tried).map(|recipe| recipe.name).collect();
            assert_eq!(tried, [$($name),+]);
        }
    };
}

recipes! {
    actix_web = "actix-web",
    apache2 = "apache2",
    axum = "axum",
    caddy = "caddy",
    haproxy = "haproxy",
    hyper = "hyper",
    libevent = "libevent",
    libmicrohttpd = "libmicrohttpd",
    lighttpd = "lighttpd",
    nginx = "nginx",
    node = "node",
    python = "python",
    smol = "smol",
    tiny_http = "tiny_http",
    uvicorn = "uvicorn",
    warp = "warp",
}
