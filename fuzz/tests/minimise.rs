//! Minimisation of many seeds, before fuzzing and as a command of its own.

mod common;

use std::fs;
use std::path::{Path, PathBuf};

use common::TestDir;
use predicates::prelude::PredicateBooleanExt;
use predicates::str::contains;
use sockfuzz::campaign::cargo_afl::CargoAfl;

/// Number of seeds that reach the same.
const EQUAL: usize = 600;

/// Builds the server with routes, and writes many seeds; `None` if the test has to be skipped.
fn server_with_seeds(dir: &TestDir) -> Option<PathBuf> {
    let server = dir.instrumented_server("routes", &CargoAfl::find_or_install().expect("cargo-afl"))?;
    for number in 0..EQUAL {
        let request = format!("GET /users/{} HTTP/1.1\r\nHost: a\r\n\r\n", 1000 + number);
        dir.write(&format!("corpus/user-{number:03}"), request.as_bytes());
    }
    for (name, line) in [
        ("abort", "CRASH /"),
        ("admin", "GET /admin"),
        ("crash", "CRASH /sampled"),
        ("create", "POST /users"),
    ] {
        let request = format!("{line} HTTP/1.1\r\nHost: a\r\n\r\n");
        dir.write(&format!("corpus/sub/{name}"), request.as_bytes());
    }
    Some(server)
}

fn fuzz(dir: &TestDir, server: &Path, options: &[&str]) -> assert_cmd::Command {
    let mut command = dir.sockfuzz();
    command.args(["fuzz", "-t", "2000", "--mutator", "none", "--no-triage", "-i", "corpus"]);
    command.args(options).arg("--").arg(server);
    command
}

/// Returns how many seeds the queue of an instance contains, and whether all of these are among them.
fn queued(dir: &TestDir, instance: &str, names: &[&str]) -> (usize, bool) {
    let entries = fs::read_dir(dir.path(&format!("out/{instance}/queue"))).expect("a queue").flatten();
    let files: Vec<_> = entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    let seeds = files.iter().filter(|name| name.contains(",orig:"));
    let has = |name: &&str| files.iter().any(|file| file.ends_with(&format!("orig:{name}")));
    (seeds.count(), names.iter().all(has))
}

#[test]
fn of_many_seeds_afl_fuzz_gets_those_that_add_coverage() {
    let dir = TestDir::new();
    let Some(server) = server_with_seeds(&dir) else { return };
    fuzz(&dir, &server, &["--afl", "-c - -E 300"]).assert().code(0).stderr(
        contains("603 seeds, 3 kept: the others add no coverage; --keep-all-seeds keeps them")
            .and(contains("seeds that crash the server: 2, that hang it: 0")),
    );
    let (seeds, has_all) = queued(&dir, "default", &["user-000", "create", "admin"]);
    assert!(has_all && seeds == 3, "{seeds}");
    for crash in ["abort", "crash"] {
        assert!(dir.path(&format!("out/sockfuzz-seeds/crashes/sub_{crash}")).exists(), "{crash}");
    }
    assert_eq!(fs::read_dir(dir.path("corpus")).expect("still there").count(), EQUAL + 1);

    dir.write("corpus/zz-old", b"GET /old HTTP/1.1\r\nHost: a\r\n\r\n");
    dir.write("corpus/zz-again", b"GET /old HTTP/1.1\r\nHost: abcdefg\r\n\r\n");
    fuzz(&dir, &server, &["--afl", "-c - -E 300"])
        .assert()
        .code(0)
        .stderr(contains("2 seeds, 1 kept").and(contains("1 new seed put into the queue")));
    // Instances that are added start with the same seeds.
    fuzz(&dir, &server, &["--afl", "-c - -E 300", "-j", "2"]).assert().code(0);
    let (seeds, has_all) = queued(&dir, "main", &["user-000", "create", "admin", "zz-old"]);
    assert!(has_all && seeds == 4, "{seeds}");
}

#[test]
fn all_seeds_are_kept_where_that_is_wanted() {
    let dir = TestDir::new();
    let Some(server) = server_with_seeds(&dir) else { return };
    fuzz(&dir, &server, &["--keep-all-seeds", "--afl", "-c - -E 8000"])
        .assert()
        .code(0)
        .stderr(contains("seeds that crash the server: 2").and(contains("the others add no coverage").not()));
    assert_eq!(queued(&dir, "default", &["user-000", "user-599", "create"]), (EQUAL + 2, true));
}

#[test]
fn minimize_keeps_what_the_inputs_reach() {
    let dir = TestDir::new();
    let Some(server) = server_with_seeds(&dir) else { return };
    let minimize = |from: &str, to: &str| {
        let mut command = dir.sockfuzz();
        let command = command.args(["corpus", "minimize", "-j", "2", "-i", from, "-o", to, "--"]);
        let output = command.arg(&server).assert().code(0).get_output().stdout.clone();
        String::from_utf8(output).expect("text")
    };
    let first = minimize("corpus", "small");
    assert!(first.contains("left out corpus/sub/crash: it ends or hangs the server"), "{first}");
    assert!(first.contains("604 inputs, 3 kept: they add "), "{first}");
    let reached = |text: &str| text.split(" kept: ").nth(1).map(str::to_owned);
    let second = minimize("small", "smaller");
    assert_eq!(reached(&second), reached(&first));
    assert_eq!(fs::read_dir(dir.path("small")).expect("written").count(), 3);
    assert!(minimize("corpus", "small").contains("604 inputs, 0 kept: they add 0 edges"));
}
