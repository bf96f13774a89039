//! A server on smol, whose reactor waits in system calls that bypass libc: they are trapped, so that
//! it is fuzzed like any other.

mod common;

use std::path::PathBuf;

use common::{Yard, stat, workspace};
use predicates::prelude::*;
use predicates::str::contains;
use sockfuzz::afl::cargo_afl::CargoAfl;
use sockfuzz::status_file::StatusFile;
use sockfuzz_contract::Counter;

const EXECUTIONS: u32 = 3000;

/// Builds the server with instrumentation.
fn server() -> PathBuf {
    let workspace = workspace();
    let root = workspace.target("servers/smol");
    let status = CargoAfl::find_or_install()
        .expect("cargo-afl")
        .command()
        .args(["build", "--release", "--locked", "--quiet", "--manifest-path"])
        .arg(workspace.path("harness/servers/smol/Cargo.toml"))
        .arg("--target-dir")
        .arg(root.join("build"))
        .status()
        .expect("cargo-afl starts");
    assert!(status.success(), "the server compiles");
    root.join("build/release/smol-server")
}

#[test]
fn answers_as_over_tcp() {
    let server = server();
    for transport in ["unix", "tcp"] {
        Yard::new()
            .sockfuzz()
            .args(["check", "--timeout", "20", "--transport", transport, "--"])
            .arg(&server)
            .args(["127.0.0.1:0", "1"])
            .assert()
            .code(0)
            .stdout(contains("seeds: answered as over TCP"));
    }
}

/// Without the trap the server never gets to see a connection, and that is what it is refused for.
#[test]
fn without_the_trap_it_is_a_dud() {
    Yard::new()
        .sockfuzz()
        .args(["check", "--timeout", "2", "--syscalls", "libc", "--"])
        .arg(server())
        .arg("127.0.0.1:0")
        .assert()
        .code(i32::from(sockfuzz::problem::exit::NEVER_ACCEPTS))
        .stderr(contains(" in epoll_pwait").and(contains("--syscalls trap")));
}

fn is_fuzzed(more_threads: &str, least_stability: f64) {
    let yard = Yard::new();
    let output = yard.path("out");
    yard.sockfuzz()
        .args(["fuzz", "-t", "2000", "--warm-up", "off", "--settle", "off", "-o"])
        .arg(&output)
        .args(["--afl", &format!("-c - -E {EXECUTIONS}"), "--"])
        .arg(server())
        .args(["127.0.0.1:0", more_threads])
        .assert()
        .code(0);
    let executions = stat(&output, "default", "execs_done");
    assert!(executions >= f64::from(EXECUTIONS));
    let status = StatusFile::existing(&output.join("sockfuzz.status")).expect("left behind");
    assert_eq!(status.count(Counter::Accepted), status.count(Counter::Iterations));
    // A process that ends, or is ended, has begun one that nobody counts.
    let begun_in_vain = status.count(Counter::Iterations) as f64 - executions;
    assert!((0.0..=status.count(Counter::Processes) as f64).contains(&begun_in_vain), "{begun_in_vain}");
    assert_eq!(status.count(Counter::Abandoned), 0);
    assert_eq!(stat(&output, "default", "total_tmout"), 0.0);
    assert!(stat(&output, "default", "edges_found") > 3000.0);
    assert!(stat(&output, "default", "stability") >= least_stability);
}

/// The reactor's own thread looks after the connection whenever its timer says so.
#[test]
fn is_fuzzed_in_one_thread_and_the_reactors() {
    is_fuzzed("0", 80.0);
}

#[test]
fn is_fuzzed_in_two_threads_and_the_reactors() {
    is_fuzzed("1", 80.0);
}
