//! Servers that leak memory, threads, processes or file descriptors. The leak is reported with figures at the end of
//! the campaign, and no single input becomes a finding.
//!
//! `EXECUTIONS=1000000` overrides the default number of executions in the test of several leaks.

mod common;

use common::{TestDir, stat};
use predicates::prelude::PredicateBooleanExt;
use predicates::str::contains;
use sockfuzz::campaign::cargo_afl::CargoAfl;
use sockfuzz::campaign::control_group::{ControlGroup, GroupLimits};

fn is_told(what: &str, executions: u32, words: &str) {
    is_told_in(&TestDir::new(), what, executions, words);
}

/// Fuzzes a server that leaks `what` until several of its processes have ended, and expects a report with `words`.
fn is_told_in(dir: &TestDir, what: &str, executions: u32, words: &str) {
    let cargo_afl = CargoAfl::find_or_install().expect("cargo-afl");
    let Some(server) = dir.instrumented_server("keeps", &cargo_afl) else { return };
    dir.sockfuzz()
        .args(["fuzz", "--no-check", "-t", "2000", "-o", "out", "-i"])
        .arg(dir.corpus())
        .args(["--memory", "300", "--iterations", "2000", "--afl", &format!("-c - -E {executions}"), "--"])
        .arg(server)
        .arg(what)
        .assert()
        .code(0)
        .stderr(contains("the server leaks: in 1,000 iterations it takes ").and(contains(words)));
    let out = dir.path("out");
    assert!(stat(&out, "default", "execs_done") >= executions.into());
    assert_eq!(stat(&out, "default", "saved_crashes"), 0.0);
    assert_eq!(stat(&out, "default", "saved_hangs"), 0.0);
}

#[test]
fn leaked_memory_is_reported() {
    is_told("memory", 5000, " of memory and");
}

#[test]
fn leaked_threads_are_reported() {
    is_told("thread", 1500, " threads");
}

/// The server forks a child process for each request and does not reap it.
#[test]
fn leaked_processes_are_reported() {
    is_told("process", 1500, " processes");
}

#[test]
fn several_leaks_are_reported_and_again_after_a_resumption() {
    let executions = std::env::var("EXECUTIONS").map_or(1500, |number| number.parse().expect("a number"));
    let dir = TestDir::new();
    is_told_in(&dir, "memory,thread,file", executions, " descriptors");
    is_told_in(&dir, "memory,thread,file", 2 * executions, " threads");
}

#[test]
fn leaked_descriptors_are_reported() {
    is_told("file", 5000, " descriptors");
}

/// Every process is below its own limit, but together they exceed that of the campaign's control group. All seeds do
/// so, so afl-fuzz cannot start, and the message names the cause.
#[test]
fn the_control_group_limits_the_memory_of_all_processes() {
    let limits = GroupLimits::for_instances(1, 100);
    let Some(group) = ControlGroup::create(limits).filter(|group| group.limits().contains("memory")) else {
        eprintln!(
            "skipped: no control group that limits memory is delegated (systemd-run --user --scope gives one)"
        );
        return;
    };
    drop(group);
    let cargo_afl = CargoAfl::find_or_install().expect("cargo-afl");
    let dir = TestDir::new();
    let Some(server) = dir.instrumented_server("keeps", &cargo_afl) else { return };
    dir.sockfuzz()
        .args(["fuzz", "--no-check", "-t", "2000", "-o", "out", "-i"])
        .arg(dir.corpus())
        .args(["--memory", "100", "--afl", "-c - -E 30", "--"])
        .arg(server)
        .arg("crowd")
        .assert()
        .code(5)
        .stderr(
            contains("a control group keeps the campaign below 500")
                .and(contains("of the campaign, which had used up its 500.00 MiB")),
        );
}

/// The inputs that a process keeps for its history are not the server's.
#[test]
fn a_history_is_no_leak() {
    let dir = TestDir::new();
    let cargo_afl = CargoAfl::find_or_install().expect("cargo-afl");
    let Some(server) = dir.instrumented_server("keeps", &cargo_afl) else { return };
    let long = format!("GET / HTTP/1.1\r\nX: {}\r\n\r\n", "x".repeat(3000));
    dir.write("seeds/long", long.as_bytes());
    dir.sockfuzz()
        .args(["fuzz", "--no-check", "-t", "2000", "-o", "out", "-i", "seeds"])
        .args(["--afl", "-c - -E 10500", "--"])
        .arg(server)
        .arg("nothing")
        .env("AFL_DISABLE_TRIM", "1")
        .assert()
        .code(0)
        .stderr(contains("the server leaks").not());
}
