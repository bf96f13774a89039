//! `sockfuzz bench`: cases, printed and written results, and refusals, with too few executions for real figures.

mod common;

use std::fs;

use common::TestDir;
use predicates::prelude::PredicateBooleanExt;
use predicates::str::contains;

/// Exit statuses of a measurement. Targets may be missed, because the machine may have other work.
const MEASURED: &[i32] = &[0, 6];

fn bench(dir: &TestDir, options: &[&str]) -> assert_cmd::Command {
    let mut command = dir.sockfuzz();
    command.args(["bench", "--rounds", "2"]).args(options);
    command
}

#[test]
fn every_model_transport_and_loop_is_a_case() {
    let listed = TestDir::new().sockfuzz().args(["bench", "--list"]).assert().code(0);
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
fn measurements_are_printed_and_written_as_csv_and_svg() {
    let dir = TestDir::new();
    let options =
        ["--executions", "400", "--only", "empty/direct", "--csv", "bench.csv", "--svg", "bench.svg"];
    bench(&dir, &options)
        .assert()
        .code(MEASURED)
        .stdout(contains("| empty/direct ").and(contains("| empty/afl ")).and(contains("at least")))
        .stderr(contains("4/4 "));
    let sheet = fs::read_to_string(dir.path("bench.csv")).expect("written");
    let cases: Vec<_> = sheet.lines().map(|line| line.split(',').next().unwrap_or_default()).collect();
    assert_eq!(cases, ["case", "empty/afl", "empty/afl", "empty/direct", "empty/direct"]);
    let chart = fs::read_to_string(dir.path("bench.svg")).expect("written");
    assert!(chart.contains("empty/direct"), "{chart}");

    bench(&dir, &options).assert().code(1).stderr(contains("bench.csv exists").and(contains("--force")));
    assert_eq!(fs::read_to_string(dir.path("bench.csv")).expect("still there"), sheet);
    bench(&dir, &[&options[..], &["--force"]].concat()).assert().code(MEASURED);
}

/// About one input in 100 crashes, and the server continues.
#[test]
fn cases_with_crashes_are_measured() {
    let dir = TestDir::new();
    bench(&dir, &["--only", "epoll/memory/direct/crashes", "--executions", "4000"])
        .assert()
        .code(MEASURED)
        .stdout(
            contains("| epoll/memory/direct/crashes | ")
                .and(contains("crashed only").not())
                .and(contains("failed").not()),
        );
}

#[test]
fn an_unknown_case_is_refused() {
    let dir = TestDir::new();
    bench(&dir, &["--only", "carrier-pigeon"]).assert().code(1).stderr(contains("bench --list"));
}
