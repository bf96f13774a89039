//! Special cases of a server on smol, whose reactor waits in system calls that bypass libc. `real_servers.rs`
//! tests that it is fuzzed like any other server.

mod common;

use std::path::PathBuf;

use common::{TestDir, stat, workspace};
use predicates::prelude::*;
use predicates::str::contains;
use sockfuzz::campaign::cargo_afl::CargoAfl;
use sockfuzz::recipe::Recipe;
use sockfuzz::server::status_file::StatusFile;
use sockfuzz_protocol::Counter;

const EXECUTIONS: u32 = 3000;

/// Builds the server with instrumentation, and returns its path.
fn server() -> PathBuf {
    let workspace = workspace();
    let recipes = Recipe::all(&workspace).expect("recipes");
    let smol = recipes.iter().find(|recipe| recipe.name == "smol").expect("a recipe");
    let cargo_afl = CargoAfl::find_or_install().expect("cargo-afl");
    smol.build(&workspace, &cargo_afl).expect("it builds");
    smol.built_program(&workspace, &smol.rows[0])
}

/// Without the trap, the preload does not see the server wait, so no connection is made, and the server is refused.
#[test]
fn without_the_syscall_trap_the_server_never_accepts() {
    TestDir::new()
        .sockfuzz()
        .args(["check", "--timeout", "2", "--syscalls", "libc", "--"])
        .arg(server())
        .arg("127.0.0.1:0")
        .assert()
        .code(i32::from(sockfuzz::util::exit_code::NEVER_ACCEPTS))
        .stderr(contains(" in epoll_pwait").and(contains("--syscalls trap")));
}

/// The reactor's own thread also polls for connections, whenever its timer expires.
#[test]
fn every_connection_is_accepted() {
    let dir = TestDir::new();
    let output = dir.path("out");
    dir.sockfuzz()
        .args([
            "fuzz",
            "--no-check",
            "--mutator",
            "none",
            "-t",
            "2000",
            "--warm-up",
            "off",
            "--rerun",
            "off",
            "-o",
        ])
        .arg(&output)
        .args(["--afl", &format!("-c - -E {EXECUTIONS}"), "--"])
        .arg(server())
        .args(["127.0.0.1:0", "1"])
        .assert()
        .code(0);
    let executions = stat(&output, "default", "execs_done");
    assert!(executions >= f64::from(EXECUTIONS));
    let status = StatusFile::existing(&output.join("sockfuzz.status")).expect("left behind");
    assert_eq!(status.count(Counter::Accepted), status.count(Counter::Iterations));
    // A process that ends or is killed may have begun an iteration that afl-fuzz does not count.
    let begun_in_vain = status.count(Counter::Iterations) as f64 - executions;
    assert!((0.0..=status.count(Counter::Processes) as f64).contains(&begun_in_vain), "{begun_in_vain}");
    assert_eq!(status.count(Counter::Abandoned), 0);
}
