//! `sockfuzz bench`, with numbers too small to mean anything: what it measures, prints, writes, refuses.

mod common;

use std::fs;

use common::Yard;
use predicates::prelude::PredicateBooleanExt;
use predicates::str::contains;

/// Whether targets are met is left to machines that do nothing else.
const MEASURED: &[i32] = &[0, 6];

fn bench(yard: &Yard, options: &[&str]) -> assert_cmd::Command {
    let mut command = yard.sockfuzz();
    command.args(["bench", "--rounds", "2"]).args(options);
    command
}

#[test]
fn every_model_transport_and_loop_is_a_case() {
    let listed = Yard::new().sockfuzz().args(["bench", "--list"]).assert().code(0);
    let listed = String::from_utf8(listed.get_output().stdout.clone()).expect("UTF-8");
    let has = |name: &str| listed.lines().any(|line| line == name);
    for model in ["accept-threads", "thread-per-connection", "pool", "poll", "epoll", "tokio"] {
        for transport in ["tcp", "unix", "memory"] {
            assert!(has(&format!("{model}/{transport}/direct")) && has(&format!("{model}/{transport}/afl")));
        }
    }
    assert!(["empty/afl", "empty/direct", "inproc"].into_iter().all(has), "{listed}");
}

#[test]
fn what_is_measured_is_printed_written_and_drawn() {
    let yard = Yard::new();
    let options =
        ["--executions", "400", "--only", "empty/direct", "--csv", "bench.csv", "--svg", "bench.svg"];
    bench(&yard, &options)
        .assert()
        .code(MEASURED)
        .stdout(contains("| empty/direct ").and(contains("| empty/afl ")).and(contains("at least")))
        .stderr(contains("4/4 "));
    let sheet = fs::read_to_string(yard.path("bench.csv")).expect("written");
    let cases: Vec<_> = sheet.lines().map(|line| line.split(',').next().unwrap_or_default()).collect();
    assert_eq!(cases, ["case", "empty/afl", "empty/afl", "empty/direct", "empty/direct"]);
    let chart = fs::read_to_string(yard.path("bench.svg")).expect("written");
    assert!(chart.contains("empty/direct"), "{chart}");

    bench(&yard, &options).assert().code(1).stderr(contains("bench.csv exists").and(contains("--force")));
    assert_eq!(fs::read_to_string(yard.path("bench.csv")).expect("still there"), sheet);
    bench(&yard, &[&options[..], &["--force"]].concat()).assert().code(MEASURED);
}

/// One crash in 100 inputs, or nearly so, and the server goes on.
#[test]
fn crashes_are_planted() {
    let yard = Yard::new();
    bench(&yard, &["--only", "epoll/memory/direct/crashes", "--executions", "4000"])
        .assert()
        .code(MEASURED)
        .stdout(
            contains("| epoll/memory/direct/crashes | ")
                .and(contains("crashed only").not())
                .and(contains("failed").not()),
        );
}

#[test]
fn a_case_that_there_is_not_is_refused() {
    let yard = Yard::new();
    bench(&yard, &["--only", "carrier-pigeon"]).assert().code(1).stderr(contains("bench --list"));
}
